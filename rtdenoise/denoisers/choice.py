"""Which network cleans where nobody named one: the best that is there, and in a call the best that keeps up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cameras.base import CameraInfo, Mode
from ..errors import NetworkError
from ..frames import PlaneFormat, Planes
from ..networks.card import check_camera, load_network, read_card
from ..networks.device import pick_device
from ..networks.live import SIZES, LiveNetwork
from ..networks.shipped import base_network_path
from ..noise import NoiseCurve, NoiseModel, PlaneNoise
from ..profile import Profile
from .live_network import LiveNetworkDenoiser

RECURSIVE = "recursive"
"""The last resort: needs no network."""

_SPARE = (
    0.75  # share of the time between two frames that cleaning may take: a call has other work too
)
_HOPELESS = 4.0  # times that share: not worth a second look
_TIMED_FRAMES = 3


@dataclass(frozen=True)
class Candidate:
    """A network that could be taken: what ``--network`` calls it, its file, and its size."""

    name: str
    path: Path
    size: str


def default_network(
    profile: Profile,
    camera: CameraInfo,
    mode: Mode,
    device: str = "auto",
    *,
    realtime: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """The network for a camera that nobody named one for.

    The camera's own calibrated live network (the newest that was made in this mode) comes first, then the base networks
    that come with the package, the largest first. For a call on a CPU each is timed at the mode's size, and the
    first that keeps up is taken: after the camera's own only smaller ones are tried.

    Args:
        profile: The camera's.
        camera: The camera.
        mode: Its mode.
        device: "auto", "cpu", "cuda", "mps" or "xpu".
        realtime: Whether it has to keep up with the camera.
        say: Told in one sentence where the best can't be taken.

    Returns:
        A name that :func:`rtdenoise.denoisers.make_denoiser` knows; "recursive" where no network is left.

    Raises:
        NetworkError: the device isn't there.
    """
    found = list(candidates(profile, camera, mode))
    if not found:
        return RECURSIVE
    if not realtime or pick_device(device).type != "cpu":
        return found[0].name
    rate_fps = float(mode.rate_fps)
    budget_s = _SPARE / rate_fps
    for candidate in found:
        if frame_seconds(candidate, mode, device, budget_s * _HOPELESS) <= budget_s:
            name = candidate.name
            break
    else:
        name = RECURSIVE
    if name != found[0].name:
        best = found[0].name
        say(
            f"The network {best} does not keep up with {rate_fps:g} frames/s at {mode.width}×{mode.height} on this "
            f"machine: taking {name}. --network {best} insists on it."
        )
    return name


def candidates(profile: Profile, camera: CameraInfo, mode: Mode) -> Iterator[Candidate]:
    """The live networks that fit a camera, the best first; of those smaller than its own, each size once."""
    sizes = list(SIZES)
    smaller = sizes
    for path in profile.networks():
        size = _fitting(path, camera, mode)
        if size is not None:
            yield Candidate(path.stem, path, size)
            smaller = sizes[: sizes.index(size)]
            break
    for size in reversed(smaller):
        own, base = profile.network_path(size), base_network_path(size)
        if own.exists() and _fitting(own, camera, mode) == size:
            yield Candidate(size, own, size)
        elif base.is_file():
            # A network of that name for another mode stands before the base network's own name.
            yield Candidate(str(base) if own.exists() else size, base, size)


def _fitting(path: Path, camera: CameraInfo, mode: Mode) -> str | None:
    """The size of a live network made for this camera and mode; None for any other network."""
    try:
        card = read_card(path)
        check_camera(card, camera, mode)
    except NetworkError:
        return None
    return card.kind if card.kind in SIZES else None


def frame_seconds(candidate: Candidate, mode: Mode, device: str, most_s: float) -> float:
    """How long a network takes to clean a frame of the mode's size, in seconds: the quickest of a few.

    Args:
        candidate: The network.
        mode: Says the size.
        device: Where.
        most_s: A frame that takes longer than this, the first apart, is the last.

    Raises:
        NetworkError: the file is damaged, or the device isn't there.
    """
    network, _ = load_network(candidate.path)
    assert isinstance(network, LiveNetwork)
    curve = PlaneNoise(NoiseCurve((0.0, 255.0), (16.0, 16.0)))
    denoiser = LiveNetworkDenoiser(network, NoiseModel(curve, curve, curve), device)
    random = np.random.default_rng(0)
    width, height = mode.width, mode.height
    layout = PlaneFormat(width, height, "420", full_range=True, matrix="bt601")
    shapes = [(height, width), layout.chroma_shape, layout.chroma_shape]
    taken: list[float] = []
    for index in range(1 + _TIMED_FRAMES):
        y, u, v = (random.normal(128, 4, shape).clip(0, 255).astype(np.uint8) for shape in shapes)
        started = time.perf_counter()
        denoiser(Planes(y, u, v, layout, index / float(mode.rate_fps)))
        if index > 0:  # with the first frame everything is set up
            taken.append(time.perf_counter() - started)
        if taken and taken[-1] > most_s:
            break
    return min(taken)
