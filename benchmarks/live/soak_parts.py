"""What the soak is made of: a camera, a denoiser and a sink to which things happen when they are told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame

from rtdenoise.cameras.base import CameraBase, CameraInfo
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.cameras.simulated.jpeg import JpegDecoder
from rtdenoise.denoisers import Denoiser
from rtdenoise.errors import CameraError
from rtdenoise.frames import PlaneFormat, Planes, convert, planes_from_frame
from rtdenoise.stream.fitting import fit
from rtdenoise.stream.possible import block_means

from ..common import forth_and_back

GARBLED = 12  # levels: how far the mean of a block of 32 × 32 may be from the frame's own without its noise
INFO = CameraInfo("soak", "Soak camera", "webcam", "soak")


@dataclass
class Clip:
    """A few frames of the simulated camera in one mode, to be played forth and back.

    Args:
        size: Columns and rows.
        rate_fps: Frames per second.
        frames: How many are rendered.
    """

    size: tuple[int, int]
    rate_fps: int
    frames: int
    packets: list[bytes] = field(init=False)
    planes: list[Planes] = field(init=False)

    def __post_init__(self) -> None:
        spec = f":desk?noise=high&motion=subject&frames={self.frames}"
        camera = open_simulated(spec, size=self.size, rate_fps=self.rate_fps)
        self.mode = camera.mode
        packets = list(camera.packets())
        self.packets = [bytes(packet) for packet in packets]
        decoded = [planes_from_frame(camera.decode(packet)[0]) for packet in packets]
        self.planes = [convert(p, "420", p.format.full_range).copy() for p in decoded]
        self.order = forth_and_back(self.frames)


class Faults:
    """What is to happen next, told by one thread and asked for by others."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips, self.clip = clips, 0
        self.away: list[list[float]] = []  # [from, to] of times without a camera
        self.until = {"unplug": 0.0, "slow": 0.0}
        self.begin = time.monotonic()
        self.over = False  # the camera ends
        self._wanted: dict[str, int] = {}
        self._lock = threading.Lock()

    def want(self, name: str, count: int = 1) -> None:
        """Something is to happen so many times."""
        with self._lock:
            self._wanted[name] = self._wanted.get(name, 0) + count

    def take(self, name: str) -> bool:
        """Whether it is to happen now."""
        with self._lock:
            left = self._wanted.get(name, 0)
            self._wanted[name] = max(0, left - 1)
            return left > 0

    def unplug(self, seconds: float) -> None:
        """The camera goes away for so long."""
        self.until["unplug"] = time.monotonic() + seconds
        self.want("gone")

    def open(self) -> FaultyCamera:
        """Opens the camera again.

        Raises:
            CameraError: it is not there.
        """
        if time.monotonic() < self.until["unplug"]:
            raise CameraError("There is no camera.")
        return FaultyCamera(self)


def garble(packet: bytes, random: np.random.Generator) -> bytes:
    """A JPEG damaged in one of the ways in which USB and drivers do it."""
    data = bytearray(packet)
    at = int(random.integers(700, len(data) * 3 // 4))
    kind = int(random.integers(4))
    if kind == 0:
        return bytes(data[:at])  # cut short
    if kind == 1:
        del data[at : at + 512]  # a transfer was lost
    elif kind == 2:
        data[at : at + 512] = bytes(len(data[at : at + 512]))
    else:
        length = len(data[at : at + 512])
        data[at : at + 512] = random.integers(0, 256, length, np.uint8).tobytes()
    return bytes(data)


class FaultyCamera(CameraBase):
    """Sends a clip at its rate, as a webcam does: what nobody takes is gone."""

    def __init__(self, faults: Faults) -> None:
        self._clip = faults.clips[faults.clip]
        super().__init__(INFO, self._clip.mode)
        self._faults, self._closed = faults, threading.Event()
        self._decoder = JpegDecoder()
        self._random = np.random.default_rng(1)
        self.skipped_packets = 0
        if faults.away and faults.away[-1][1] == np.inf:
            faults.away[-1][1] = time.monotonic()

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded."""
        return self._decoder.damaged

    def packets(self) -> Iterator[av.Packet[Any]]:
        """Packets at their times.

        Raises:
            CameraError: it was unplugged.
        """
        clip, faults, begin = self._clip, self._faults, self._faults.begin
        count = int((time.monotonic() - begin) * clip.rate_fps)  # goes on after an unplug
        while not (self._closed.is_set() or faults.over):
            slow = 3 if time.monotonic() < faults.until["slow"] else 1
            now = time.monotonic()
            late = int((now - begin) * clip.rate_fps) - count
            if late > 1:
                self.skipped_packets += late
                count += late
            count += slow
            if self._closed.wait(max(0.0, begin + count / clip.rate_fps - now)):
                return
            if faults.take("gone"):
                faults.away.append([time.monotonic(), np.inf])
                raise CameraError("Soak camera went away while it was read.")
            data = clip.packets[clip.order[count % len(clip.order)]]
            packet: av.Packet[Any] = av.Packet(
                garble(data, self._random) if faults.take("garbled") else data
            )
            packet.pts = packet.dts = count
            packet.time_base = Fraction(1, clip.rate_fps)
            yield packet

    newest_packets = packets

    def decode(self, packet: av.Packet[Any] | None) -> list[VideoFrame]:
        """The frames of a packet."""
        return self._decoder.decode(packet)

    def close(self) -> None:
        """Ends it."""
        self._closed.set()


class FaultyDenoiser:
    """Another denoiser, which fails when it is told to."""

    def __init__(self, inner: Denoiser, faults: Faults) -> None:
        self.inner, self._faults = inner, faults
        self.name = inner.name

    def __call__(self, planes: Planes) -> Planes:
        """Cleans, or fails."""
        if self._faults.take("exception"):
            raise ValueError("the soak says so")
        if self._faults.take("nan"):
            engine = getattr(self.inner, "_engine", None)
            state = getattr(engine, "_coefficients", None)
            if state is None:  # what becomes of it elsewhere: bytes of 0
                y, u, v = (np.zeros_like(p) for p in (planes.y, planes.u, planes.v))
                return Planes(y, u, v, planes.format, planes.time_s)
            state[len(state) // 3 : len(state) // 2] = np.nan
        return self.inner(planes)

    def reset(self) -> None:
        """Forgets earlier frames."""
        self.inner.reset()


class JudgingSink:
    """Holds what comes against the frames that the camera sent, and notes when.

    Args:
        faults: Its clips are the truth.
        rung: The present rung.
    """

    name = "judge"

    def __init__(self, faults: Faults, rung: Callable[[], int]) -> None:
        self._faults, self._rung = faults, rung
        self.times: list[float] = []  # of new pictures
        self.rungs: list[int] = []
        self.garbled = 0
        self.worst = 0
        self._last: Any = None
        self._truth: list[list[Any]] = []

    def open(self, format: PlaneFormat, rate_fps: Fraction) -> JudgingSink:
        """Learns the format that the truth is to have."""
        self._truth = [
            [block_means(fit(planes, format).y) for planes in clip.planes]
            for clip in self._faults.clips
        ]
        return self

    def write(self, planes: Planes) -> None:
        """Judges a picture."""
        if self._faults.take("sink"):
            time.sleep(0.5)  # a driver that waits for a reader that is gone
        if planes.y is self._last:
            return  # the last picture once more
        self._last = planes.y
        means = block_means(planes.y).astype(int)
        nearest = []
        for clip, truth in zip(self._faults.clips, self._truth, strict=True):
            count = round(planes.time_s * clip.rate_fps)
            index = clip.order[count % len(clip.order)]
            nearest.append(int(np.abs(means - truth[index]).max()))
        self.worst = max(self.worst, min(nearest))
        self.garbled += min(nearest) > GARBLED
        self.times.append(time.monotonic())
        self.rungs.append(self._rung())

    def close(self) -> None:
        """Nothing to do."""

    def abort(self) -> None:
        """Nothing to do."""


def longest_freeze(times: list[float], away: list[list[float]], recover_s: float = 0.5) -> float:
    """The longest time without a new picture while the camera was there, in s.

    Args:
        times: When new pictures came.
        away: From when to when the camera was away.
        recover_s: How long after it the program may need: it looks for the camera so often.
    """
    longest = 0.0
    for before, after in pairwise(times):
        gone = sum(
            max(0.0, min(after, end + recover_s) - max(before, start)) for start, end in away
        )
        longest = max(longest, after - before - gone)
    return longest
