"""Finds the series to calibrate with: the newest accepted ones of a camera's profile, or those of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.clip import Clip, Series
from capture.series import judge_clip
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo
from rtdenoise.console import Ticker
from rtdenoise.errors import CameraError, ClipError, ProfileError
from rtdenoise.frames import Planes, rgb_tensor
from rtdenoise.profile import Profile, profiles

from .paper.dataset import StillSeries

_RECORD = "Record a still scene with rtdenoise capture first."
_MEMORY_BYTES = 1 << 30  # for the frames that are held at once
_MOST_FRAMES = 240
FEWEST_FRAMES = 8


@dataclass(frozen=True)
class Source:
    """What is calibrated with: ``clip`` with at least one accepted series, and the profile that takes the results."""

    clip: Clip
    profile: Profile


def find_source(
    camera: str | None, clip: Path | None, home: Path | None, ticker: Ticker | None = None
) -> Source:
    """Finds the clip.

    Args:
        camera: What the person calls the camera (see :func:`rtdenoise.cameras.open_camera`), or None: the one
            that was used last.
        clip: A recording to use in place of the newest one of the profile; it is judged where it isn't yet.
        home: Where profiles are.
        ticker: Told of each frame that has to be read to judge a clip.

    Raises:
        CameraError: there is no such camera.
        ClipError: the clip can't be read, or none of its series was accepted.
        ProfileError: nothing was recorded with this camera yet.
    """
    if clip is not None:
        found = _judged(clip, ticker)
        return Source(found, Profile.of(found.camera, home))
    info, profile = _profile(camera, home)
    refused: Clip | None = None
    for path in profile.clips():
        found = Clip.load(path)
        if not found.series:
            found = judge_clip(path, ticker=ticker)
        if found.accepted:
            return Source(found, profile)
        refused = refused or found
    if refused is None and info.kind == "file":
        found = _judged(Path(info.spec.removeprefix("file:")), ticker)
        return Source(found, profile)
    if refused is None:
        raise ProfileError(f"Nothing was recorded with {info.name} yet.", _RECORD)
    raise _all_refused(refused)


def _judged(path: Path, ticker: Ticker | None) -> Clip:
    """The clip at ``path``, judged now if it wasn't before."""
    found: Clip | None = None
    if path.with_suffix(".json").exists():
        found = Clip.load(path)
    if found is None or not found.series:
        found = judge_clip(path, ticker=ticker)
    if not found.accepted:
        raise _all_refused(found)
    return found


def _all_refused(clip: Clip) -> ClipError:
    reasons = "; ".join(dict.fromkeys(s.reason.rstrip(".") for s in clip.series if s.reason))
    return ClipError(
        f"No series of {clip.path} was accepted: {reasons or 'it holds none'}.",
        "Record a still scene with rtdenoise capture, with the camera on a tripod or a shelf.",
    )


def _profile(camera: str | None, home: Path | None) -> tuple[CameraInfo, Profile]:
    """The camera that is meant, and its profile. The camera needn't be plugged in where it has a profile."""
    known = [(profile.camera(), profile) for profile in profiles(home)]
    if camera is None:
        with_clips = [(info, profile) for info, profile in known if profile.clips()]
        if not with_clips:
            raise ProfileError("Nothing was recorded yet.", _RECORD)
        return max(with_clips, key=lambda pair: pair[1].clips()[0].stat().st_mtime)
    for info, profile in known:
        if camera in (info.id, info.name, info.spec):
            return info, profile
    try:
        opened = open_camera(camera)
    except CameraError as error:
        if known and not camera.startswith(("file:", "simulated", "/dev/")):
            names = ", ".join(info.name for info, _ in known)
            raise CameraError(error.message, f"There are recordings of: {names}.") from error
        raise
    try:
        return opened.info, Profile.of(opened.info, home)
    finally:
        opened.close()


def frame_limit(clip: Clip, bytes_per_pixel: float, count: int) -> int:
    """How many frames of each of ``count`` series fit into memory."""
    frame = clip.mode.width * clip.mode.height * bytes_per_pixel
    return max(FEWEST_FRAMES, min(_MOST_FRAMES, int(_MEMORY_BYTES / frame / count)))


def planes_of_series(clip: Clip) -> Iterator[tuple[list[Planes], NDArray[np.bool_]]]:
    """The frames and the static mask of each accepted series, one series in memory at a time."""
    limit = frame_limit(clip, 2, 1)
    for series in clip.accepted:
        mask = clip.static_mask(series)  # first: it proves the size that memory is made for
        yield list(clip.read(series, limit)), mask


def rgb_bytes(planes: Planes) -> NDArray[np.uint8]:
    """(3, H, W) R'G'B' bytes."""
    rgb = rgb_tensor(planes)
    return np.asarray((rgb * 255).round_().clamp_(0, 255).byte().numpy(), np.uint8)


def long_enough(clip: Clip) -> list[Series]:
    """The accepted series that are long enough to train on.

    Raises:
        ClipError: none is.
    """
    fit = [s for s in clip.accepted if s.count >= FEWEST_FRAMES]
    if not fit:
        longest = max((s.count for s in clip.accepted), default=0)
        raise ClipError(
            f"The longest accepted series of {clip.path} has {longest} frames, and training needs "
            f"{FEWEST_FRAMES}.",
            "Record a longer series with rtdenoise capture.",
        )
    return fit


def rgb_series(clip: Clip, ticker: Ticker | None = None) -> list[StillSeries]:
    """The accepted series as R'G'B' bytes, to train on.

    Raises:
        ClipError: all are too short to train on, or the clip can't be read.
    """
    fit = long_enough(clip)
    limit = frame_limit(clip, 3, len(fit))
    return [_rgb(clip, series, limit, ticker) for series in fit]


def _rgb(clip: Clip, series: Series, limit: int, ticker: Ticker | None) -> StillSeries:
    count = min(series.count, limit)
    mask = clip.static_mask(series)  # first: it proves the size that memory is made for
    frames = np.empty((count, 3, clip.mode.height, clip.mode.width), np.uint8)
    for i, planes in enumerate(clip.read(series, limit)):
        frames[i] = rgb_bytes(planes)
        if ticker is not None:
            ticker.advance()
    return StillSeries(frames, mask, f"series from frame {series.first}")
