"""The page's files and its connection, for this machine alone, in a thread of its own.

Everything goes through one port: files by HTTP, and one WebSocket for each page. What a connection may cost is limited:
how many there are, how long one may take to say what it wants, how large and how frequent its messages are.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .guard import Guard, is_own
from .instance import Address
from .messages import MOST_BYTES, Message, parse_message
from .preview import Preview, Viewer

MOST_CONNECTIONS = 48
MOST_PAGES = 8
MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 60.0, 120.0
MOST_MALFORMED = 10
_HANDSHAKE_S, _CLOSE_S = 5.0, 2.0
_STATE_EVERY_S = 0.25
_MOST_TEXTS = 64  # that a page hasn't taken yet

_PAGE = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
_NEEDS_TOKEN = (
    "This page needs its whole address, with the token. Run rtdenoise app: it opens the page, "
    "and prints the address.\n"
)
_APART = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts"
)
_REFUSED, _TOO_MANY = 1008, 1013  # RFC 6455: policy violation; try again later


class Served(Protocol):
    """What the server serves; :class:`~rtdenoise_app.session.Session` is one."""

    preview: Preview

    def do(self, message: Message) -> None:
        """Does what a page asks for; returns at once."""

    def snapshot(self) -> dict[str, Any]:
        """What a page is told of it, as plain values."""

    def report_file(self, name: str) -> tuple[str, bytes] | None:
        """A part of the last calibration's report: its media type, and what it holds; None: there is none."""


class _Page:
    """One connected page: what is still to be sent to it. Touched by the server's thread only."""

    def __init__(self) -> None:
        self.state = ""
        self.texts: deque[str] = deque()
        self.pictures: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.overrun = False

    def tell(self, text: str) -> None:
        self.overrun = self.overrun or len(self.texts) >= _MOST_TEXTS
        self.texts.append(text)
        self.wake.set()

    def show(self, state: str) -> None:
        self.state = state  # an older one that was not sent yet says nothing any more
        self.wake.set()

    def picture(self, data: bytes) -> None:
        self.pictures.append(data)
        self.wake.set()


class Server:
    """Serves until it is closed.

    Args:
        listening: A socket that listens.
        address: Where it is.
        served: What is served.
    """

    def __init__(self, listening: socket.socket, address: Address, served: Served) -> None:
        self._socket, self._served = listening, served
        self._guard = Guard(address.port, address.token)
        self._port = address.port
        self._pages: set[_Page] = set()
        self._opened: set[ServerConnection] = set()
        self._alone_since = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._changed: asyncio.Event | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()
        self._started.wait()
        self.check()

    def close(self) -> None:
        """Ends all connections. Safe to call twice."""
        if self._stop is not None:
            self._call(self._stop.set)
        if self._thread.is_alive():
            self._thread.join(timeout=10.0)

    def check(self) -> None:
        """Raises what ended the server's thread, if something did."""
        if self._failure is not None:
            raise self._failure

    @property
    def pages(self) -> int:
        """How many pages are connected."""
        return len(self._pages)

    @property
    def alone_s(self) -> float:
        """For how many seconds no page has been connected."""
        return 0.0 if self._pages else time.monotonic() - self._alone_since

    def changed(self) -> None:
        """What is going on has changed: pages are told soon. From any thread."""
        if self._changed is not None:
            self._call(self._changed.set)

    def tell(self, text: dict[str, Any]) -> None:
        """Sends a message to every page. From any thread."""
        message = json.dumps(text)

        def tell_all() -> None:
            for page in self._pages:
                page.tell(message)

        self._call(tell_all)

    def _call(self, what: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(what)

    # --- the server's thread ---

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop, self._changed = asyncio.Event(), asyncio.Event()
        quiet = logging.getLogger("rtdenoise.app")
        quiet.propagate = False  # what strangers send is no news
        quiet.addHandler(logging.NullHandler())
        async with serve(
            self._connected,
            sock=self._socket,
            process_request=self._answer,
            create_connection=self._connection_class(),
            compression=None,  # JPEGs don't become smaller
            open_timeout=_HANDSHAKE_S,
            close_timeout=_CLOSE_S,
            max_size=MOST_BYTES,
            max_queue=16,
            server_header=None,
            logger=quiet,
        ):
            telling = asyncio.create_task(self._tell_states())
            self._started.set()
            stopping = asyncio.create_task(self._stop.wait())
            await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
            telling.cancel()

    def _connection_class(self) -> type[ServerConnection]:
        opened = self._opened

        class Limited(ServerConnection):
            """A connection that is let go at once where there are too many, or another user has the other end."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                opened.add(self)
                peer, here = (transport.get_extra_info(end) for end in ("peername", "sockname"))
                if len(opened) > MOST_CONNECTIONS or not peer or not is_own(peer, here):
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                opened.discard(self)
                super().connection_lost(exc)

        return Limited

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a request; None opens the WebSocket that is asked for."""
        path = urlsplit(request.path).path
        refusal = self._guard.refusal(request.headers, origin=path == "/ws")
        if refusal:
            return self._text(HTTPStatus.FORBIDDEN, refusal + "\n")
        if getattr(request, "method", "GET") != "GET":
            return self._text(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET is known here.\n")
        secret = path in ("/", "/ws") or path.startswith("/report/")
        if secret and not self._guard.knows(request.path):
            return self._text(HTTPStatus.FORBIDDEN, _NEEDS_TOKEN)
        if path == "/ws":
            if len(self._pages) >= MOST_PAGES:
                return self._text(HTTPStatus.SERVICE_UNAVAILABLE, "Too many pages are open.\n")
            return None
        found = self._found(path)
        if found is None:
            return self._text(HTTPStatus.NOT_FOUND, "There is nothing here.\n")
        return self._response(HTTPStatus.OK, *found, apart=path.startswith("/report/"))

    def _found(self, path: str) -> tuple[str, bytes] | None:
        """A file's media type and what it holds. Only names that are there are known: a path leads nowhere."""
        if path.startswith("/report/"):
            return self._served.report_file(path.removeprefix("/report/"))
        files = {f"/{file.name}": file for file in _PAGE.iterdir() if file.suffix in _TYPES}
        file = files.get("/index.html" if path == "/" else path)
        return None if file is None else (_TYPES[file.suffix], file.read_bytes())

    def _text(self, status: HTTPStatus, text: str) -> Response:
        return self._response(status, "text/plain; charset=utf-8", text.encode())

    def _response(
        self, status: HTTPStatus, media_type: str, body: bytes, *, apart: bool = False
    ) -> Response:
        """An answer; ``apart``: a page of its own, with scripts in it, that can reach nothing here."""
        sockets = " ".join(f"ws://{host}" for host in self._guard.hosts)
        policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {sockets}; "
            "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "Cache-Control": "no-store",
            "Content-Security-Policy": _APART if apart else policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(status.value, status.phrase, Headers(headers), body)

    async def _connected(self, connection: ServerConnection) -> None:
        """A page's whole time."""
        page = _Page()
        loop = asyncio.get_running_loop()
        viewer = Viewer(lambda data: _quietly(loop, lambda: page.picture(data)))
        self._pages.add(page)
        self._served.preview.add(viewer)
        page.show(json.dumps({"state": self._served.snapshot()}))
        sending = asyncio.create_task(_send(connection, page))
        try:
            await self._listen(connection, page, viewer)
        except ConnectionClosed:
            pass
        finally:
            sending.cancel()
            self._pages.discard(page)
            self._served.preview.remove(viewer)
            self._alone_since = time.monotonic()

    async def _listen(self, connection: ServerConnection, page: _Page, viewer: Viewer) -> None:
        allowed, last, malformed = MESSAGES_AT_ONCE, time.monotonic(), 0
        async for text in connection:
            now = time.monotonic()
            allowed = min(MESSAGES_AT_ONCE, allowed + (now - last) * MESSAGES_A_SECOND) - 1
            last = now
            if allowed < 0:
                await connection.close(_REFUSED, "too many messages")
                return
            try:
                message = parse_message(text)
            except ValueError as error:
                malformed += 1
                if malformed > MOST_MALFORMED:
                    await connection.close(_REFUSED, "malformed messages")
                    return
                page.tell(json.dumps({"error": str(error), "cure": "Load the page again."}))
                continue
            if message["do"] == "preview":
                self._served.preview.show(viewer, message["shown"])
            elif message["do"] == "drawn":
                self._served.preview.drawn(viewer)
            else:
                self._served.do(message)

    async def _tell_states(self) -> None:
        """Tells every page what is going on: soon after a change, and a few times a second while figures move."""
        assert self._changed is not None
        last = ""
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), _STATE_EVERY_S)
            except asyncio.TimeoutError:
                if not self._pages:
                    continue
            self._changed.clear()
            state = json.dumps({"state": self._served.snapshot()})
            if state != last:
                last = state
                for page in self._pages:
                    page.show(state)
            await asyncio.sleep(_STATE_EVERY_S / 5)


def _quietly(loop: asyncio.AbstractEventLoop, what: Callable[[], object]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(what)


async def _send(connection: ServerConnection, page: _Page) -> None:
    """Sends what there is, the state before pictures."""
    try:
        while True:
            await page.wake.wait()
            page.wake.clear()
            if page.overrun:
                await connection.close(_TOO_MANY, "too slow")
                return
            while page.texts or page.state or page.pictures:
                if page.texts:
                    await connection.send(page.texts.popleft())
                elif page.state:
                    state, page.state = page.state, ""
                    await connection.send(state)
                else:
                    await connection.send(page.pictures.popleft())
    except ConnectionClosed:
        pass
