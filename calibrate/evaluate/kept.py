"""What methods made of the judged frames, on disk: an interrupted comparison goes on from it."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtdenoise.arrays import Floats
from rtdenoise.files import parse_json, write_bytes, write_json

_DEPTH = 65535  # 16 bits: the rounding is a hundredth of the faintest noise


@dataclass(frozen=True)
class Cleaned:
    """What a method made of a place's frames.

    ``frames`` are (M, 3, h, w) in [0, 1]; ``spread`` is (h, w), the uncertainty of the last judged frame over eight
    views, or None; ``ms_per_frame`` is for a whole frame of the camera.
    """

    frames: Floats
    ms_per_frame: float
    spread: Floats | None = None


def file_name(name: str) -> str:
    """A name as a file may have it: a method may be the path of a network's file."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")
    return plain if plain == name else f"{plain[-60:]}-{zlib.crc32(name.encode()):08x}"


class Kept:
    """A folder of results, one file for each method and place.

    Args:
        folder: Where; made when something is written.
        mark: What is compared on what: results with another mark don't count.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder, self._mark = folder, mark

    def _path(self, method: str, place: str) -> Path:
        return self.folder / file_name(method) / f"{file_name(place)}.npz"

    def load(self, method: str, place: str) -> Cleaned | None:
        """What was kept; None where there is nothing that counts."""
        try:
            # Not by its name: where the archive is damaged, NumPy would leave the file open.
            whole = io.BytesIO(self._path(method, place).read_bytes())
            with np.load(whole, allow_pickle=False) as data:
                if str(data["mark"]) != self._mark:
                    return None
                frames = data["frames"].astype(np.float32) / _DEPTH
                spread = data.get("spread")
                return Cleaned(frames, float(data["ms_per_frame"]), spread)
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, method: str, place: str, cleaned: Cleaned) -> None:
        """Keeps a result.

        Raises:
            StorageError: the folder can't be written.
        """
        finite = np.nan_to_num(cleaned.frames, nan=0.0)
        values: dict[str, Any] = {
            "mark": self._mark,
            "frames": np.rint(np.clip(finite, 0, 1) * _DEPTH).astype(np.uint16),
            "ms_per_frame": cleaned.ms_per_frame,
        }
        if cleaned.spread is not None:
            values["spread"] = cleaned.spread.astype(np.float32)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **values)
        write_bytes(self._path(method, place), buffer.getvalue())

    def facts(self, method: str) -> dict[str, Any]:
        """What is known of a method beside its results (setting, parameters); empty where nothing is that counts."""
        try:
            value = parse_json(
                (self.folder / file_name(method) / "facts.json").read_text(encoding="utf-8")
            )
        except (OSError, ValueError):
            return {}
        if not isinstance(value, dict) or value.get("mark") != self._mark:
            return {}
        return value

    def note(self, method: str, facts: Mapping[str, Any]) -> None:
        """Writes the facts down.

        Raises:
            StorageError: the folder can't be written.
        """
        known = {**self.facts(method), **facts, "mark": self._mark}
        write_json(self.folder / file_name(method) / "facts.json", json.loads(json.dumps(known)))
