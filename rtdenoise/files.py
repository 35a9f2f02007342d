"""Files are written whole or not at all: a temporary name beside the target, then a rename."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import RtdenoiseError, writing
from .leftovers import held, sweep

_LONGEST = 500  # letters of a name or id in a file


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` that takes its place when the block ends well.

    The temporary name keeps the suffix, so that encoders that choose a container by it still do. If the block
    raises, the temporary file is removed and whatever was at ``path`` before is untouched.

    Raises:
        StorageError: the folder can't be made or written, or the disk is full.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
        try:
            with held(temporary):
                yield temporary
                os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def check_writable(path: Path) -> None:
    """Makes sure that a file can be written: makes its folder, and another file beside it for a moment.

    Raises:
        StorageError: it can't.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
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
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


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
