"""The last calibration's report: figures for the guide, and the files that a page may see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rtdenoise.errors import ProfileError
from rtdenoise.files import read_json
from rtdenoise.profile import Profile

_PAGE = "report.html"
_TYPES = {
    _PAGE: "text/html; charset=utf-8",
    "before.jpg": "image/jpeg",
    "after.jpg": "image/jpeg",
}


@dataclass(frozen=True)
class Report:
    """A calibration's report in a profile: its folder, when it was written, and its figures."""

    folder: Path
    stamp: int
    values: dict[str, Any]

    @classmethod
    def found(cls, profile: Profile) -> Report | None:
        """The profile's; None where there is none, or it is damaged."""
        path = profile.report_folder / "report.json"
        try:
            return cls(
                profile.report_folder, path.stat().st_mtime_ns, read_json(path, ProfileError, "")
            )
        except (OSError, ProfileError):
            return None

    def figures(self, token: str) -> dict[str, Any]:
        """What the guide shows, as plain values; ``token`` goes into the addresses of the report's parts."""

        def link(name: str) -> str | None:
            there = (self.folder / name).is_file()
            return f"/report/{name}?token={quote(token)}&v={self.stamp}" if there else None

        return {
            "stage": "",
            "share": 1.0,
            "left_s": 0,
            "gain_db": self._gain_db(),
            "verdict": self.values.get("verdict"),
            "done": True,
            "report": link(_PAGE),
            "before": link("before.jpg"),
            "after": link("after.jpg"),
        }

    def _gain_db(self) -> float | None:
        gain = self.values.get("upsnr_gain_db")
        value = gain.get("value") if isinstance(gain, dict) else None
        return float(value) if isinstance(value, (int, float)) else None

    def file(self, name: str) -> tuple[str, bytes] | None:
        """A part of it: its media type, and what it holds; None where there is none of that name."""
        if name not in _TYPES:
            return None
        try:
            return _TYPES[name], (self.folder / name).read_bytes()
        except OSError:
            return None
