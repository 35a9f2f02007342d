"""The simulated camera: a webcam that films a drawn scene, with the noise-free truth at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ...arrays import Floats
from ...errors import CameraError
from ...frames import PlaneFormat, Planes
from ..base import CameraBase, CameraInfo, Mode
from .edges import Structure, structure
from .film import Film
from .grey import GreyNoise, measure_grey
from .jpeg import JpegDecoder, JpegEncoder
from .options import Options, parse_options
from .processor import PROCESSINGS, Processor
from .scenes import scene
from .sensor import Sensor, SensorParameters

DEFAULT_SIZE = (1920, 1080)
DEFAULT_RATE_FPS = 30.0
_SMALLEST, _LARGEST = 32, 8192
_QUANTISER = 3


def open_simulated(
    rest: str, *, size: tuple[int, int] | None = None, rate_fps: float | None = None
) -> SimulatedCamera:
    """Opens the simulated camera.

    Args:
        rest: What follows ``simulated`` in a camera's spec: ``""``, ``":desk"``, ``":desk?noise=high&seed=1"``.
        size: Columns and rows, both even; 1920×1080 where None.
        rate_fps: Frames per second; 30 where None.

    Raises:
        CameraError: an unknown scene, option or value, an odd size, or a rate that is no rate.
    """
    width, height = DEFAULT_SIZE if size is None else size
    rate = DEFAULT_RATE_FPS if rate_fps is None else rate_fps
    fits = all(_SMALLEST <= n <= _LARGEST and n % 2 == 0 for n in (width, height))
    if not fits:
        raise CameraError(
            f"The simulated camera can't deliver {width}×{height}.",
            f"Ask for an even width and height from {_SMALLEST} to {_LARGEST}.",
        )
    if not 0.1 <= rate <= 1000:
        raise CameraError(
            f"The simulated camera can't deliver {rate:g} frames per second.",
            "Ask for a rate from 0.1 to 1000.",
        )
    exact = Fraction(rate).limit_denominator(1001)
    return SimulatedCamera(parse_options(rest), (width, height), exact, f"simulated{rest}")


class SimulatedCamera(CameraBase):
    """A webcam that films a drawn scene: a :class:`~rtdenoise.cameras.base.Camera`, as quick as it can.

    Frame ``index`` is the same bytes whenever it is rendered. Besides what a camera can do, it tells tests the
    truth: :meth:`truth`, :meth:`subject_mask`, :attr:`sensor_parameters`.
    """

    def __init__(
        self, options: Options, size: tuple[int, int], rate_fps: Fraction, spec: str
    ) -> None:
        width, height = size
        self.options = options
        self._format = PlaneFormat(width, height, "422", full_range=True, matrix="bt601")
        super().__init__(
            _info(options, size, spec),
            Mode("mjpeg", "yuvj422p", width, height, rate_fps),
        )
        self._parameters = SensorParameters(options.gain)
        self._processing = PROCESSINGS[options.processing]
        self._processor = Processor(self._format, self._processing)
        self._rendering = threading.Lock()  # sensor and processor keep buffers
        self._sensor = Sensor(self._parameters, width, height, options.sensor, options.temporal)
        self._film = Film(
            scene(options.scene, size, options.variant),
            options.motion,
            options.exposure,
            float(rate_fps),
            options.flicker,
            options.drift,
            options.steps,
            options.seed,
        )
        self._encoder = JpegEncoder(width, height, rate_fps, _QUANTISER)
        self._decoder = JpegDecoder()
        self._closed = False
        self._seen: tuple[Floats, Structure] | None = None  # the last light and its structure

    @property
    def length(self) -> int | None:
        """How many frames there are; None without an end."""
        if self.options.frames is not None:
            return self.options.frames
        if self.options.seconds is not None:
            return max(1, round(self.options.seconds * self._mode.rate_fps))
        return None

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._decoder.damaged

    @property
    def sensor_parameters(self) -> SensorParameters:
        """The sensor's noise, in electrons."""
        return self._parameters

    @property
    def format(self) -> PlaneFormat:
        """The format of all frames: full-range BT.601 4:2:2."""
        return self._format

    def packets(self) -> Iterator[av.Packet[Any]]:
        """The packets, as fast as they can be rendered; ends after ``seconds`` or ``frames``, or by ``close``."""
        index = 0
        while not self._closed and (self.length is None or index < self.length):
            yield self._encoder.encode(self.noisy(index), index)
            index += 1

    def decode(self, packet: av.Packet[Any] | None) -> list[VideoFrame]:
        """The frame of one packet, or nothing where it is damaged."""
        return self._decoder.decode(packet)

    def close(self) -> None:
        """Ends ``packets``. Safe to call twice."""
        self._closed = True

    # ------------------------------------------------------------------ truth

    def noisy(self, index: int) -> Planes:
        """Frame ``index`` before JPEG."""
        key = (self.options.seed, self.options.sensor, index)
        with self._rendering:
            light = self._film.light(index)
            raw = self._sensor.expose(light, key, self._film.row_gain(index))
            return self._processor.develop(raw, self._time_s(index), self._structure(light))

    def truth(self, index: int) -> Planes:
        """What the camera would deliver for frame ``index`` without noise, fixed pattern and JPEG loss.

        Everything else is the same: demosaicing, colour, the processor's blur and sharpening, flicker and drift.
        """
        with self._rendering:
            light = self._film.light(index)
            raw = self._sensor.ideal(light, self._film.row_gain(index))
            return self._processor.develop(raw, self._time_s(index), self._structure(light))

    def noise_variance(self, index: int, draws: int = 32) -> Floats:
        """The variance over time of frame ``index``'s luma before JPEG, (H, W) in squared levels.

        Measured over as many other draws of the frame's noise: each pixel's has a relative error of about √(2/draws),
        the mean over a place with as much structure a far smaller one.
        """
        with self._rendering:
            light, gain = self._film.light(index), self._film.row_gain(index)
            found, time_s = self._structure(light), self._time_s(index)
            total, squares = (np.zeros(light.shape, np.float64) for _ in range(2))
            for draw in range(draws):
                # Every other draw: neighbours are alike where the camera smooths over time.
                key = (self.options.seed, self.options.sensor, index, 0x4E, 2 * draw + 1)
                raw = self._sensor.expose(light, key, gain)
                y = self._processor.develop(raw, time_s, found).y.astype(np.float64)
                total += y
                squares += y * y
        return ((squares - total**2 / draws) / (draws - 1)).astype(np.float32)

    def subject_mask(self, index: int) -> NDArray[np.bool_]:
        """Where the moving subject touches frame ``index``, (H, W).

        It includes the reach of the processor's filters. All False where nothing moves, all True in a pan.
        """
        return self._film.subject_mask(index, self._processing.reach)

    def grey_noise(self, steps: int = 16, frames: int = 12, *, jpeg: bool = True) -> GreyNoise:
        """The camera's noise on even grey, measured on rendered patches: what a noise model should find.

        Args:
            steps: How many greys, evenly spaced in the picture's levels from black to nearly white.
            frames: How many patches of 96 × 96 pixels per grey.
            jpeg: Whether the patches go through JPEG, as the camera's frames do.
        """
        return measure_grey(
            self._parameters, self._processing, _QUANTISER if jpeg else None, steps, frames
        )

    def _structure(self, light: Floats) -> Structure | None:
        """The edges in a frame's light, where the processor goes by them."""
        if self._processing.edges is None:
            return None
        if self._seen is None or self._seen[0] is not light:  # a still scene's light is one array
            self._seen = light, structure(light)
        return self._seen[1]

    def _time_s(self, index: int) -> float:
        return float(index / self._mode.rate_fps)


def simulated_info(rest: str, size: tuple[int, int] = DEFAULT_SIZE) -> CameraInfo:
    """Which camera :func:`open_simulated` would open, without the time that takes.

    Raises:
        CameraError: an unknown scene, option or value.
    """
    return _info(parse_options(rest), size, f"simulated{rest}")


def _info(options: Options, size: tuple[int, int], spec: str) -> CameraInfo:
    # The id depends on the sensor and its settings, not on what it films.
    name = f"Simulated camera ({options.noise})"
    return CameraInfo(_camera_id(options, size), name, "simulated", spec)


def _camera_id(options: Options, size: tuple[int, int]) -> str:
    parts = ["simulated", options.noise]
    if abs(options.exposure - 1) > 1e-6:
        parts.append(f"light{options.light:.3g}")
    if options.processing != "none":
        parts.append(options.processing)
    if options.temporal:
        parts.append(f"temporal{options.temporal:.3g}")
    parts.append(str(options.sensor))
    if size != DEFAULT_SIZE:
        parts.append(f"{size[0]}x{size[1]}")
    return "-".join(parts)
