"""Splits a clip into series of one still scene, and judges each.

The clip is read twice. The first time it is cut where the picture changes, and judged in segments of 20
frames, the most that the paper takes; neighbours are joined as long as nothing moves between them. The
second time each joined series is measured exactly, against its own mean.
"""

from __future__ import annotations

import glob
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtdenoise.arrays import Bytes
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.console import Ticker
from rtdenoise.errors import ClipError
from rtdenoise.frames import PlaneFormat

from .alike import Alike
from .clip import Clip
from .joining import join, masks, measure_joined, together
from .light import LightMeter
from .remarks import explained, remarks
from .segments import Segment, cut_segments, judge_segment
from .session import drifts


def judge_clip(
    path: Path,
    camera: CameraInfo | None = None,
    mode: Mode | None = None,
    *,
    facts: Mapping[str, Any] | None = None,
    ticker: Ticker | None = None,
) -> Clip:
    """Splits the clip at ``path`` into series, judges them, and writes sidecar and static masks.

    Args:
        path: The clip.
        camera: Which camera recorded it; None: what the clip's sidecar says, else the file itself.
        mode: In which mode; None: the file's.
        facts: More for the sidecar, such as ``started`` and ``controls``; added to those that it has.
            ``scene_starts``, a list of frame numbers, says where the camera was pointed elsewhere.
        ticker: Told of each frame read.

    Raises:
        ClipError: the file can't be read, or holds no frame.
        StorageError: sidecar or masks can't be written.
    """
    path = Path(path)
    ticker = ticker or Ticker()
    clip = _opened(path, camera, mode, facts or {})
    starts = clip.facts.get("scene_starts", ())
    source = _LumaSource(clip, ticker)
    # Another sub-sampling has other noise: it is a scene of its own. What changes is known only while it is read.
    cuts = _Either(set(starts), source.alike.changes)
    segments = (judge_segment(*segment) for segment in cut_segments(source.frames(), cuts))
    groups = list(join(segments, source.alike.changes))
    if not source.count:
        raise ClipError(
            f"{path} holds no frame that can be decoded.",
            "If a player shows it, convert it first: ffmpeg -i FILE clip.mkv.",
        )
    clip = replace(
        clip,
        frames=source.count,
        mode=replace(clip.mode, pixel_format=clip.mode.pixel_format or source.alike.pixel_format),
        facts={**clip.facts, "damaged_packets": source.damaged} | source.alike.facts(),
    )
    found = together(s for group in groups for s in measure_joined(clip, group, source.black))
    scenes = sorted({0, *(int(n) for n in starts if 0 < int(n) < source.count), source.count})
    changes = drifts(groups, source.light, scenes)
    said = remarks(groups, found, source.light, scenes, changes)
    # Where the camera moves or the exposure drifts, brightness changes for that reason.
    told = [s.measures for s in found if s.problem in (None, "lag1", "sigma")]
    clip = replace(
        clip,
        series=tuple(explained(segment, said) for segment in found),
        facts={
            **clip.facts,
            "noise_levels": round(max((m.noise_levels for m in told), default=0.0), 3),
            "flicker_levels": round(max((m.flicker_levels for m in told), default=0.0), 3),
            "drift": [drift.to_json() for drift in changes],
            "remarks": [remark.to_json() for remark in said],
        },
    )
    _save(clip, found)
    return clip


def _save(clip: Clip, segments: list[Segment]) -> None:
    """Writes masks, then the sidecar that counts on them, then removes masks of an earlier judgement."""
    written = set()
    for index, mask in masks(segments):
        clip.save_mask(index, mask)
        written.add(clip.mask_path(index))
    clip.save()
    for path in clip.path.parent.glob(f"{glob.escape(clip.path.stem)}.series*.png"):
        if path not in written:
            path.unlink(missing_ok=True)


def _opened(
    path: Path, camera: CameraInfo | None, mode: Mode | None, facts: Mapping[str, Any]
) -> Clip:
    """The clip as it is known before it is judged."""
    try:
        known = Clip.load(path)
    except ClipError:
        known = None
    if known:
        return replace(
            known,
            camera=camera or known.camera,
            mode=mode or known.mode,
            facts={**known.facts, **facts},
        )
    if camera and mode:
        return Clip(path, camera, mode, 0, facts=facts)
    opened = open_camera(f"file:{path}")
    opened.close()
    return Clip(path, camera or opened.info, mode or opened.mode, 0, facts=facts)


@dataclass(frozen=True)
class _Either(Container[int]):
    """What is in one of two sets, that grow meanwhile."""

    one: set[int]
    other: set[int]

    def __contains__(self, number: object) -> bool:
        return number in self.one or number in self.other


class _LumaSource:
    """Reads the luma of all frames once, and learns the clip's facts on the way."""

    def __init__(self, clip: Clip, ticker: Ticker) -> None:
        self._clip, self._ticker = clip, ticker
        self.count = 0
        self.damaged = 0
        self.alike, self.light = Alike(), LightMeter()
        self.black, self.white = 0, 255

    def frames(self) -> Iterator[tuple[Bytes, int, int]]:
        """Copies of luma (H, W), and the levels of black and white."""
        camera = open_camera(f"file:{self._clip.path}")
        try:
            for planes in self.alike(camera.frames()):
                self._check(planes.format)
                if not planes.format.full_range:
                    self.black, self.white = 16, 235
                self.count += 1
                self.light(planes.y, planes.time_s)
                self._ticker.advance()
                yield planes.y.copy(), self.black, self.white
            self.damaged = camera.damaged_packets
        finally:
            camera.close()

    def _check(self, got: PlaneFormat) -> None:
        mode = self._clip.mode
        if (got.width, got.height) != (mode.width, mode.height):
            raise ClipError(
                f"{self._clip.path} has frames of {got.width}×{got.height} pixels, and is said to have "
                f"{mode.width}×{mode.height}.",
                "Remove the .json file beside it and judge it anew, or record it again.",
            )
