"""Who may come in: this machine and this user alone, with the token, from the app's own page.

Pages of other sites run in the same browser, and other users on the same machine. So a request must name the app's own
host (else a name of another site could lead here), come from no other site's page, and bring the token. On Linux the
kernel also tells whose connection it is: the token in the address is seen by others for a moment, in the arguments of
the browser that opens it.
"""

from __future__ import annotations

import hmac
import os
import secrets
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LOOPBACK = "127.0.0.1"
_TABLES = Path("/proc/net")
_MAPPED = (
    "0000000000000000" + f"{struct.unpack('=I', bytes((0, 0, 255, 255)))[0]:08X}"
)  # IPv4 in a socket of IPv6
_SAME = ("same-origin", "none")  # of Sec-Fetch-Site: the app's own page, or a person's own wish


def new_token() -> str:
    """A token that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """Checks requests to one port of this machine.

    Args:
        port: The port.
        token: What a request must bring.
    """

    def __init__(self, port: int, token: str) -> None:
        self.hosts = (f"{LOOPBACK}:{port}", f"localhost:{port}")
        self._origins = tuple(f"http://{host}" for host in self.hosts)
        self._token = token

    def refusal(self, headers: Mapping[str, str], *, origin: bool) -> str:
        """Why a request is refused; empty where it comes from the app's own page, or from nowhere.

        Args:
            headers: The request's.
            origin: Whether it must tell where it comes from.
        """
        if headers.get("Host", "").lower() not in self.hosts:
            return "This address is not the app's own."
        came_from = headers.get("Origin")
        if came_from is None and origin:
            return "The request does not tell which page it comes from."
        if came_from is not None and came_from.lower() not in self._origins:
            return "The request comes from another page."
        if headers.get("Sec-Fetch-Site", "none") not in _SAME:
            return "The request comes from another site."
        return ""

    def knows(self, target: str) -> bool:
        """Whether a request's target brings the token."""
        given = parse_qs(urlsplit(target).query).get("token", [""])
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self._token.encode())


def is_own(peer: tuple[str, int], here: tuple[str, int], tables: Path = _TABLES) -> bool:
    """Whether this user, or root, has the other end of a connection; True where the system doesn't tell.

    Args:
        peer: The other end's address and port.
        here: This end's.
        tables: The folder of the kernel's tables of connections; see proc(5).
    """
    try:
        ends = _end(*peer), _end(*here)
        found = dict(_owners(tables))
    except (OSError, ValueError, IndexError):
        return True
    if ends[::-1] not in found:  # not even this end is told
        return True
    return found.get(ends) in (0, os.getuid())


def _owners(tables: Path) -> Iterator[tuple[tuple[str, str], int]]:
    """Both ends of each connection, the one whose it is first, and the user whose that end is."""
    for name in ("tcp6", "tcp"):  # a client may use a socket of either kind
        with suppress(FileNotFoundError):
            for line in (tables / name).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                own, other = (end.removeprefix(_MAPPED) for end in fields[1:3])
                yield (own, other), int(fields[7])


def _end(address: str, port: int) -> str:
    """An IPv4 end as the kernel's table has it: the bytes as this machine would read them as a number."""
    (number,) = struct.unpack("=I", bytes(int(part) for part in address.split(".")))
    return f"{number:08X}:{port:04X}"
