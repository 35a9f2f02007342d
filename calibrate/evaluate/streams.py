"""Methods that clean a stream: they get whole frames with their history, as in a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.denoisers import make_denoiser
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.errors import NetworkError
from rtdenoise.frames import rgb_tensor
from rtdenoise.networks.shipped import base_network_path, shipped_sizes
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import Profile

from .kept import Cleaned
from .material import Place

_BASE = "-base"


@dataclass(frozen=True)
class Stream:
    """A method that cleans a stream; ``make`` gives a fresh denoiser for each series."""

    name: str
    title: str
    source: str
    make: Callable[[], Denoiser]
    causal: bool = True


def clean(stream: Stream, place: Place) -> Cleaned:
    """What a denoiser makes of a place's frames, after those that came before them."""
    denoiser = stream.make()
    made, spent_s, count = [], 0.0, 0
    wanted = set(place.cleaned)
    history = list(place.history())
    first = place.cleaned[-1] + 1 - len(history)
    for k, planes in enumerate(history, start=first):
        begin = time.perf_counter()
        cleaned = denoiser(planes)
        spent_s += time.perf_counter() - begin
        count += 1
        if k in wanted:
            whole = rgb_tensor(cleaned).clamp_(0, 1).numpy()
            made.append(np.array(whole[(slice(None), *place.window.inside)]))
    return Cleaned(np.stack(made), 1e3 * spent_s / count)


def stream(
    name: str,
    *,
    noise: NoiseModel | None,
    device: str,
    profile: Profile | None = None,
    camera: CameraInfo | None = None,
    mode: Mode | None = None,
) -> Stream:
    """The method of that name: "recursive", a base network such as "nano-base", or one of the camera's networks.

    Raises:
        NetworkError: there is none of that name.
    """
    if name == "recursive":
        return Stream(
            name,
            "Recursive filter",
            "this package",
            lambda: RecursiveDenoiser(noise),
        )
    size = name.removesuffix(_BASE)
    if name.endswith(_BASE) and size in shipped_sizes():
        path = str(base_network_path(size))
        return Stream(
            name,
            f"Live network {size}, base",
            "this package",
            lambda: make_denoiser(path, noise=noise, device=device),
        )
    if profile is None or camera is None or mode is None:
        raise NetworkError(f"There is no method {name!r}.")
    if not profile.network_path(name).is_file() and not name.endswith(".safetensors"):
        raise NetworkError(f"There is no network {name!r} for {camera.name}.")

    def make() -> Denoiser:
        return make_denoiser(
            name, profile=profile, camera=camera, mode=mode, noise=noise, device=device
        )

    kind = make()  # a damaged file, or one of another camera, fails here
    live = isinstance(kind, LiveNetworkDenoiser)
    title = f"Live network {name}, calibrated before" if live else f"Network {name}, trained before"
    return Stream(name, title, "this package", make)
