"""Takes noise of known strength out of one picture, band by band."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..noise import PlaneNoise
from ..noise_fields import field

Floats = NDArray[np.float32]

LEVELS = 4
# How much of the noise's power is taken off a coefficient's power before it counts as signal.
_STRENGTH = 2.0
_TINY = 1e-6


def band_variances(noise: PlaneNoise, levels: int = LEVELS) -> tuple[float, ...]:
    """Variance of unit noise in each band of the pyramid, finest first."""
    current = field(noise, (256, 256))
    variances = []
    for _ in range(levels):
        below = cv2.pyrDown(current)
        band = current - cv2.pyrUp(below, dstsize=(current.shape[1], current.shape[0]))
        variances.append(float(np.mean(band**2)))
        current = np.asarray(below, np.float32)
    return tuple(variances)


class Coring:
    """A Laplacian pyramid (Burt and Adelson, 1983), its bands shrunk where they hold only noise.

    Each coefficient is scaled by max(0, 1 − a·n/e), an empirical Wiener gain: e is the band's power
    in the 3×3 neighbourhood, n the noise's. Most of a webcam's noise is in the coarser bands, which
    are cheap.

    Args:
        noise: the plane's noise, for its correlation.
        shape: (rows, columns) of the plane.
    """

    def __init__(
        self, noise: PlaneNoise, shape: tuple[int, int], strength: float = _STRENGTH
    ) -> None:
        self._factors = [strength * v for v in band_variances(noise)]
        self._shapes = [shape]
        for _ in range(LEVELS):
            rows, columns = self._shapes[-1]
            self._shapes.append(((rows + 1) // 2, (columns + 1) // 2))
        self._pictures = [np.empty(s, np.float32) for s in self._shapes]
        self._bands = [np.empty(s, np.float32) for s in self._shapes]
        self._power = [np.empty(s, np.float32) for s in self._shapes[:-1]]
        self._noise = [np.empty(s, np.float32) for s in self._shapes[:-1]]

    def removed(self, picture: Floats, variance: Floats) -> Floats:
        """What to subtract from ``picture``: its noise, as far as it can be told from signal.

        Args:
            picture: (rows, columns), in bytes.
            variance: of the noise in it, a map of any smaller size, in squared bytes.

        Returns:
            (rows, columns); the array is used again by the next call.
        """
        current = picture
        for j, (rows, columns) in enumerate(self._shapes[:-1]):
            below = cv2.pyrDown(current, dst=self._pictures[j + 1])
            band, power, noise = self._bands[j], self._power[j], self._noise[j]
            cv2.pyrUp(below, dst=band, dstsize=(columns, rows))
            cv2.subtract(current, band, dst=band)
            cv2.multiply(band, band, dst=power)
            cv2.blur(power, (3, 3), dst=power)
            cv2.resize(variance, (columns, rows), dst=noise, interpolation=cv2.INTER_LINEAR)
            # removed = band · min(1, a·n/e)
            np.add(power, _TINY, out=power)
            cv2.divide(noise, power, dst=noise, scale=self._factors[j])
            cv2.min(noise, 1.0, dst=noise)
            cv2.multiply(band, noise, dst=band)
            current = below
        for j in range(LEVELS - 2, -1, -1):
            rows, columns = self._shapes[j]
            cv2.pyrUp(self._bands[j + 1], dst=self._noise[j], dstsize=(columns, rows))
            cv2.add(self._bands[j], self._noise[j], dst=self._bands[j])
        return self._bands[0]
