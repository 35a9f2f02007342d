"""Row flicker: an offset that a whole row shares and that is new in every frame.

A sensor's rows are read one after the other, each with a little noise of its own, and lamps on mains light them
differently under a rolling shutter. The eye sees both far sooner than noise of the same strength in single pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from rtdenoise.arrays import Bytes, Doubles, Floats, Mask

# A row is cut into so many pieces; only those that are not neighbours are compared, which is farther
# than noise of single pixels reaches.
_PIECES = 8
_NARROWEST = 16  # pixels of a piece
_COVERED = 0.5  # part of a piece's pixels that must be still
_BAND_SHARE = 0.5  # part of the rows' power in one frequency that makes it banding


@dataclass(frozen=True)
class RowFlicker:
    """Standard deviation of a row's offset in bytes, and the height of one band in rows; NaN where unknown."""

    std: float
    period: float


@dataclass
class RowTally:
    """Adds up over series what rows share, for one plane.

    The means of two distant pieces of one row have nothing in common but the row's offset: their mean product is its
    variance, whatever the noise of the pixels does to the mean of a row.
    """

    variances: list[float] = field(default_factory=list)
    powers: list[tuple[int, Doubles]] = field(default_factory=list)

    def add_series(self, stack: list[Bytes], mean: Floats, still: Mask, frames: int) -> None:
        """Adds frames of one series.

        Args:
            stack: frames, (rows, columns) each.
            mean: of all frames of the series.
            still: which pixels count.
            frames: how many frames the mean was taken of.
        """
        rows, columns = mean.shape
        pieces = min(_PIECES, columns // _NARROWEST)
        if pieces < 3 or rows < 8:
            return
        width = columns // pieces
        weight = still[:, : pieces * width].reshape(rows, pieces, width).sum(axis=2)
        valid = weight >= _COVERED * width  # (rows, pieces)
        pairs = [(a, b) for a in range(pieces) for b in range(a + 2, pieces)]
        both = {pair: valid[:, pair[0]] & valid[:, pair[1]] for pair in pairs}
        count = sum(int(b.sum()) for b in both.values())
        if count < rows:
            return
        sums = np.maximum(weight, 1)

        def means_of(values: Floats) -> Doubles:
            held = (values * still)[:, : pieces * width].reshape(rows, pieces, width)
            return np.asarray(held.sum(axis=2) / sums, np.float64)

        levels = means_of(mean)[valid] / 128 - 1
        # What the exposure does to all rows alike goes by level. A tally per level would not do: in a scene whose
        # level changes from row to row, such as the sky, it would take the rows' own offsets away.
        basis = np.stack([np.ones_like(levels), levels, levels**2], axis=1)
        power = np.zeros(rows // 2 + 1)
        window = np.hanning(rows)
        for plane in stack:
            offsets = means_of(
                cv2.subtract(plane, mean, dtype=cv2.CV_32F).astype(np.float32, copy=False)
            )
            offsets[valid] -= basis @ np.linalg.lstsq(basis, offsets[valid], rcond=None)[0]
            offsets[~valid] = 0
            product = sum(float(np.dot(offsets[b, i], offsets[b, j])) for (i, j), b in both.items())
            self.variances.append(product / count * frames / (frames - 1))
            whole = offsets.sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
            power += np.abs(np.fft.rfft(window * whole)) ** 2
        self.powers.append((rows, power))

    def flicker(self) -> RowFlicker:
        """What was found; 0 where it is within three standard errors of it."""
        if not self.variances:
            return RowFlicker(float("nan"), float("nan"))
        values = np.array(self.variances)
        variance = float(values.mean())
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else variance
        if variance <= 3 * error:
            return RowFlicker(0.0, float("nan"))
        return RowFlicker(round(float(np.sqrt(variance)), 4), self._period())

    def _period(self) -> float:
        """The height of one band in rows; NaN where no one frequency stands out."""
        rows = self.powers[0][0]
        power = np.sum([p for r, p in self.powers if r == rows], axis=0)
        power[0] = 0
        # Bands lower than 8 rows are no mains bands: half of the rows' frequencies and more are left out.
        top = 1 + int(np.argmax(power[1 : max(rows // 8, 3)]))
        near = slice(max(top - 2, 1), top + 3)
        share, at = power[near], np.arange(len(power))[near]
        if share.sum() < _BAND_SHARE * power.sum():
            return float("nan")
        return round(float(rows * share.sum() / (share * at).sum()), 1)
