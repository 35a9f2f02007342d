"""Takes noise of known strength out of one picture, band by band."""

from __future__ import annotations

import cv2
import numpy as np

from ...alignment.rectangles import Rectangle
from ...arrays import Bytes, Floats
from ...noise import PlaneNoise
from ...noise.fields import field

LEVELS = 4
_TINY = 1e-6
# Blocks around a rectangle that its filters reach into.
_HALO = 2


def level_variances(noise: PlaneNoise, levels: int = LEVELS) -> tuple[float, ...]:
    """Variance of unit noise in each band of the pyramid, finest first."""
    current = field(noise, (256, 256))
    variances = []
    for _ in range(levels):
        rows, columns = current.shape
        below = cv2.resize(current, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        band = current - cv2.resize(below, (columns, rows), interpolation=cv2.INTER_LINEAR)
        variances.append(float(np.mean(band**2)))
        current = np.asarray(below, np.float32)
    return tuple(variances)


def _view(buffer: Floats, shape: tuple[int, ...]) -> Floats:
    """The first values of a flat buffer, as an array: rectangles of any size share one."""
    return buffer[: shape[0] * shape[1]].reshape(shape)


class Shrinkage:
    """A Laplacian pyramid (Burt and Adelson, 1983), its bands shrunk where they hold only noise.

    Each coefficient is scaled by max(0, 1 − n/e), an empirical Wiener gain: e is the band's power
    in the neighbourhood, n the noise's. Most of a webcam's noise is in the coarser bands, which are
    cheap; the finest is worked on only where it is worth it. Means of 2×2 pixels and linear
    interpolation between them make the pyramid: much quicker than Gaussians, and measured to clean
    as well.

    Args:
        noise: the plane's noise, for its correlation.
        shape: (rows, columns) of the plane; multiples of two.
    """

    def __init__(self, noise: PlaneNoise, shape: tuple[int, int]) -> None:
        self._shapes = [shape]
        for _ in range(LEVELS):
            rows, columns = self._shapes[-1]
            self._shapes.append(((rows + 1) // 2, (columns + 1) // 2))
        self._bands = [np.empty(s, np.float32) for s in self._shapes[:-1]]
        self._work = [np.empty(s, np.float32) for s in self._shapes[:-1]]
        self._below = [np.empty(s, np.float32) for s in self._shapes[1:]]
        self._power = [np.empty(s, np.float32) for s in self._shapes[1:]]
        self._share = [np.empty(s, np.float32) for s in self._shapes[1:]]
        # The finest band is worked on in bands of the picture that stay in the processor's cache.
        self._fine = [np.empty(shape[0] * shape[1], np.float32) for _ in range(2)]
        self._fine_half = [np.empty(self._below[0].size, np.float32) for _ in range(2)]
        self.set_noise(noise)

    def set_noise(self, noise: PlaneNoise) -> None:
        """Takes another correlation."""
        self._factors = level_variances(noise)

    def clean(
        self,
        picture: Floats,
        variance: Floats,
        fine: list[Rectangle],
        scale: tuple[int, int],
        out: Bytes,
    ) -> None:
        """Writes ``picture`` without its noise, as far as that can be told from signal, to ``out``.

        Args:
            picture: (rows, columns), in bytes.
            variance: of the noise in it, per grid block, in squared bytes.
            fine: where the finest band is to be cleaned too.
            scale: (rows, columns) of pixels per grid block.
            out: (rows, columns).
        """
        for j in range(LEVELS):
            above = picture if j == 0 else self._below[j - 1]
            size = self._below[j].shape[::-1]
            cv2.resize(above, size, dst=self._below[j], interpolation=cv2.INTER_AREA)
        for j in range(1, LEVELS):
            self._shrink(self._below[j - 1], self._below[j], variance, j)
        removed = self._bands
        for j in range(LEVELS - 2, 0, -1):
            work = self._work[j]
            cv2.resize(removed[j + 1], work.shape[::-1], dst=work, interpolation=cv2.INTER_LINEAR)
            cv2.add(removed[j], work, dst=removed[j])
        total = removed[0]
        cv2.resize(removed[1], total.shape[::-1], dst=total, interpolation=cv2.INTER_LINEAR)
        for rectangle in fine:
            self._finest(picture, variance, rectangle, scale, total)
        cv2.subtract(picture, total, dst=out, dtype=cv2.CV_8U)

    def _shrink(self, picture: Floats, below: Floats, variance: Floats, j: int) -> None:
        """Band j of ``picture``, as far as it is noise, to ``self._bands[j]``."""
        band, work = self._bands[j], self._work[j]
        cv2.resize(below, band.shape[::-1], dst=work, interpolation=cv2.INTER_LINEAR)
        cv2.subtract(picture, work, dst=band)
        cv2.multiply(band, band, dst=work)
        power, share = self._power[j], self._share[j]
        size = power.shape[::-1]
        cv2.resize(work, size, dst=power, interpolation=cv2.INTER_AREA)
        cv2.blur(power, (3, 3), dst=power)
        cv2.resize(variance, size, dst=share, interpolation=cv2.INTER_LINEAR)
        self._noise_share(share, power, j)
        cv2.resize(share, band.shape[::-1], dst=work, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(band, work, dst=band)

    def _noise_share(self, variance: Floats, power: Floats, j: int) -> None:
        """min(1, n/e), in place of ``variance``."""
        np.add(power, np.float32(_TINY), out=power)
        cv2.divide(variance, power, dst=variance, scale=self._factors[j])
        np.minimum(variance, np.float32(1), out=variance)

    def _finest(
        self,
        picture: Floats,
        variance: Floats,
        rectangle: Rectangle,
        scale: tuple[int, int],
        total: Floats,
    ) -> None:
        """Adds what goes of the finest band in a rectangle to ``total``."""
        grid = variance.shape
        wide = rectangle.grown(_HALO, (grid[0], grid[1]))
        rows, columns = wide.of(scale)
        half = (
            slice(rows.start // 2, (rows.stop + 1) // 2),
            slice(columns.start // 2, (columns.stop + 1) // 2),
        )
        above, below = picture[rows, columns], self._below[0][half]
        size, half_size = above.shape[::-1], below.shape[::-1]
        band, work = (_view(a, above.shape) for a in self._fine)
        power, share = (_view(a, below.shape) for a in self._fine_half)
        cv2.resize(below, size, dst=band, interpolation=cv2.INTER_LINEAR)
        cv2.subtract(above, band, dst=band)
        cv2.multiply(band, band, dst=work)
        cv2.resize(work, half_size, dst=power, interpolation=cv2.INTER_AREA)
        cv2.blur(power, (3, 3), dst=power)
        local = variance[wide.top : wide.bottom, wide.left : wide.right]
        cv2.resize(local, half_size, dst=share, interpolation=cv2.INTER_LINEAR)
        self._noise_share(share, power, 0)
        cv2.resize(share, size, dst=work, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(band, work, dst=band)
        place = rectangle.of(scale)
        top, left = place[0].start - rows.start, place[1].start - columns.start
        target = total[place]
        cv2.add(
            target,
            band[top : top + target.shape[0], left : left + target.shape[1]],
            dst=target,
        )
