"""Which network cleans where nobody named one: the best that is there, and in a call the best that keeps up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cameras.base import CameraInfo, Mode
from ..engines.native_library import compiled_kind
from ..errors import NetworkError, StorageError
from ..frames import PlaneFormat, Planes
from ..machine import SPARE, Machine, Timing
from ..networks.card import check_camera, load_weights, read_card
from ..networks.device import hardware_name, pick_kind
from ..networks.shipped import base_network_path, shipped_sizes
from ..networks.weights import SIZES
from ..noise import NoiseCurve, NoiseModel, PlaneNoise
from ..noise.dct import COEFFICIENTS
from ..profile import Profile
from .base import Denoiser
from .live_network import LiveNetworkDenoiser
from .recursive import RecursiveDenoiser

if TYPE_CHECKING:
    import torch

RECURSIVE = "recursive"
"""The last resort: needs no network."""

_HOPELESS = 2.0  # times the time that a frame may take: not worth a third look
_TIMED_FRAMES = 8  # the first of them take longer: averages settle
_CURVE = PlaneNoise(NoiseCurve((0.0, 255.0), (16.0, 16.0)))
# With the noise of each coefficient, which is otherwise estimated first, for a while and at some cost.
_EVEN_NOISE = NoiseModel(_CURVE, _CURVE, _CURVE, chroma="420", band_std=(1.0,) * COEFFICIENTS)


@dataclass(frozen=True)
class Candidate:
    """A network that could be taken: what ``--network`` calls it, its file, and its size."""

    name: str
    path: Path
    size: str


@dataclass(frozen=True)
class Choice:
    """What cleans in a call, and why, in one or two sentences."""

    name: str
    reason: str


def fitting_size(
    device: torch.device, mode: Mode | None = None, known: Machine | None = None
) -> tuple[str, str] | None:
    """The size that suits a device, and why.

    Of those that were measured the largest that leaves a third to spare at the camera's rate; where nothing was, the
    smallest on a CPU and the largest elsewhere.

    Args:
        device: Where the network is to run in a call.
        mode: The camera's; None: not known.
        known: What was measured on this machine; None: nothing.

    Returns:
        The size and half a sentence; None where no network is shipped.
    """
    sizes = shipped_sizes()
    if not sizes:
        return None
    if mode is not None and known is not None:
        hardware, frame = hardware_name(device), (mode.width, mode.height)
        timings = {size: known.find(size, device.type, hardware, frame) for size in sizes}
        rate = f"{float(mode.rate_fps):g} frames/s at {mode.width}×{mode.height}"
        for size in reversed(sizes):
            timing = timings[size]
            if timing is not None and timing.frame_ms <= SPARE * 1e3 / float(mode.rate_fps):
                return size, f"the largest that holds {rate} here with a third to spare"
        if any(timings.values()):
            return sizes[0], f"the smallest: none was measured to hold {rate} with a third to spare"
    if device.type == "cpu":
        return sizes[0], "the smallest: this CPU was not measured (rtdenoise bench does)"
    return sizes[-1], f"the largest: this {device.type} device was not measured (rtdenoise bench)"


def default_network(
    profile: Profile,
    camera: CameraInfo,
    mode: Mode,
    device: str = "auto",
    *,
    threads: int | None = None,
    realtime: bool = False,
    measure: bool = True,
    machine: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """The network for a camera that nobody named one for.

    The camera's own calibrated live network (the newest that was made in this mode) comes first, then the base networks
    that come with the package, the largest first. For a call see :func:`choose`: after the camera's own only smaller
    ones are tried.

    Args:
        profile: The camera's.
        camera: The camera.
        mode: Its mode.
        device: "auto", "cpu", "cuda", "mps" or "xpu".
        threads: How many CPU cores it may take. What is known of this machine holds for the usual number; with another
            one everything is measured, and not kept.
        realtime: Whether it has to keep up with the camera.
        measure: Whether there is time to measure what isn't known of this machine; see :func:`choose`.
        machine: The file of what was measured on this machine (:func:`rtdenoise.machine.machine_path`); what is
            measured now is added to it. None: nothing is known, and nothing kept.
        say: Told in a call what was chosen, and why.

    Returns:
        A name that :func:`rtdenoise.denoisers.make_denoiser` knows; "recursive" where no network is left.

    Raises:
        NetworkError: the device isn't there.
    """
    found = list(candidates(profile, camera, mode))
    if not found:
        if realtime:
            say("Cleaning with the recursive filter: there is no live network for this camera.")
        return RECURSIVE
    if not realtime:
        return found[0].name
    if threads is not None:
        machine = None
    known = Machine() if machine is None else Machine.load(machine)
    before = list(known.timings)
    choice = choose(found, mode, device, known, threads, measure=measure)
    if machine is not None and known.timings != before:
        with suppress(StorageError):  # then it is measured again next time
            known.save(machine)
    say(choice.reason)
    return choice.name


def choose(
    found: Sequence[Candidate],
    mode: Mode,
    device: str,
    known: Machine,
    threads: int | None = None,
    *,
    measure: bool = True,
) -> Choice:
    """The first network that leaves a third to spare at the camera's rate.

    Where none does: the quickest network where compiled code runs it, for the recursive filter takes longer, and a
    call leaves out of the network what costs most. Elsewhere the recursive filter if that one does; else the quickest
    network, if it holds the rate at least or is quicker than the recursive filter.

    Args:
        found: The networks, the best first; at least one.
        mode: The camera's.
        device: Where networks run. On a CPU, what isn't known yet is measured; an accelerator is taken to be quick
            enough.
        known: What was measured; gets what is measured now.
        threads: How many CPU cores cleaning may take; None: the usual number.
        measure: Whether to measure what isn't known. If not, an unknown network is taken to be quick enough, until it
            shows: for a call that runs already, in which a measurement would tell too much, and keep it.

    Raises:
        NetworkError: the device isn't there, or a network's file is damaged.
    """
    clock = _Clock(mode, pick_kind(device), known, threads, measure)
    rate = f"{float(mode.rate_fps):g} frames/s at {mode.width}×{mode.height}"
    best = found[0]
    taken_ms: list[float] = []
    chosen, chosen_ms, spare = RECURSIVE, math.inf, True
    for candidate in found:
        frame_ms = clock.network(candidate)
        if frame_ms is None:
            reason = f"on {clock.device}, where it was not measured: rtdenoise bench does."
            if not measure:
                reason = "as long as it keeps up. rtdenoise bench measures what this machine holds."
            return Choice(candidate.name, f"Cleaning with {candidate.name} {reason}")
        taken_ms.append(frame_ms)
        if frame_ms <= clock.budget_ms:
            chosen, chosen_ms = candidate.name, frame_ms
            break
    else:
        quickest = min(range(len(found)), key=taken_ms.__getitem__)
        recursive_ms, network_ms = clock.recursive(), taken_ms[quickest]
        chosen_ms, spare = recursive_ms, recursive_ms <= clock.budget_ms
        if not spare and (network_ms * SPARE <= clock.budget_ms or network_ms < recursive_ms):
            chosen, chosen_ms = found[quickest].name, network_ms
    if chosen == best.name and spare:
        return Choice(
            chosen,
            f"Cleaning with {chosen}: a frame takes {_ms(chosen_ms)} on this machine, so that {rate} are held with a "
            "third to spare.",
        )
    reserve = "" if spare else " Nothing here has a third to spare."
    if chosen == best.name:
        holds = "holds" if chosen_ms * SPARE <= clock.budget_ms else "does not hold"
        return Choice(
            chosen,
            f"Cleaning with {chosen}, which {holds} {rate} on this machine: a frame takes {_ms(chosen_ms)}.{reserve} "
            "A smaller --size helps.",
        )
    return Choice(
        chosen,
        f"The network {best.name} does not keep up with {rate} on this machine with a third to spare "
        f"({_ms(taken_ms[0])} a frame): taking {chosen} ({_ms(chosen_ms)}).{reserve} "
        f"--network {best.name} insists on it; rtdenoise bench measures again.",
    )


class _Clock:
    """How long methods take for a frame, in ms: known, or measured now."""

    def __init__(
        self, mode: Mode, device: str, known: Machine, threads: int | None, measure: bool
    ) -> None:
        self._mode, self._known, self._threads, self._measure = mode, known, threads, measure
        self.device = device
        self._hardware = hardware_name(device)
        self.budget_ms = SPARE * 1e3 / float(mode.rate_fps)

    def network(self, candidate: Candidate) -> float | None:
        """None: not known, and not to be measured."""
        known = self._find(candidate.size, self.device, self._hardware)
        if known is not None or self.device != "cpu" or not self._measure:
            return known
        most_s = self.budget_ms * _HOPELESS / 1e3
        seconds = frame_seconds(candidate, self._mode, self.device, most_s, self._threads)
        return self._add(candidate.size, seconds)

    def recursive(self) -> float:
        # A call that runs steps down by what it sees. Beside compiled code the filter is slow, though not on the still
        # frames of a measurement.
        if not self._measure or runs_compiled(self.device):
            return math.inf
        known = self._find(RECURSIVE, "cpu", "")
        if known is not None:
            return known
        return self._add(RECURSIVE, recursive_seconds(self._mode, self._threads))

    def _find(self, method: str, device: str, hardware: str) -> float | None:
        timing = self._known.find(method, device, hardware, (self._mode.width, self._mode.height))
        return None if timing is None else timing.frame_ms

    def _add(self, method: str, seconds: float) -> float:
        if seconds > 0:
            size = (self._mode.width, self._mode.height)
            self._known.add([Timing(method, "cpu", "", *size, seconds * 1e3, False)])
        return seconds * 1e3


def runs_compiled(device: str) -> bool:
    """Whether networks run as compiled code on this device, "auto" or a kind."""
    return pick_kind(device) == "cpu" and bool(compiled_kind())


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


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


def frame_seconds(
    candidate: Candidate, mode: Mode, device: str, most_s: float, threads: int | None = None
) -> float:
    """How long a network takes to clean a frame of the mode's size, in seconds: the quickest of a few.

    Args:
        candidate: The network.
        mode: Says the size.
        device: Where.
        most_s: Where two frames, the very first apart, took longer than this, no more are timed.
        threads: How many CPU cores it may take; None: the usual number.

    Raises:
        NetworkError: the file is damaged, or the device isn't there.
    """
    network, _ = load_weights(candidate.path)
    denoiser = LiveNetworkDenoiser(network, _EVEN_NOISE, device, threads=threads)
    return _seconds(denoiser, mode, most_s)


def recursive_seconds(mode: Mode, threads: int | None = None) -> float:
    """How long the recursive filter takes to clean a frame of the mode's size, in seconds."""
    return _seconds(RecursiveDenoiser(_EVEN_NOISE, threads=threads != 1), mode, math.inf)


def _seconds(denoiser: Denoiser, mode: Mode, most_s: float) -> float:
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
        if len(taken) == 2 and min(taken) > most_s:
            break
    return min(taken)
