"""Runs the comparison on the newest still series of a camera."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from capture.clip import Clip
from rtdenoise.arrays import Mask
from rtdenoise.console import progress
from rtdenoise.denoisers import make_denoiser, uses_noise_model
from rtdenoise.errors import NetworkError
from rtdenoise.frames import Planes
from rtdenoise.profile import Profile

from .. import peers
from ..paper.dataset import Region, split_series
from ..sources import FEWEST_FRAMES, Source, find_source, rgb_series
from .judge import Clean, Judge, Row


@dataclass(frozen=True)
class Evaluation:
    """The table: the camera itself first, then the methods, best first."""

    camera: str
    camera_id: str
    clip: Path
    series: str
    judged: int
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        head = {"camera": self.camera_id, "clip": str(self.clip), "series": self.series}
        rows = [row.to_json() for row in self.rows]
        return {**head, "judged_frames": self.judged, "rows": rows}


def evaluate(
    camera: str | None,
    *,
    methods: Sequence[str],
    frames: int,
    device: str,
    home: Path | None,
    named: bool,
) -> Evaluation:
    """Compares ``methods`` on the newest accepted series of ``camera``.

    Args:
        camera: Which, as for ``calibrate``.
        methods: Names of denoisers (:func:`rtdenoise.denoisers.make_denoiser`) and of :data:`calibrate.peers.NAMES`.
        frames: How many held-out frames are judged.
        device: Where networks run.
        home: Where profiles are.
        named: The person named the methods: one that this camera doesn't have is an error, not left out.

    Raises:
        NetworkError: a method is unknown, or the camera has no such network.
        CameraError, ClipError, ProfileError: there is nothing to compare on.
    """
    source = find_source(camera, None, home)
    jobs = list(_jobs(source, methods, device, named))  # a method that is missing fails here
    planes, places, name = _material(source.clip)
    judge = Judge(planes, places, frames)
    rows = [judge.row("camera", "", _untouched, history=False)]
    with progress("Comparing", len(jobs), "runs") as ticker:
        best: dict[str, Row] = {}
        for method, setting, clean, history in jobs:
            row = judge.row(method, setting, clean, history)
            if method not in best or _value(row) > _value(best[method]):
                best[method] = row
            ticker.advance(1, method)
    rows += sorted(best.values(), key=_value, reverse=True)
    info = source.clip.camera
    return Evaluation(info.name, info.id, source.clip.path, name, judge.judged, tuple(rows))


def _value(row: Row) -> float:
    return row.places["still"].upsnr_db.value


def _untouched(frames: Iterable[Planes]) -> Iterator[Planes]:
    yield from frames


def _material(clip: Clip) -> tuple[list[Planes], dict[str, Mask], str]:
    """The longest series' frames as training takes them, where to judge, and what it is called."""
    series = rgb_series(clip)
    split = split_series(series)
    fit = [s for s in clip.accepted if s.count >= FEWEST_FRAMES]
    region = max(split.test, key=lambda r: (r.last, -r.series))
    mask = series[region.series].mask
    name, count = series[region.series].name, len(series[region.series].frames)
    del series
    places = {"still": mask}
    unseen = _unseen(mask, region)
    if not split.by_scene and unseen.any():
        places["unseen"] = unseen
    return list(clip.read(fit[region.series], count)), places, name


def _unseen(mask: Mask, region: Region) -> Mask:
    unseen = np.zeros_like(mask)
    unseen[:, region.left : region.right] = mask[:, region.left : region.right]
    return unseen


Job = tuple[str, str, Clean, bool]


def _jobs(source: Source, methods: Sequence[str], device: str, named: bool) -> Iterator[Job]:
    """What is run: method, setting, how it cleans, and whether it looks at earlier frames."""
    for method in methods:
        if method in peers.NAMES:
            for peer in peers.peers([method]):
                yield method, peer.setting, peer.clean, True
            continue
        try:
            clean, history = _denoiser(source.clip, source.profile, method, device)
        except NetworkError as error:
            if not named:
                continue
            known = ", ".join(peers.NAMES)
            hint = f"Methods are: recursive, {known}, live networks (nano, …) and this camera's networks."
            raise NetworkError(error.message, hint) from error
        yield method, "", clean, history


def _denoiser(clip: Clip, profile: Profile, name: str, device: str) -> tuple[Clean, bool]:
    """How a denoiser cleans, and whether it looks at earlier frames."""
    denoiser = make_denoiser(
        name, profile=profile, camera=clip.camera, mode=clip.mode, device=device
    )

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        for planes in frames:
            yield denoiser(planes)

    return clean, uses_noise_model(denoiser)
