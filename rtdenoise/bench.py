"""Measures what this machine can do: frames of the simulated camera through the live loop, as fast as they go.

Each method cleans a still scene and one where a subject moves, with the decoding of the camera's MJPEG beside it as
in a call, so that the frames per second are those of the whole path. See :mod:`rtdenoise.machine` for what is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import av
import torch
from av.video.frame import VideoFrame

from .cameras.base import CameraBase, CameraInfo, Mode
from .cameras.simulated import open_simulated
from .cameras.simulated.jpeg import JpegDecoder
from .console import Ticker
from .denoisers import Denoiser
from .denoisers.choice import RECURSIVE, Candidate, choose, fitting_size
from .denoisers.live_network import LiveNetworkDenoiser
from .denoisers.recursive import RecursiveDenoiser
from .frames import convert, planes_from_frame
from .machine import SPARE, Machine, Timing, facts
from .networks.device import half_dtype, hardware_name, pick_device
from .networks.paper import PaperNetwork
from .networks.shipped import base_network_path, load_base, shipped_sizes
from .networks.tiles import choose_tile, clean_in_context
from .sinks.null import NullSink
from .stream import LiveLoop, StageTimes

RATE_FPS = 30
SCENES = {"still": ":desk?motion=still", "moving": ":desk?motion=subject"}

_RENDERED = 10
_WARM = 30  # frames in which estimates of the noise and averages settle
_FRAMES = 40
_MOST_S = 8.0  # per scene and method, the frame that is on its way apart
_SMALL_TILE = (8, 8)


@dataclass(frozen=True)
class Spread:
    """Durations in ms: median and 95th percentile."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Pass:
    """One method on one scene: how long cleaning takes, and the frames/s of the whole path."""

    clean: Spread
    rate_fps: float


@dataclass(frozen=True)
class Measured:
    """One method on one device; ``scenes`` by name."""

    name: str
    device: str
    hardware: str
    scenes: dict[str, Pass]

    @property
    def rate_fps(self) -> float:
        """What the whole path reaches in the slower scene."""
        return min(scene.rate_fps for scene in self.scenes.values())

    @property
    def spare_fps(self) -> float:
        """The camera's rate that leaves a third to spare."""
        return SPARE * self.rate_fps


@dataclass(frozen=True)
class PaperTime:
    """What the paper's network takes for a frame in one view, in s: estimated from one tile."""

    device: str
    hardware: str
    frame_s: float


@dataclass(frozen=True)
class Bench:
    """What this machine can do with frames of one size; ``choices`` maps a command to its network and the reason."""

    size: tuple[int, int]
    packet_bytes: int
    decode: Spread
    methods: list[Measured]
    paper: list[PaperTime]
    choices: dict[str, tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "machine": facts(),
            "size": list(self.size),
            "rate_fps": RATE_FPS,
            "packet_bytes": self.packet_bytes,
            "decode": asdict(self.decode),
            "methods": [
                {
                    **asdict(method),
                    "rate_fps": method.rate_fps,
                    "spare_fps": method.spare_fps,
                    "keeps_up": method.spare_fps >= RATE_FPS,
                }
                for method in self.methods
            ],
            "paper": [{**asdict(time), "estimated": True} for time in self.paper],
            "choices": {
                command: {"network": network, "reason": reason}
                for command, (network, reason) in self.choices.items()
            },
        }


@dataclass(frozen=True)
class Subject:
    """A method to be measured; ``make`` gives its denoiser."""

    name: str
    device: str
    hardware: str
    make: Callable[[], Denoiser]


def subjects(devices: Sequence[str]) -> list[Subject]:
    """The recursive filter, and each base network on each device."""
    found = [Subject(RECURSIVE, "cpu", "", RecursiveDenoiser)]
    for device in devices:
        hardware = hardware_name(pick_device(device))
        found += [
            Subject(size, device, hardware, partial(_network, size, device))
            for size in shipped_sizes()
        ]
    return found


def _network(size: str, device: str) -> Denoiser:
    return LiveNetworkDenoiser(load_base(size), None, device, name=size)


def steps(devices: Sequence[str]) -> int:
    """How many steps :func:`measure` tells its ticker of."""
    return (1 + len(subjects(devices))) * len(SCENES) * _FRAMES + len(devices)


def measure(
    size: tuple[int, int], devices: Sequence[str], known: Machine, ticker: Ticker | None = None
) -> Bench:
    """Measures everything at one size.

    Args:
        size: Width and height in pixels, even.
        devices: Where networks are to run; see :func:`rtdenoise.networks.device.devices`.
        known: Gets what is measured.
        ticker: Told of :func:`steps`.

    Raises:
        CameraError: the simulated camera can't deliver that size.
        NetworkError: a device isn't there.
    """
    ticker = ticker or Ticker()
    packets = {}
    for scene, spec in SCENES.items():
        camera = open_simulated(f"{spec}&frames={_RENDERED}", size=size, rate_fps=RATE_FPS)
        packets[scene] = list(camera.packets())
        ticker.advance(_FRAMES, "the simulated camera")
    mode = camera.mode
    decode = decode_times(packets["still"])
    methods = []
    for subject in subjects(devices):
        label = f"{subject.name} on {subject.device}"
        denoiser = subject.make()
        scenes = {
            scene: run(denoiser, Replay(sent, mode), ticker, label)
            for scene, sent in packets.items()
        }
        methods.append(Measured(subject.name, subject.device, subject.hardware, scenes))
        del denoiser
    paper = []
    for device in devices:
        ticker.advance(0, f"the paper's network on {device}")
        chip = pick_device(device)
        paper.append(PaperTime(device, hardware_name(chip), paper_seconds(size, chip)))
        ticker.advance(1)
    known.add(Timing(m.name, m.device, m.hardware, *size, 1e3 / m.rate_fps, True) for m in methods)
    mean = round(sum(p.size for p in packets["still"]) / _RENDERED)
    choices = _choices(mode, devices, known)
    bench = Bench(size, mean, decode, methods, paper, choices)
    known.bench = bench.to_json()
    return bench


def _choices(mode: Mode, devices: Sequence[str], known: Machine) -> dict[str, tuple[str, str]]:
    """What the commands take where no network was calibrated, on the best of the devices."""
    chip = pick_device("auto" if len(devices) > 1 else devices[0])
    found = [Candidate(size, base_network_path(size), size) for size in reversed(shipped_sizes())]
    if not found:
        reason = "No live network comes with this version."
        return {"live": (RECURSIVE, reason), "calibrate": (RECURSIVE, reason)}
    live = choose(found, mode, chip.type, known)
    size, why = fitting_size(chip, mode, known) or (RECURSIVE, "")
    return {
        "live": (live.name, live.reason),
        "calibrate": (size, f"Makes {size} ready, {why}."),
    }


class Replay(CameraBase):
    """A camera that sends the same few packets again and again, forth and back so that what moves doesn't jump.

    Args:
        packets: Motion JPEG.
        mode: Of the camera that they came from.
        frames: How many it sends.
    """

    def __init__(
        self, packets: Sequence[av.Packet[Any]], mode: Mode, frames: int = _WARM + _FRAMES
    ) -> None:
        super().__init__(CameraInfo("bench", "Simulated camera", "simulated", "simulated"), mode)
        self._packets, self._frames = packets, frames
        self._decoder = JpegDecoder()

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._decoder.damaged

    def packets(self) -> Iterator[av.Packet[Any]]:
        """The packets, at rising times."""
        count = len(self._packets)
        order = [*range(count), *range(count - 2, 0, -1)]
        for index in range(self._frames):
            packet = self._packets[order[index % len(order)]]
            packet.pts, packet.time_base = index, Fraction(1, RATE_FPS)
            yield packet

    def decode(self, packet: av.Packet[Any] | None) -> list[VideoFrame]:
        """The frame of one packet."""
        return self._decoder.decode(packet)

    def close(self) -> None:
        """Nothing to do."""


def run(denoiser: Denoiser, camera: Replay, ticker: Ticker, label: str) -> Pass:
    """Cleans a camera's frames in the live loop, none dropped, for a few seconds at most."""
    denoiser.reset()
    finished: list[float] = []

    def tick() -> None:
        finished.append(time.perf_counter())
        if len(finished) > _WARM:
            ticker.advance(1, label)

    loop = LiveLoop(camera, denoiser, lambda *_: NullSink(), lossless=True)
    report = loop.run(_MOST_S, tick)
    settled = finished[min(_WARM, max(len(finished) - 2, 0)) :]
    # Frames that come out one after the other tell the rate of the whole path.
    span = settled[-1] - settled[0] if len(settled) > 1 else report.stages_ms["clean"][0] / 1e3
    rate_fps = max(len(settled) - 1, 1) / max(span, 1e-9)
    ticker.advance(max(_FRAMES - max(len(finished) - _WARM, 0), 0), label)
    return Pass(Spread(*loop.report(last=max(len(settled), 1)).stages_ms["clean"]), rate_fps)


def decode_times(packets: Sequence[av.Packet[Any]], repeats: int = 3) -> Spread:
    """Decoding on one thread, with the conversion to 4:2:0."""
    decoder, times = JpegDecoder(), StageTimes()
    for index in range(repeats * len(packets)):
        started = time.perf_counter()
        (frame,) = decoder.decode(packets[index % len(packets)])
        planes = planes_from_frame(frame)
        convert(planes, "420", planes.format.full_range)
        if index > 0:  # with the first everything is set up
            times.add(time.perf_counter() - started)
    return Spread(*times.percentiles())


def paper_seconds(size: tuple[int, int], device: torch.device) -> float:
    """How long the paper's network takes for a frame in one view, in s: estimated from one of its tiles.

    Args:
        size: Width and height of the frame.
        device: Where.
    """
    width, height = size
    network = PaperNetwork().eval().to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.set_compute_dtype(half_dtype(device))
    tile = choose_tile(device, height, width, network.context)
    rows, columns = math.ceil(height / tile), math.ceil(width / tile)

    def tile_s(height: int, width: int) -> float:
        around = 2 * network.context
        inputs = torch.zeros(3, height + around, width + around, device=device)
        started = time.perf_counter()
        clean_in_context(network, inputs, tta=False, tile=tile).mean.cpu()
        return time.perf_counter() - started

    whole = (math.ceil(height / rows), math.ceil(width / columns))
    tile_s(*(_SMALL_TILE if device.type == "cpu" else whole))  # kernels are chosen
    return tile_s(*whole) * rows * columns
