"""What the compiled engine computes, from the definitions, in NumPy and in double precision. Channels come first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtdenoise.engines.native_library import Constants
from rtdenoise.noise.structure import GROUP_OF

Array = NDArray[np.float64]
Shape = NDArray[Any]

DC = [0, 16, 20]
GATE_OF = np.array([0] + [1] * 15 + [2] * 8)
GROUP_GATES = [0, 1, 1, 1, 2, 2]


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def sigmoid(x: Shape) -> Array:
    return np.asarray(1 / (1 + np.exp(-x.astype(float))))


def softplus(x: Shape) -> Array:
    return np.asarray(np.logaddexp(0, x.astype(float)))


# ---------------------------------------------------------------------- blocks


def cosines(n: int) -> Array:
    """The orthonormal DCT-II of n × n pixels over n, so that the first coefficient is the mean, (n², n²)."""
    found = np.empty((n * n, n * n))
    for v in range(n):
        for u in range(n):
            for y in range(n):
                for x in range(n):
                    scale = (1 if v else 0.5**0.5) * (1 if u else 0.5**0.5) * 2 / n
                    across = np.cos((2 * x + 1) * u * np.pi / (2 * n))
                    down = np.cos((2 * y + 1) * v * np.pi / (2 * n))
                    found[v * n + u, y * n + x] = scale * across * down / n
    return found


def transform() -> Array:
    whole = np.zeros((24, 24))
    whole[:16, :16] = cosines(4)
    whole[16:20, 16:20] = whole[20:, 20:] = cosines(2)
    return whole


def dct(pixels: Shape) -> Array:
    return np.asarray(np.einsum("kp,p...->k...", transform(), pixels))


def inverse_dct(coefficients: Shape) -> Array:
    return np.asarray(np.einsum("pk,k...->p...", np.linalg.inv(transform()), coefficients))


def blocks(planes: Sequence[Shape]) -> Array:
    """The pixels of blocks, (24, h, w), of planes of Y, U and V."""
    found = []
    for plane, n in zip(planes, (4, 2, 2), strict=True):
        h, w = plane.shape[0] // n, plane.shape[1] // n
        found.append(plane.reshape(h, n, w, n).transpose(1, 3, 0, 2).reshape(n * n, h, w))
    return np.concatenate(found).astype(float)


def planes(pixels: Shape) -> list[Shape]:
    """The inverse of :func:`blocks`."""
    found = []
    h, w = pixels.shape[1:]
    for first, n in ((0, 4), (16, 2), (20, 2)):
        part = pixels[first : first + n * n].reshape(n, n, h, w)
        found.append(part.transpose(2, 0, 3, 1).reshape(n * h, n * w))
    return found


def normalised(picture: Sequence[NDArray[np.uint8]], forward: Shape) -> Array:
    return blocks([forward[p].astype(float)[plane] for p, plane in enumerate(picture)])


# ---------------------------------------------------------------------- layers


def layer(conv: Any, x: Shape) -> Array:
    """A layer of a network without its activation."""
    weight = conv.weight.detach().double().numpy()
    return convolution(x, weight, conv.bias.detach().double().numpy(), conv.stride[0])


def convolution(x: Shape, weight: Shape, bias: Shape, stride: int = 1) -> Array:
    """x (inputs, h, w); weight (outputs, inputs, side, side); zeros beyond the edges."""
    side = weight.shape[-1]
    h, w = x.shape[1:]
    wide = np.pad(x.astype(float), ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
    total = np.zeros((len(weight), h, w)) + np.asarray(bias, float)[:, None, None]
    for r in range(side):
        for c in range(side):
            total += np.einsum("oi,ihw->ohw", weight[:, :, r, c], wide[:, r : r + h, c : c + w])
    return np.asarray(total[:, ::stride, ::stride])


def upsample2x(x: Shape) -> Shape:
    return np.asarray(x.repeat(2, -2).repeat(2, -1))


def box(x: Shape, side: int, mode: Any = "edge") -> Array:
    """Means over side × side blocks."""
    h, w = x.shape[-2:]
    wide = np.pad(x.astype(float), ((0, 0), (side // 2,) * 2, (side // 2,) * 2), mode=mode)
    views = [wide[:, r : r + h, c : c + w] for r in range(side) for c in range(side)]
    return np.asarray(sum(views) / side**2)


# ---------------------------------------------------------------------- the noise at each place


def falling(value: Array, ends: Any) -> Array:
    return np.asarray(np.clip((ends[1] - value) / (ends[1] - ends[0]), 0, 1))


def detail_energy(average: Shape, std: Shape) -> Array:
    return np.asarray(np.einsum("khw,k->hw", average[1:16] ** 2, std[1:16].astype(float) ** 2))


def excess(learned: Shape, std: Shape, constants: Constants) -> Array:
    """Roots of the ratios of the groups' variances, and how much innovations correlate, (7, h, w)."""
    learned = learned.astype(float)
    variance = std.astype(float) ** 2
    of_group = [variance[group == GROUP_OF].sum() for group in range(6)]
    near = box(learned[:8], 3)
    product, power = box(learned[[6, 0]], 7)
    rest = sum((near[g] - 1) * of_group[g] for g in (1, 2, 3))
    means = relu(near[0] - 1 - constants.room) * of_group[0]
    correlation = product / np.maximum(power, constants.tiny)
    fine = np.maximum(rest, constants.tiny)
    trust = (
        falling(correlation, constants.white)
        * falling(means / fine, constants.fine)
        * falling(fine / np.maximum(near[7], constants.tiny), constants.part)
    )
    strength = np.maximum(near[:6], learned[:6])
    ratio = 1 + trust * np.clip(strength - 1, 0, constants.largest)
    return np.concatenate([np.sqrt(ratio), correlation[None]])


def learn(
    learned: Shape,
    difference: Array,
    residual: Shape,
    gain: Array,
    average: Array,
    std: Shape,
    constants: Constants,
    *,
    frames: float,
    rate: float,
    seen_before: float,
) -> Array:
    """What is learned after a frame; ``average`` is the one after it."""
    old = learned.astype(float)
    found = old.copy()
    before = np.minimum(residual, 1).astype(float)
    for group, gate in enumerate(GROUP_GATES):
        square = (difference[group == GROUP_OF] ** 2).mean(0) / (1 + before[gate])
        if frames >= constants.cut_after:
            square = np.minimum(square, constants.most_rise * old[group] + constants.rise_more)
        found[group] += rate * (square - old[group])
    product = difference[0] * old[8] - old[9] * old[0]
    found[6] += rate * (product - old[6])
    found[7] = detail_energy(average, std)
    found[8] = seen_before * difference[0]
    found[9] = seen_before * (before[0] - gain[0] - before[0] * gain[0])
    return found


def strength(excess: Shape, group: int) -> Array:
    """How strong the noise is as networks see it: a quarter of the ratio's binary logarithm, at most 2."""
    return np.asarray(np.minimum(np.log2(excess[group].astype(float) ** 2) / 4, 2))


# ---------------------------------------------------------------------- the gate


def difference_mean(old: Shape, scaled: Array, constants: Constants) -> Array:
    limit = constants.most_coefficient
    return np.asarray(old + constants.difference_mean_rate * (np.clip(scaled, -limit, limit) - old))


def gate_inputs(
    picture: Array, average: Shape, residual: Shape, mean: Shape, excess: Shape, c: Constants
) -> Array:
    difference = (picture - average) / excess[GROUP_OF]
    d = difference / np.sqrt(1 + residual[GATE_OF])
    ac = [k for k in range(17, 24) if k != 20]
    energy = np.stack([(d[1:16] ** 2).mean(0), (d[ac] ** 2).mean(0)])
    limit = c.most_change
    return np.concatenate(
        [
            np.clip(d[DC], -limit, limit),
            np.minimum(np.sqrt(energy + 0.01) - 1, limit),
            np.sqrt(np.minimum(residual, 1)),
            np.clip(3 * difference_mean(mean, difference[DC], c), -limit, limit),
            np.clip(4 * excess[6:7], -limit, limit),
            strength(excess, 0)[None],
            strength(excess, 2)[None],
        ]
    )


def gain(output: Array, residual: Shape, change: Array, excess: Shape, c: Constants) -> Array:
    """The Kalman gain of each gate, (3, h, w), from the gate's output before its softplus."""
    after = residual + softplus(output) + c.least_bias
    found = np.asarray(after / (after + 1))
    lag = np.maximum(np.abs(box(change[None], 3)[0]), 1e-6)
    limit = c.most_lag * excess[0] * np.sqrt(1 + np.minimum(residual[0], 1))
    return np.asarray(np.maximum(found, relu(1 - limit / lag)))


# ---------------------------------------------------------------------- the pyramid and shrinking


def pyramid_down(x: Shape) -> Array:
    """Five binomial taps along each side at every place, and the mean of 2 × 2 of these; edges are repeated."""
    found = x.astype(float)
    for axis in (-1, -2):
        n = found.shape[axis]
        wide = np.take(found, np.clip(np.arange(-2, n + 2), 0, n - 1), axis)
        taps = [np.take(wide, np.arange(t, t + n), axis) for t in range(5)]
        smooth = sum(w * t for w, t in zip((1, 4, 6, 4, 1), taps, strict=True)) / 16
        even, odd = (np.take(smooth, np.arange(i, n, 2), axis) for i in (0, 1))
        found = (even + odd) / 2
    return found


def upsample4x(x: Shape) -> Array:
    """Linear interpolation between the centres of places, edges repeated."""
    found = x.astype(float)
    for axis in (-1, -2):
        n = found.shape[axis]
        at = np.clip((np.arange(4 * n) + 0.5) / 4 - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), n - 1)
        high = np.minimum(low + 1, n - 1)
        shape = [-1 if a == axis else 1 for a in (-2, -1)]
        part = (at - low).reshape(shape)
        found = (1 - part) * np.take(found, low, axis) + part * np.take(found, high, axis)
    return found


def shrink(
    stage: Any,
    average: Shape,
    coarse: Shape,
    residual: Shape,
    excess: Shape,
    before: Shape | None,
    c: Constants,
) -> tuple[Array, Array, Array, Array]:
    """A shrinking stage: what SHRINK_SEE and SHRINK_UP give, the coefficients after it, and the clean frame's."""
    unit = np.sqrt(np.maximum(residual, c.least_residual))
    scale = unit[GATE_OF] * excess[GROUP_OF]
    detail = average.astype(float)
    detail[DC] -= coarse
    detail = np.clip(detail / scale, -c.most_coefficient, c.most_coefficient)
    seen = [np.log1p(box(detail**2, 3, "constant")), unit, strength(excess, 2)[None]]
    if before is not None:
        seen.append(np.log1p(before.astype(float) ** 2))
    see = relu(layer(stage.see, np.concatenate(seen)))
    pooled = (see[:, ::2, ::2] + see[:, 1::2, ::2] + see[:, ::2, 1::2] + see[:, 1::2, 1::2]) / 4
    up = layer(stage.up, relu(layer(stage.wide, pooled)))
    share = sigmoid(layer(stage.say, relu(layer(stage.near, see) + upsample2x(up))))
    base = detail * share[:24] if before is None else before + (detail - before) * share[:24]
    seen_by_filters = detail if before is None else np.concatenate([detail, before])
    filters = layer(stage.into, seen_by_filters) * share[24:]
    result = base + layer(stage.out, filters)
    return see, up, result, average - (detail - result) * scale


# ---------------------------------------------------------------------- warping


def lanczos(t: Array) -> list[Array]:
    """Lanczos's weights with a = 3 of the pixels from -2 to 3, made to sum to one."""
    weights = [np.sinc(t - k) * np.sinc((t - k) / 3) for k in range(-2, 4)]
    total = np.sum(weights, 0)
    return [weight / total for weight in weights]


def sampled(plane: Shape, x: Array, y: Array, taps: int) -> Array:
    """A plane between its pixels, edges repeated, with six taps (Lanczos) or two (linear)."""
    rows, columns = plane.shape
    left, top = np.floor(x), np.floor(y)
    first = -2 if taps == 6 else 0
    across, down = (lanczos(t) if taps == 6 else [1 - t, t] for t in (x - left, y - top))
    total = np.zeros_like(x)
    for r in range(taps):
        for c in range(taps):
            row = np.clip(top + first + r, 0, rows - 1).astype(int)
            column = np.clip(left + first + c, 0, columns - 1).astype(int)
            total += down[r] * across[c] * plane[row, column]
    return total


def flow_of_pixels(flow: Shape, n: int) -> Array:
    """The flow of blocks, (h, w, 2), between their centres, (n · h, n · w, 2), edges repeated."""
    h, w = flow.shape[:2]
    y = np.clip((np.arange(n * h) + 0.5) / n - 0.5, 0, h - 1)
    x = np.clip((np.arange(n * w) + 0.5) / n - 0.5, 0, w - 1)
    grid_x, grid_y = np.meshgrid(x, y)
    return np.stack([sampled(flow[..., d], grid_x, grid_y, 2) for d in (0, 1)], 2)


def warped(plane: Shape, flow: Shape, n: int, taps: int) -> Array:
    """A plane with n × n pixels per block, fetched from where it was."""
    fine = flow_of_pixels(flow, n) * n
    x, y = np.meshgrid(np.arange(plane.shape[1]), np.arange(plane.shape[0]))
    return sampled(plane, x + fine[..., 0], y + fine[..., 1], taps)
