"""How good the picture is before and after, on still pixels that nothing was learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from rtdenoise.arrays import Floats, Mask
from rtdenoise.console import Ticker
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.noise import NoiseModel

from .metrics import Interval
from .paper.dataset import Split, StillSeries
from .paper.judging import clean_held_out
from .sources import Source, frame_limit, rgb_bytes
from .still_errors import Judged, PlaceFigures, Series, StillErrors, planes_of, planes_of_rgb

_JUDGED_FRAMES = (
    4  # of each series; of the paper's network of all together, but at least two of each
)
# Of each of them. Eight views of the paper's network take 8 · 511 kMAC for each: on a CPU, half a minute in all.
_JUDGED_PIXELS = {"cpu": 60_000}
_JUDGED_PIXELS_ELSEWHERE = 600_000
_NOISY, _HELD, _STILL = "noisy", "held", "still"


@dataclass(frozen=True)
class Quality:
    """How good luma is before and after, on still pixels of places (or frames) not learned from.

    PSNR is against the mean of the other frames, as in the paper: it still holds noise, so it flatters neither and
    is only comparable within one series. uPSNR and the gain in uPSNR need no clean picture and are unbiased.
    ``split`` has them for "all", "flat", "textured", "edge" and "chroma" where these hold enough pixels; ``whole``
    likewise for all of the picture that stands still, be it learned from or not.
    """

    psnr_before_db: float
    psnr_after_db: float
    split: dict[str, PlaceFigures]
    whole: dict[str, PlaceFigures]
    places: str

    @property
    def upsnr_before_db(self) -> Interval:
        """Of the camera's frames."""
        return self.split["all"].before_db

    @property
    def upsnr_after_db(self) -> Interval:
        """Of what the method makes of them."""
        return self.split["all"].after_db

    @property
    def gain_db(self) -> Interval:
        """By how much it is better."""
        return self.split["all"].gain_db

    @property
    def verdict(self) -> str:
        """Which is better: "better", "worse", or "no clear difference" where the gain's interval holds 0."""
        if self.gain_db.low > 0:
            return "better"
        return "worse" if self.gain_db.high < 0 else "no clear difference"


@dataclass(frozen=True)
class Example:
    """One frame for the report's pictures: (3, H, W) in [0, 1], and which pixels are still (H, W).

    ``method`` is what made ``after``; ``rival`` is another method's name and what it made.
    """

    before: Floats
    after: Floats
    reference: Floats
    mask: Mask
    method: str = ""
    rival: tuple[str, Floats] | None = None


def _quality(series: Series, method: str, places: str) -> Quality:
    return Quality(
        psnr_before_db=series.psnr_db(_NOISY, _HELD),
        psnr_after_db=series.psnr_db(method, _HELD),
        split=series.figures(method, _NOISY, _HELD),
        whole=series.figures(method, _NOISY, _STILL),
        places=places,
    )


def judge_paper(
    network: PaperNetwork, series: list[StillSeries], split: Split, device: torch.device
) -> tuple[Quality, Example]:
    """Judges in the test places, on held-out frames, with the paper's eight views."""
    network = network.to(device)
    parts: list[StillErrors] = []
    example: Example | None = None
    most = max(2, _JUDGED_FRAMES // max(len(split.test), 1))
    for held in clean_held_out(
        network,
        series,
        split.test,
        lambda count: Judged.of(count, most, 0).frames,
        device,
        tta=True,
        most_pixels=_JUDGED_PIXELS.get(device.type, _JUDGED_PIXELS_ELSEWHERE) // len(split.test),
    ):
        if not held.mask.any():
            continue
        frames = [planes_of_rgb(frame) for frame in held.frames]
        judged = Judged.of(len(frames), most, 0)
        masks = {_HELD: held.mask, _STILL: held.mask}
        errors = StillErrors(frames, judged, masks, held.mask)
        errors.add(_NOISY, [frames[k] for k in judged.frames])
        errors.add("paper", [planes_of_rgb(output) for output in held.outputs])
        parts.append(errors)
        if example is None:
            mean = held.frames.mean(axis=0)
            example = Example(held.frames[held.chosen[0]], held.outputs[0], mean, held.mask)
    if example is None:
        raise ClipError("There is no place to judge the network in.", "Record a longer series.")
    what = "scenes" if split.by_scene else "strips at the right"
    quality = _quality(Series(parts), "paper", f"held-out {what}, on held-out frames")
    return quality, example


def _rgb(planes: Planes) -> Floats:
    return np.asarray(rgb_bytes(planes), np.float32) / np.float32(255)


class Streams:
    """What several denoisers made of the same frames.

    ``shown`` are a frame, the mean of its series and which pixels are still; ``made`` what each denoiser made of it.
    """

    def __init__(
        self,
        series: Series,
        places: str,
        made: Mapping[str, Floats],
        shown: tuple[Floats, Floats, Mask],
    ) -> None:
        self._series, self._places, self._made, self._shown = series, places, made, shown

    def quality(self, name: str) -> Quality:
        """How good the frames are before and after the denoiser of that name."""
        return _quality(self._series, name, self._places)

    def over(self, name: str, other: str) -> Interval:
        """By how many dB of uPSNR one is better than another, where nothing was learned from."""
        return self._series.over(name, other, _HELD)

    def example(
        self, name: str, title: str = "", *, rival: tuple[str, str] | None = None
    ) -> Example:
        """A frame before and after; ``rival`` is another name with its title: what that one made of it, too."""
        before, reference, mask = self._shown
        other = None if rival is None else (rival[1], self._made[rival[0]])
        return Example(before, self._made[name], reference, mask, title, other)


def judge_streams(
    source: Source,
    makers: Mapping[str, Callable[[], Denoiser]],
    masks: Mapping[int, Mask],
    places: str,
    ticker: Ticker | None = None,
) -> Streams:
    """Judges denoisers on frames of series, against frames that come after what they saw.

    Args:
        source: The series.
        makers: Make the denoisers; each series gets fresh ones.
        masks: Which pixels are judged, by the first frame of each series that is judged.
        places: What these are, for people.
        ticker: Told of each frame.

    Raises:
        ClipError: all series are too short, or nothing that is judged stands still.
    """
    clip = source.clip
    parts: list[StillErrors] = []
    made: dict[str, Floats] = {}
    shown: tuple[Floats, Floats, Mask] | None = None
    limit = frame_limit(clip, 3, 1)
    fit = [one for one in clip.accepted if one.count >= 5 and one.first in masks]
    for one in fit:
        if not masks[one.first].any():
            continue
        count = min(one.count, limit)
        judged = Judged.of(count, _JUDGED_FRAMES)
        still = clip.static_mask(one)
        denoisers = {name: make() for name, make in makers.items()}
        frames: list[Planes] = []
        cleaned: dict[str, list[Planes]] = {name: [] for name in makers}
        for k, planes in enumerate(clip.read(one, count)):
            frames.append(planes)
            if k <= judged.frames[-1]:
                for name, denoiser in denoisers.items():
                    result = denoiser(planes)
                    if k in judged.frames:
                        cleaned[name].append(result.copy())
            if ticker is not None:
                ticker.advance()
        everything = [planes_of(frame) for frame in frames]
        errors = StillErrors(everything, judged, {_HELD: masks[one.first], _STILL: still}, still)
        errors.add(_NOISY, [everything[k] for k in judged.frames])
        for name, outputs in cleaned.items():
            errors.add(name, [planes_of(output) for output in outputs])
        parts.append(errors)
        if shown is None:
            mean = np.asarray(np.mean([_rgb(frame) for frame in frames], axis=0), np.float32)
            shown = _rgb(frames[judged.frames[-1]]), mean, masks[one.first]
            made = {name: _rgb(outputs[-1]) for name, outputs in cleaned.items()}
    if shown is None:
        wrong = "Nothing stands still in" if fit else "There is no series of 5 frames for"
        raise ClipError(
            f"{wrong} {places} of {clip.path}.",
            "Record a longer still series with rtdenoise capture.",
        )
    return Streams(Series(parts), places, made, shown)


def judge_recursive(source: Source, noise: NoiseModel) -> tuple[Quality, Example]:
    """Judges the recursive filter on still pixels of each series, against frames that come after."""
    clip = source.clip
    masks = {one.first: clip.static_mask(one) for one in clip.accepted}
    places = "still pixels, against frames that came later"
    streams = judge_streams(source, {"recursive": lambda: RecursiveDenoiser(noise)}, masks, places)
    return streams.quality("recursive"), streams.example("recursive")
