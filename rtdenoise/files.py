"""Files are written whole or not at all: a temporary name beside the target, then a rename.

What a link points to is written, and the link stays. A device or a pipe can't be renamed over: it is written to, when
all is ready.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .console import show_json
from .errors import RtdenoiseError, StorageError, writing
from .leftovers import held, sweep

_LONGEST = 500  # letters of a name or id in a file
_LONGEST_NAME = 255  # bytes, on all file systems that are in use
_MOST_LINKS = 40
_DESCRIPTORS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
STANDARD = "-"
"""What stands for standard input or output in place of a file's name."""


def user_path(name: str) -> Path:
    """The path that a user wrote; ``~/`` at its beginning is the user's folder, and ``~clip.mkv`` is itself."""
    return Path(os.path.expanduser(name))


def descriptor(path: Path) -> int | None:
    """The number of the open file that ``path`` stands for, such as 1 for ``/dev/stdout``; None for any other path."""
    name = os.fspath(path)
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", name)
    return int(found[1]) if found else _DESCRIPTORS.get(name)


def destination(path: Path) -> Path:
    """What is written in place of ``path``: that to which a link points, also where it isn't there yet.

    Raises:
        OSError: it is a link that leads back to itself.
    """
    for _ in range(_MOST_LINKS):
        if descriptor(path) is not None or not path.is_symlink():
            return path
        path = path.parent / os.readlink(path)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def is_folder(path: Path) -> bool:
    """Whether a folder is there; not where nobody can look, or no name is so long. Opening it tells why."""
    return os.path.isdir(path)


def is_device(path: Path) -> bool:
    """Whether ``path`` is something that can't be replaced by a file: a device, a pipe, an open file's number."""
    if descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def same_file(path: Path, others: Iterable[Path]) -> Path | None:
    """Which of ``others`` is the very file at ``path``, also by another name of it; None: none is."""
    for other in others:
        with suppress(OSError, ValueError):
            if path.samefile(other):
                return other
    return None


def temporary_path(path: Path, ending: str | None = None) -> Path:
    """A name beside ``path`` that nobody has, hidden, with its suffix (or ``ending``), and not too long.

    Encoders choose a container by the suffix.
    """
    end = f".{secrets.token_hex(4)}" + (f".part{path.suffix}" if ending is None else ending)
    stem = path.stem
    while len(os.fsencode(f".{stem}{end}")) > _LONGEST_NAME and stem:
        stem = stem[:-1]
    return path.with_name(f".{stem}{end}")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` that takes its place when the block ends well.

    The temporary name keeps the suffix. If the block raises, the temporary file is removed and whatever was at ``path``
    before is untouched. A file that is replaced hands on its permissions.

    Raises:
        StorageError: the folder can't be made or written, the file there may not be written, or the disk is full.
    """
    with writing(Path(path)):
        path = destination(Path(path))
        if is_device(path):
            with tempfile.TemporaryDirectory(prefix="rtdenoise-") as folder:
                prepared = Path(folder) / f"prepared{path.suffix}"
                yield prepared
                with _opened_device(path) as device, prepared.open("rb") as ready:
                    shutil.copyfileobj(ready, device)
            return
        refuse_protected(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        temporary = temporary_path(path)
        try:
            with held(temporary):
                yield temporary
                _hand_on_permissions(path, temporary)
                os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def is_protected(path: Path) -> bool:
    """Whether a file is there that this user may not write. A rename would replace it all the same."""
    here = os.access in os.supports_effective_ids
    return os.path.isfile(path) and not os.access(path, os.W_OK, effective_ids=here)


def refuse_protected(path: Path) -> None:
    """Refuses to replace a file that is protected.

    Raises:
        PermissionError: it is.
    """
    if is_protected(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))


def _opened_device(path: Path) -> BinaryIO:
    """A device or pipe, to be written to.

    Raises:
        StorageError: it is a disk.
    """
    number = descriptor(path)
    if number is not None:
        return os.fdopen(os.dup(number), "wb")
    if stat.S_ISBLK(path.stat().st_mode):
        raise StorageError(f"{path} is a disk.", "Name a file on it.")
    return path.open("wb")


def _hand_on_permissions(path: Path, temporary: Path) -> None:
    """Gives a file the permissions and, where that is allowed, the owner of the one that it replaces."""
    try:
        before = path.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(temporary, before.st_uid, before.st_gid)
    with suppress(OSError):
        temporary.chmod(stat.S_IMODE(before.st_mode))


def into_new_place(temporary: Path, path: Path) -> Path:
    """Gives a file its name, or where another one took it meanwhile the next free one; the name that it got.

    ``a.mkv`` is followed by ``a-2.mkv``, ``a-3.mkv`` and so on. No file is ever replaced.

    Raises:
        OSError: the folder can't be written.
    """
    stem = path.stem
    for number in range(2, 1000):
        try:
            os.link(temporary, path)
        except FileExistsError:
            path = path.with_name(f"{stem}-{number}{path.suffix}")
            continue
        except OSError:  # a file system without hard links
            if path.exists():
                path = path.with_name(f"{stem}-{number}{path.suffix}")
                continue
            os.replace(temporary, path)
            return path
        temporary.unlink()
        return path
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def check_writable(path: Path) -> None:
    """Makes sure that a file can be written: makes its folder, and another file beside it for a moment.

    Raises:
        StorageError: it can't.
    """
    with writing(path):
        path = destination(path)
        if is_device(path):
            if descriptor(path) is None and not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        refuse_protected(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = temporary_path(path)
        try:
            trial.touch(exist_ok=False)
        finally:
            trial.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes ``value`` as indented JSON to ``path``, whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    # A byte of a name that isn't UTF-8 becomes \udcff, which is JSON, and that byte again when it is read.
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_figures(path: Path, value: Any) -> bool:
    """Writes figures to the file that a user named, or to standard output; whether it was the latter."""
    if os.fspath(path) != STANDARD and descriptor(path) != 1:
        write_json(path, value)
        return False
    show_json(value)
    return True


def parse_json(text: str) -> Any:
    """The value that JSON text stands for.

    Raises:
        ValueError: it is no JSON, or more deeply nested than anyone writes.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def text_of(value: Any) -> str:
    """A string out of a file that may be damaged: a name, an id.

    Raises:
        TypeError: it is something else.
        ValueError: no name is so long.
    """
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    if len(value) > _LONGEST:
        raise ValueError(f"{len(value)} letters")
    return value


def count_of(value: Any, most: int = 2**31 - 1) -> int:
    """A whole number from 0 to ``most`` out of a file that may be damaged.

    Raises:
        TypeError: it is something else.
        ValueError: it is negative or too large.
    """
    if type(value) is not int:  # True is an int, too
        raise TypeError(f"{type(value).__name__} instead of a whole number")
    if not 0 <= value <= most:
        raise ValueError(f"not from 0 to {most}")
    return value


def number_of(value: Any, least: float, most: float) -> float:
    """A number in a range out of a file that may be damaged.

    Raises:
        TypeError: it is something else.
        ValueError: it lies outside, or is none (NaN).
    """
    if type(value) not in (int, float):
        raise TypeError(f"{type(value).__name__} instead of a number")
    if not least <= value <= most:
        raise ValueError(f"not from {least} to {most}")
    return float(value)


def read_json(path: Path, error: type[RtdenoiseError], hint: str) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        error: the file is missing or isn't a JSON object; its hint is ``hint``.
    """
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise error(f"{path} can't be read: {cause.strerror}.", hint) from cause
    except ValueError as cause:
        raise error(f"{path} is damaged: it is not valid JSON.", hint) from cause
    if not isinstance(value, dict):
        raise error(f"{path} is damaged: it holds no JSON object.", hint)
    return value
