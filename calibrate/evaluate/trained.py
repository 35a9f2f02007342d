"""Methods that learn, each in turn: trained, applied to every place, and then let go."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.clip import Clip
from rtdenoise.arrays import Floats
from rtdenoise.console import Ticker
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.frames import rgb_tensor
from rtdenoise.networks.live import LiveNetwork
from rtdenoise.networks.tiles import VIEWS
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import Profile

from ..checkpoint import forget
from ..live.finetune import fine_tune
from ..paper.dataset import Split, StillSeries
from ..sources import Source
from .kept import Cleaned, Kept
from .learned import Cleaner, LearnedMethod, Training, Window
from .material import Place
from .streams import Stream
from .streams import clean as clean_stream

SINGLE = "-single"
"""What is added to the name of a method whose mean over eight views is left out."""

CALIBRATED = "-calibrated"
"""What is added to the size of a live network that is fine-tuned to the camera."""

PER_FRAME = ("dip",)
"""Methods that learn each frame anew: nothing of them serves another camera, and each more frame costs minutes."""


@dataclass(frozen=True)
class Group:
    """Places that a method is applied to, and where the results go."""

    places: Sequence[Place]
    kept: Kept


def missing(name: str, groups: Sequence[Group]) -> bool:
    """Whether a method has something left to do."""
    return any(
        not group.kept.facts(name).get("done")
        or any(group.kept.load(name, place.name) is None for place in group.places)
        for group in groups
    )


def learn(
    method: LearnedMethod,
    series: Sequence[StillSeries],
    split: Split,
    groups: Sequence[Group],
    *,
    minutes: float,
    folder: Path,
    device: torch.device,
    ticker: Ticker,
    say: Callable[[str], None],
) -> None:
    """Trains a method and keeps what it makes of every place, with and without the mean over eight views.

    A training that was interrupted goes on; series that an earlier run has cleaned are not cleaned again.

    Raises:
        StorageError: the profile can't be written.
    """
    names = [method.name, *([method.name + SINGLE] if method.views else [])]
    frames = sum(len(_frames_of(method.name, place)) for group in groups for place in group.places)
    training = Training(series, split, minutes, folder, device, frames)
    done_s = 0.0

    def tick(seconds: float, *_: Any) -> None:
        nonlocal done_s
        done_s += seconds
        ticker.advance(min(seconds, max(60 * minutes - done_s + seconds, 0)), method.title)

    begin, busy = time.monotonic(), time.process_time()
    cleaner = method.train(training, tick, say)
    cores = (time.process_time() - busy) / max(time.monotonic() - begin, 1e-3)
    for group in groups:
        for place in group.places:
            if any(group.kept.load(name, place.name) is None for name in names):
                made = _clean(cleaner, place, _frames_of(method.name, place), method.views)
                for name, cleaned in zip(names, made, strict=True):
                    group.kept.save(name, place.name, cleaned)
        for name in names:
            facts = {"minutes": minutes, "parameters": cleaner.parameters}
            if done_s:  # where this run trained: else what an earlier one noted stays
                facts["cores"] = cores
            group.kept.note(name, {"done": True, **facts})
    ticker.advance(max(60 * minutes - done_s, 0))


def _frames_of(name: str, place: Place) -> tuple[int, ...]:
    """Which frames a method cleans: the judged ones, and for flicker the next, where that doesn't cost minutes."""
    return place.judged.frames if name in PER_FRAME else place.cleaned


def _clean(cleaner: Cleaner, place: Place, wanted: tuple[int, ...], views: bool) -> list[Cleaned]:
    """What a network makes of a place's frames, each by itself: with the mean over eight views, if so, and without."""
    means: list[Floats] = []
    singles: list[Floats] = []
    spread: Floats | None = None
    spent_s = [0.0, 0.0]
    share = 1.0
    one_view = (cleaner.single if views else None) or cleaner
    for k, planes in enumerate(place.planes(wanted[0]), start=wanted[0]):
        if k > wanted[-1]:
            break
        frame = rgb_tensor(planes).clamp_(0, 1).numpy()  # (3, H, W)
        share = frame[0].size / (place.window.height * place.window.width)
        begin = time.perf_counter()
        single = one_view(frame, place.window)
        spent_s[1] += time.perf_counter() - begin
        singles.append(single)
        if views:
            mean, uncertain = _over_views(one_view, frame, place.window, single)
            means.append(mean)
            spread = uncertain if k == place.judged.frames[-1] else spread
        spent_s[0] += time.perf_counter() - begin
    ms = [1e3 * seconds / len(singles) * share for seconds in spent_s]
    alone = Cleaned(np.stack(singles), ms[1])
    return [Cleaned(np.stack(means), ms[0], spread), alone] if views else [alone]


def _over_views(
    one_view: Cleaner, frame: Floats, window: Window, single: Floats
) -> tuple[Floats, Floats]:
    """The mean over the paper's eight views (eq. 10), (3, h, w), and the spread over them, (h, w)."""
    made = [single]
    for turns, flip in VIEWS[1:]:
        turned, part = _turned(frame, window, turns, flip)
        view = one_view(turned, part)
        back = np.rot90(view[..., ::-1] if flip else view, -turns, (-2, -1))
        made.append(np.ascontiguousarray(back))
    views = np.stack(made)
    return views.mean(axis=0), views.std(axis=0).mean(axis=0)


def _turned(frame: Floats, window: Window, turns: int, flip: bool) -> tuple[Floats, Window]:
    """A frame turned by ``turns`` quarters and then flipped, and where the window is in it."""
    top, left, height, width = window.top, window.left, window.height, window.width
    for turn in range(turns):
        across = frame.shape[2 - turn % 2]
        top, left, height, width = across - left - width, top, width, height
    turned = np.rot90(frame, turns, (-2, -1))
    if flip:
        turned = turned[..., ::-1]
        left = turned.shape[2] - left - width
    return np.ascontiguousarray(turned), Window(top, left, height, width)


def calibrate_live(
    size: str,
    clip: Clip,
    noise: NoiseModel,
    groups: Sequence[Group],
    *,
    minutes: float,
    folder: Path,
    device: torch.device,
    ticker: Ticker,
    say: Callable[[str], None],
) -> None:
    """Fine-tunes a live network as ``rtdenoise calibrate`` does, on a clip, and keeps what it makes of every place.

    Raises:
        ClipError: the clip's frames are too small.
        StorageError: the profile can't be written.
    """
    tuned = fine_tune(
        Source(clip, Profile(folder)),
        noise,
        size=size,
        minutes=minutes,
        device=device,
        progress=_unseen,
        say=say,
    )
    keep_network(size + CALIBRATED, tuned.network, noise, groups, device, minutes)
    forget(Profile(folder).training_folder(size))
    ticker.advance(60 * minutes)


def keep_network(
    name: str,
    network: LiveNetwork,
    noise: NoiseModel,
    groups: Sequence[Group],
    device: torch.device,
    minutes: float,
) -> None:
    """Keeps what a fine-tuned network makes of every place."""

    def make() -> LiveNetworkDenoiser:
        return LiveNetworkDenoiser(copy.deepcopy(network), noise, device.type)

    parameters = sum(value.numel() for value in network.parameters())
    method = Stream(name, name, "", make)
    for group in groups:
        for place in group.places:
            if group.kept.load(name, place.name) is None:
                group.kept.save(name, place.name, clean_stream(method, place))
        group.kept.note(name, {"done": True, "minutes": minutes, "parameters": parameters})


@contextmanager
def _unseen(label: str, total: float | None, unit: str = "frames") -> Iterator[Ticker]:
    """Progress that nobody sees: the comparison has a bar of its own."""
    del label, total, unit
    yield Ticker()
