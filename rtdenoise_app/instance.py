"""One app for each user: a second start finds the first one's address.

The folder is the user's own for running programs (XDG_RUNTIME_DIR on Linux). It holds a lock, which ends with the
program, however that ends, and the address with its token, which only the user can read. Both stay after the end, so
that the next start has the same address and a page that is still open finds it again.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from rtdenoise.errors import ProfileError, RtdenoiseError, writing
from rtdenoise.files import count_of, read_json, text_of, write_json

from .guard import LOOPBACK, new_token

_LEAST_TOKEN = 40  # letters


@dataclass(frozen=True)
class Address:
    """Where an app is."""

    port: int
    token: str
    process: int

    @property
    def url(self) -> str:
        """What a browser opens."""
        return f"http://{LOOPBACK}:{self.port}/?token={self.token}"


def runtime_folder() -> Path:
    """The user's folder for running programs; made, and nobody else's.

    Raises:
        StorageError: it can't be made.
        RtdenoiseError: it is another user's.
    """
    folder = Path(platformdirs.user_runtime_dir("rtdenoise", False))
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid"):
            found = folder.lstat()
            if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
                raise RtdenoiseError(
                    f"{folder} belongs to another user.",
                    "Set XDG_RUNTIME_DIR to a folder of your own.",
                )
            folder.chmod(0o700)
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Holds the lock as long as the block runs; gives False where another app holds it.

    Raises:
        StorageError: it can't be made.
    """
    path = folder / "app.lock"
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def known_address(folder: Path) -> Address | None:
    """The address that was written down last; None where there is none, or it is damaged."""
    try:
        value = read_json(_path(folder), ProfileError, "")
        token = text_of(value["token"])
        found = Address(count_of(value["port"], 65535), token, count_of(value["process"]))
    except (ProfileError, KeyError, TypeError, ValueError):
        return None
    return found if len(token) >= _LEAST_TOKEN and token.isascii() and found.port else None


def write_address(folder: Path, address: Address) -> None:
    """Writes it down, for this user only.

    Raises:
        StorageError: it can't be written.
    """
    path = _path(folder)
    with writing(path):
        # A file that is replaced hands on its permissions.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
    write_json(path, asdict(address))


def _path(folder: Path) -> Path:
    return folder / "app.json"


def listening(port: int | None, before: Address | None) -> tuple[socket.socket, Address]:
    """A socket that listens on this machine only, and its address.

    Args:
        port: The port that is wanted; None: that of before, or else any.
        before: The last address. Its token is kept as long as the user is logged in, so that a page which is open
            finds the app again; but only where the kernel tells whose a connection is (see :func:`is_own`), since the
            page may have shown it to another program that took the port meanwhile.

    Raises:
        RtdenoiseError: the port is taken.
    """
    again = before is not None and sys.platform.startswith("linux")
    token = before.token if before is not None and again else new_token()
    wanted = [port] if port is not None else [before.port, 0] if before is not None else [0]
    failure: OSError | None = None
    for number in wanted:
        opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if sys.platform == "win32":
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:  # a port is free at once after the program that had it has ended
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((LOOPBACK, number))
            opened.listen(64)
        except OSError as error:
            failure = error
            with suppress(OSError):
                opened.close()
            continue
        return opened, Address(opened.getsockname()[1], token, os.getpid())
    raise RtdenoiseError(
        f"Port {port} can't be had: {failure.strerror if failure else 'no reason given'}.",
        "Leave --port out, or name another.",
    )
