"""What comes from elsewhere, or is too much, is refused; and the app goes on."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from rtdenoise_app import guard
from rtdenoise_app.messages import MOST_BYTES
from rtdenoise_app.server import MOST_CONNECTIONS, MOST_PAGES

from .conftest import App

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux tells whose a connection is"
)


@pytest.fixture(autouse=True)
def _goes_on(shared_app: App) -> Iterator[None]:
    """Whatever was tried: its own page is served afterwards."""
    yield
    for _ in range(100):  # connections that were let go are counted for a moment
        with suppress(OSError, http.client.HTTPException, InvalidStatus, ConnectionClosed):
            page = shared_app.page()
            page.until(lambda state: state["doing"] == "idle")
            page.close()
            return
        time.sleep(0.1)
    pytest.fail("the app no longer answers")


def get(app: App, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> int:
    """The status of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", app.address["port"], timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        own = {"Host": f"127.0.0.1:{app.address['port']}", **(headers or {})}
        for name, value in own.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def opened(app: App, token: str, origin: str | None) -> int:
    """The status with which a WebSocket is refused; 101 where it is opened."""
    url = f"ws://127.0.0.1:{app.address['port']}/ws?token={token}"
    try:
        known = None if origin is None else Origin(origin)
        with connect(url, origin=known, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def test_its_own_page_is_let_in(shared_app: App) -> None:
    address = shared_app.address
    assert get(shared_app, f"/?token={address['token']}") == 200
    assert get(shared_app, f"/?token={address['token']}", {"Sec-Fetch-Site": "none"}) == 200
    assert opened(shared_app, address["token"], f"http://127.0.0.1:{address['port']}") == 101
    assert opened(shared_app, address["token"], f"http://localhost:{address['port']}") == 101


def test_without_the_token_nothing_is_seen(shared_app: App) -> None:
    token, port = shared_app.address["token"], shared_app.address["port"]
    origin = f"http://127.0.0.1:{port}"
    for wrong in ("", "x", token[:-1], token + "x", token.lower(), f"{token}&token={token}", "%00"):
        assert get(shared_app, f"/?token={wrong}") == 403, wrong
        assert get(shared_app, f"/report/?token={wrong}") == 403, wrong
        assert opened(shared_app, wrong, origin) == 403, wrong
    assert get(shared_app, "/") == get(shared_app, "/report/before.jpg") == 403


def test_pages_of_other_sites_are_refused(shared_app: App) -> None:
    token, port = shared_app.address["token"], shared_app.address["port"]
    for origin in (
        "https://example.org",
        "null",
        f"https://127.0.0.1:{port}",
        f"http://127.0.0.1:{port + 1}",
        f"http://127.0.0.1:{port}.example.org",
        "file://",
        None,
    ):
        assert opened(shared_app, token, origin) == 403, origin
    assert get(shared_app, f"/?token={token}", {"Origin": "https://example.org"}) == 403
    for site in ("cross-site", "same-site"):
        assert get(shared_app, "/index.html", {"Sec-Fetch-Site": site}) == 403


def test_names_of_other_hosts_are_refused(shared_app: App) -> None:
    token, port = shared_app.address["token"], shared_app.address["port"]
    for host in (f"example.org:{port}", "127.0.0.1", f"0.0.0.0:{port}", f"[::1]:{port}", ""):
        assert get(shared_app, f"/?token={token}", {"Host": host}) == 403, host


def test_no_other_address_of_this_machine_listens(shared_app: App) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    others = [str(a) for a in addresses if a not in ("127.0.0.1", "::1")]
    if sys.platform.startswith("linux"):
        others.append("127.0.0.2")
    for address in [*others, "::1"]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(5)
            assert client.connect_ex((address, shared_app.address["port"])) != 0, address


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2fpyproject.toml",
        "/%2e%2e/command.py",
        "/page/index.html",
        "//etc/passwd",
        "/etc/passwd",
        "/report/../settings.json",
        "/report/..%2Fnoise.json",
        "/report//etc/passwd",
        "/index.html/",
        "/index.html%00.css",
        "/\\..\\command.py",
        "http://127.0.0.1/etc/passwd",
    ],
)
def test_paths_lead_nowhere(shared_app: App, path: str) -> None:
    assert get(shared_app, f"{path}?token={shared_app.address['token']}") == 404


def test_only_get(shared_app: App) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status = 0
        with suppress(http.client.HTTPException, OSError):
            status = get(shared_app, f"/?token={shared_app.address['token']}", method=method)
        assert status in (0, 400, 405), method


def test_answers_let_nothing_else_in(shared_app: App) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared_app.address["port"], timeout=20)
    connection.request("GET", f"/?token={shared_app.address['token']}")
    headers = connection.getresponse().headers
    connection.close()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Set-Cookie" not in headers  # other ports of this machine would get it, too


def test_a_thousand_connections(shared_app: App) -> None:
    with ExitStack() as stack:
        clients = []
        for _ in range(1000):
            client = stack.enter_context(socket.socket())
            client.settimeout(20)
            with suppress(OSError):
                client.connect(("127.0.0.1", shared_app.address["port"]))
                clients.append(client)
        for client in clients:
            client.setblocking(False)
        # A busy machine takes a while to look at those that wait in the kernel's queue.
        for _ in range(100):
            clients = [client for client in clients if is_open(client)]
            if len(clients) <= MOST_CONNECTIONS:
                break
            time.sleep(0.1)
        assert 0 < len(clients) <= MOST_CONNECTIONS


def is_open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True  # nothing was said
    except OSError:
        return False


def test_so_many_pages_and_no_more(shared_app: App) -> None:
    token, port = shared_app.address["token"], shared_app.address["port"]
    pages = [shared_app.page() for _ in range(MOST_PAGES)]
    try:
        assert opened(shared_app, token, f"http://127.0.0.1:{port}") == 503
    finally:
        for page in pages:
            page.close()


def test_messages_that_are_too_large_end_the_page(shared_app: App) -> None:
    page = shared_app.page()
    page.connection.send(json.dumps({"do": "choose", "camera": "x" * MOST_BYTES}))
    with pytest.raises(ConnectionClosed) as closed:
        page.until(lambda _: False)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_malformed_messages_are_told_and_then_end_the_page(shared_app: App) -> None:
    page = shared_app.page()
    for text in (
        "",
        "{",
        "[]",
        '{"do": 1}',
        '{"do": "rm"}',
        '{"do": "start", "more": 1}',
        "[" * 3000,
    ):
        page.connection.send(text)
    page.connection.send(b"\x00\x01")
    while len(page.said) < 8:
        page.take()
    assert all(said["error"] for said in page.said)
    for _ in range(10):
        page.connection.send("{}")
    with pytest.raises(ConnectionClosed) as closed:
        page.until(lambda _: False)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_messages_that_are_too_many_end_the_page(shared_app: App) -> None:
    page = shared_app.page()

    def flood() -> None:
        for _ in range(5000):
            page.send(do="drawn")
        page.until(lambda _: False)

    with pytest.raises(ConnectionClosed):
        flood()


def test_a_page_names_no_file(shared_app: App) -> None:
    page = shared_app.page()
    page.until(lambda state: state["cameras"])
    for message in (
        {"do": "choose", "camera": "file:/etc/passwd"},
        {"do": "choose", "camera": "/dev/video0"},
        {"do": "choose", "camera": page.state["camera"], "outputs": ["/tmp/film.mp4"]},
        {"do": "choose", "camera": page.state["camera"], "outputs": ["virtual:../x"]},
        {"do": "set", "network": "/tmp/evil.safetensors"},
        {"do": "set", "network": "../../evil"},
    ):
        known = len(page.said)
        page.send(**message)
        while len(page.said) == known:
            page.take()
        assert page.said[-1]["error"], message
    page.close()


def test_half_a_request_is_not_waited_for(shared_app: App) -> None:
    with socket.create_connection(("127.0.0.1", shared_app.address["port"]), timeout=30) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        assert client.recv(1) == b""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="Linux tells whose a connection is"
)
def test_another_users_connection_is_known(tmp_path: Path) -> None:
    peer, here, me = ("127.0.0.1", 5000), ("127.0.0.1", 6000), os.getuid()
    end = "0100007F:{:04X}".format if sys.byteorder == "little" else "7F000001:{:04X}".format
    more = "01 00000000:00000000 00:00000000 00000000 {:5d} 0 1 1 0\n"

    def line(own: int, other: int, user: int, mapped: str = "") -> str:
        return f"  0: {mapped}{end(own)} {mapped}{end(other)} " + more.format(user)

    def known(tcp: str, tcp6: str = "") -> bool:
        (tmp_path / "tcp").write_text("header\n" + tcp)
        (tmp_path / "tcp6").write_text("header\n" + tcp6)
        return guard.is_own(peer, here, tmp_path)

    ours = line(1, 2, 1) + line(6000, 5000, me)
    for user, own in ((me, True), (0, True), (me + 1234, False)):
        assert known(ours + line(5000, 6000, user)) is own
        assert known(ours, line(5000, 6000, user, guard._MAPPED)) is own
    assert not known(ours)
    assert known("")  # a system that tells nothing
    assert known("damaged")
    assert guard.is_own(peer, here, tmp_path / "none")


@linux
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_ones_own_connection_is_known(family: socket.AddressFamily) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.socket(family) as client:
        port = server.getsockname()[1]
        client.connect(("127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1", port))
        accepted, peer = server.accept()
        with accepted:
            found = dict(guard._owners(Path("/proc/net")))
            if not found:
                pytest.skip("this system tells no connections")
            assert found[guard._end(*peer), guard._end("127.0.0.1", port)] == os.getuid()
            assert guard.is_own(peer, ("127.0.0.1", port))


@linux
def test_another_user_is_refused_with_the_right_token(shared_app: App) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can be another user")
    code = (
        "import socket, sys; client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20); "
        "client.sendall(sys.argv[2].encode()); print(client.recv(12).decode())"
    )
    port, token = shared_app.address["port"], shared_app.address["token"]
    request = f"GET /?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    words = ["/usr/bin/env", "python3", "-c", code, str(port), request]
    answers = [
        subprocess.run(words, user=user, capture_output=True, text=True, check=False, timeout=60)
        for user in (0, 65534)
    ]
    assert answers[0].stdout.strip() == "HTTP/1.1 200", answers[0].stderr
    assert "HTTP" not in answers[1].stdout
    assert "Reset" in answers[1].stderr or answers[1].stdout.strip() == "", answers[1].stderr
