"""The simulated sensor: from light to a Bayer mosaic with the noise that physics puts on it.

A pixel counts n electrons with a variance of n (shot noise) plus read noise squared, so that the variance of
the raw value is a·x + b, linear in the signal (Foi et al., "Practical Poissonian-Gaussian noise modeling
and fitting for single-image raw-data", 2008). Gain turns fewer electrons into full scale, which is why
a dim room is noisy. On top come what stays the same in every frame (pixels that differ in sensitivity,
dark offsets, columns) and an offset per row that is new in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats

Words = NDArray[np.uint16]

BLACK = 8192.0  # raw value of no light: room below it keeps noise around black unbiased
WHITE = 65535.0
SPAN = WHITE - BLACK

# What the sensor's colour filters see of linear sRGB: the inverse of the mild colour matrix and the white
# balance that the processor applies. Red and blue pixels see less light, hence their stronger noise.
COLOUR_MATRIX = np.array(
    [[1.35, -0.27, -0.08], [-0.18, 1.32, -0.14], [0.00, -0.38, 1.38]], np.float32
)
WHITE_BALANCE = np.array([1.65, 1.0, 1.85], np.float32)
_RESPONSE = np.linalg.inv(COLOUR_MATRIX * WHITE_BALANCE[None, :]).astype(np.float32)


@dataclass(frozen=True)
class SensorParameters:
    """What is known about the sensor's noise, in electrons.

    Full scale is ``full_well / gain`` electrons. ``prnu`` is the relative spread of sensitivities, ``dark``
    and ``column`` the spread of fixed offsets per pixel and per column, ``row`` of the offset that each
    row gets anew in each frame.
    """

    gain: float
    full_well: float = 12_000.0
    read_noise: float = 2.0
    prnu: float = 0.006
    dark: float = 0.5
    column: float = 0.12
    row: float = 0.2

    @property
    def full_scale(self) -> float:
        """How many electrons give the largest raw value."""
        return self.full_well / self.gain

    def variance(self, signal: NDArray[np.floating[Any]] | float) -> NDArray[np.float64]:
        """Variance of the raw value of a pixel whose mean is ``signal``, both in parts of full scale.

        This is a·x + b with a = 1/full scale and b = (read² + row²)/full scale².
        """
        offset = (self.read_noise**2 + self.row**2) / self.full_scale**2
        return np.maximum(np.asarray(signal, np.float64), 0) / self.full_scale + offset


def respond(linear: Floats) -> Floats:
    """What the colour filters see of linear sRGB light: (..., 3) to (..., 3), without a mosaic."""
    return np.ascontiguousarray(cv2.transform(linear, _RESPONSE), np.float32)


def mosaic(colours: Floats) -> Floats:
    """One colour per pixel in the RGGB pattern: (H, W, 3) with H and W even to (H, W)."""
    raw = np.empty(colours.shape[:2], np.float32)
    raw[0::2, 0::2] = colours[0::2, 0::2, 0]
    raw[0::2, 1::2] = colours[0::2, 1::2, 1]
    raw[1::2, 0::2] = colours[1::2, 0::2, 1]
    raw[1::2, 1::2] = colours[1::2, 1::2, 2]
    return raw


class Sensor:
    """One sensor: its noise parameters and its own fixed pattern. Not for two threads at once.

    Args:
        parameters: The noise, in electrons.
        width: Pixels per row, even.
        height: Rows, even.
        pattern_seed: Which sensor of the make it is; None for one without a fixed pattern.
        temporal: Correlation of the noise of neighbouring frames, 0 to 0.5: each frame's noise is mixed of its own and
            the frame's before, without getting weaker. Rows stay independent.
    """

    def __init__(
        self,
        parameters: SensorParameters,
        width: int,
        height: int,
        pattern_seed: int | None,
        temporal: float = 0.0,
    ) -> None:
        self.parameters = parameters
        # cos a · own + sin a · last has the variance 1 and the correlation sin a · cos a at lag 1
        angle = float(np.arcsin(2 * temporal) / 2)
        self._own, self._last = float(np.cos(angle)), float(np.sin(angle))
        self._shape = (height, width)
        self._sensitivity: Floats | None = None
        self._offset: Floats | None = None  # raw values
        self._noise, self._signal, self._spread = (
            np.empty(self._shape, np.float32) for _ in range(3)
        )
        self._rows = np.empty((height, 1), np.float32)
        self._drawn: tuple[tuple[int, ...], Floats] | None = None  # the last frame's, if wanted
        self._spare = np.empty(self._shape if temporal else (0, 0), np.float32)
        if pattern_seed is not None:
            random = np.random.default_rng([pattern_seed, width, height, 0x5E])
            raw_per_electron = SPAN / parameters.full_scale
            columns = random.normal(0, parameters.column, width)
            dark = random.normal(0, parameters.dark, self._shape) + columns
            self._offset = (dark * raw_per_electron).astype(np.float32)
            sensitivity = 1 + random.normal(0, parameters.prnu, self._shape)
            self._sensitivity = sensitivity.astype(np.float32)

    def expose(self, light: Floats, key: tuple[int, ...], row_gain: Floats | None = None) -> Words:
        """One noisy raw frame.

        Args:
            light: Mosaic of the light, (H, W), in parts of full scale.
            key: Non-negative numbers that choose the noise, the frame's number last: the same key gives the same frame.
            row_gain: Light per row against the normal, (H, 1): flicker and drift.
        """
        signal = self._signal
        if self._sensitivity is None:
            np.copyto(signal, light)
        else:
            np.multiply(light, self._sensitivity, out=signal)
        if row_gain is not None:
            signal *= row_gain
        electron = SPAN / self.parameters.full_scale
        noise, spread = self._noise, self._spread
        rows = self._mixed(key) if self._last else self._draw(key, noise)
        rows *= np.float32(self.parameters.row * electron)
        # shot noise and read noise: variances in raw values squared
        np.multiply(signal, SPAN * electron, out=spread)
        spread += (self.parameters.read_noise * electron) ** 2
        np.maximum(spread, 0, out=spread)
        cv2.sqrt(spread, dst=spread)
        noise *= spread
        noise += rows + np.float32(BLACK)
        if self._offset is not None:
            noise += self._offset
        return _saturated(signal, noise)

    def _draw(self, key: tuple[int, ...], noise: Floats) -> Floats:
        """Draws a frame's noise of variance 1: of its pixels into ``noise``, of its rows, (H, 1), as the result."""
        # OpenCV's generator is four times quicker than NumPy's; its state is per thread and set here.
        cv2.setRNGSeed(int(np.random.SeedSequence(key).generate_state(1)[0] >> 1))
        _normal(self._rows, 1.0)
        _normal(noise, 1.0)
        return self._rows

    def _mixed(self, key: tuple[int, ...]) -> Floats:
        """Like ``_draw`` into the noise of the frame, with a share of the noise of the frame before."""
        *camera, index = key
        # The first frame's predecessor has a key that no frame has.
        before = (*camera, index - 1) if index else (*camera, 0, 1)
        if self._drawn is not None and self._drawn[0] == before:
            old = self._drawn[1]
        else:
            old = np.empty(self._shape, np.float32)
            self._draw(before, old)
        rows = self._draw(key, self._spare)
        cv2.addWeighted(self._spare, self._own, old, self._last, 0, dst=self._noise)
        self._drawn, self._spare = (key, self._spare), old
        return rows

    def ideal(self, light: Floats, row_gain: Floats | None = None) -> Words:
        """The raw frame of a sensor without noise and without a fixed pattern."""
        signal = light if row_gain is None else light * row_gain
        return _saturated(signal, np.full(self._shape, BLACK, np.float32))


def _saturated(signal: Floats, rest: Floats) -> Words:
    return cast("Words", cv2.addWeighted(signal, SPAN, rest, 1, 0, dtype=cv2.CV_16U))


def _normal(out: Floats, spread: float) -> None:
    cv2.randn(out, np.zeros(1), np.full(1, spread))
