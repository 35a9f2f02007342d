"""The last calibration's report: figures for the guide, and a page to read."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rtdenoise.errors import ProfileError
from rtdenoise.files import read_json
from rtdenoise.profile import Profile

_TYPES = {"png": "image/png", "jpg": "image/jpeg", "json": "application/json"}
_PICTURES = (
    ("pictures.png", "A detail before and after, and what was removed"),
    ("noise.png", "The camera's noise"),
    ("loss.png", "How the training went"),
)
_FILES = ("before.jpg", "after.jpg", "report.json", *(name for name, _ in _PICTURES))
_VERDICTS = {"better": "The picture became better.", "worse": "The picture became worse."}


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
            there = not name or (self.folder / name).is_file()
            return f"/report/{quote(name)}?token={quote(token)}&v={self.stamp}" if there else None

        return {
            "stage": "",
            "share": 1.0,
            "left_s": 0,
            "gain_db": self._gain_db(),
            "verdict": self.values.get("verdict"),
            "done": True,
            "report": link(""),
            "before": link("before.jpg"),
            "after": link("after.jpg"),
        }

    def _gain_db(self) -> float | None:
        gain = self.values.get("upsnr_gain_db")
        value = gain.get("value") if isinstance(gain, dict) else None
        return float(value) if isinstance(value, (int, float)) else None

    def file(self, name: str, token: str) -> tuple[str, bytes] | None:
        """A part of it: its media type, and what it holds; the page itself where ``name`` is empty."""
        if not name:
            return "text/html; charset=utf-8", self._page(quote(token)).encode()
        if name not in _FILES:
            return None
        try:
            return _TYPES[name.rpartition(".")[2]], (self.folder / name).read_bytes()
        except OSError:
            return None

    def _page(self, token: str) -> str:
        gain = self._gain_db()
        camera = self.values.get("camera")
        name = camera.get("name") if isinstance(camera, dict) else ""
        verdict = _VERDICTS.get(str(self.values.get("verdict")), "There is no clear difference.")
        figure = "" if gain is None else f" {gain:+.2f} dB of uPSNR where nothing was learned."
        pictures = "".join(
            f'<figure><img src="{file}?token={token}" alt="{escape(text)}">'
            f"<figcaption>{escape(text)}</figcaption></figure>"
            for file, text in _PICTURES
            if (self.folder / file).is_file()
        )
        remarks = self.values.get("remarks")
        told = (
            "".join(f"<p>{escape(str(r))}</p>" for r in remarks)
            if isinstance(remarks, list)
            else ""
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>Calibration</title>'
            '<link rel="stylesheet" href="/app.css"></head><body class="report"><main>'
            f"<h1>{escape(str(name))}</h1><p>{verdict}{figure}</p>{told}{pictures}</main></body></html>"
        )
