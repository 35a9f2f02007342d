"""What has been done of an archive, on disk beside the clean files: a line of JSON for each step."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import SinkError, StorageError, writing
from .walk import Item

_locks: ModuleType | None
try:
    import fcntl as _locks
except ImportError:  # Windows
    _locks = None

NAME = ".rtdenoise-archive.jsonl"
"""The ledger's name in the folder of the clean files."""


class Ledger:
    """Which files were begun, and which are done; holds a lock on the folder until it is closed.

    Args:
        folder: of the clean files; it is made.
        settings: Says how they are cleaned: what was done otherwise is to be done again.

    Raises:
        SinkError: another run is at work in the folder.
        StorageError: it can't be written.
    """

    def __init__(self, folder: Path, settings: str) -> None:
        self._folder, self._settings = folder, settings
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / NAME).open("a+b")
        if _locks is not None:
            try:
                _locks.flock(self._file, _locks.LOCK_EX | _locks.LOCK_NB)
            except OSError as error:
                self._file.close()
                raise SinkError(
                    f"Another run is at work in {folder}.", "Wait for its end, or stop it."
                ) from error
        self._begun: set[str] = set()
        self._done: dict[str, dict[str, Any]] = {}
        self._file.seek(0)
        text = self._file.read()
        for line in text.splitlines():
            self._take(line)
        if text and not text.endswith(b"\n"):  # a run was cut off in the middle of a line
            self._file.write(b"\n")

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
            target, done = entry["target"], entry["outcome"] == "cleaned"
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if isinstance(target, str):
            self._begun.add(target)
            self._done.pop(target, None)
            if done:
                self._done[target] = entry

    def is_done(self, item: Item) -> bool:
        """Whether it was cleaned in this way since it was changed last, and the clean copy is as it was then."""
        entry = self._done.get(item.target, {})
        known = ("source", "size", "mtime_ns", "settings")
        wanted = (item.source, item.size, item.mtime_ns, self._settings)
        if tuple(entry.get(name) for name in known) != wanted:
            return False
        try:
            return (self._folder / item.target).stat().st_size == entry.get("written")
        except OSError:
            return False

    def is_ours(self, item: Item) -> bool:
        """Whether its clean copy may be written: there is none, or a run of this kind has made it."""
        return item.target in self._begun or not os.path.lexists(self._folder / item.target)

    def begin(self, item: Item) -> None:
        """Notes that a file is being cleaned."""
        self._write(item, "begun")

    def end(self, item: Item, outcome: str) -> None:
        """Notes how it ended: cleaned, or refused."""
        self._write(item, outcome)

    def _write(self, item: Item, outcome: str) -> None:
        entry: dict[str, Any] = {
            "source": item.source,
            "size": item.size,
            "mtime_ns": item.mtime_ns,
            "settings": self._settings,
            "target": item.target,
            "outcome": outcome,
        }
        if outcome == "cleaned":
            with writing(self._folder):
                entry["written"] = (self._folder / item.target).stat().st_size
        line = json.dumps(entry).encode()
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"{self._folder / NAME} can't be written: {error.strerror}.",
                "Make room, and start it again: what is done is kept.",
            ) from error
        self._take(line)

    def close(self) -> None:
        """Lets others work in the folder."""
        self._file.close()
