"""A live network's step as one OpenVINO graph, from cells in units of noise to places in the tables that lead back.

It computes what :class:`rtdenoise.networks.live.LiveNetwork` computes. What differs is how: passes over whole frames
cost more on a CPU than multiplications, so

- everything between two convolutions is written such that the runtime makes one pass of it, with the bands of
  a cell side by side in memory. Products with unit matrices in front of inputs keep it in that order;
- the cells' means come first among the bands, so that they can be picked by a small convolution;
- the transforms, the units of noise and the tables' scales are part of convolutions and of passes that are there
  anyway;
- the Gaussian pyramid is four products with the matrices that blur, halve and interpolate rows and columns;
- log(1 + x) is a rational function of a fourth root (error below 1e-5): the runtime's logarithm is slow;
- stages carry what is removed, detail less kept, which spares a pass.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import openvino as ov
import openvino.opset13 as op
import torch
from numpy.typing import NDArray
from torch import nn

from ..bands import BANDS, MEANS
from ..networks import live
from ..networks.live import GATES, LiveNetwork, Shrink

Floats = NDArray[np.float32]
_Node = Any  # the runtime has no types for the nodes that its functions give

ORDER = np.array([*MEANS, *(b for b in range(BANDS) if b not in MEANS)])
"""The bands in the order in which the graph has them."""
# Which gate each band listens to: coarse luma, fine luma, chroma.
_GATE_OF = np.array([0 if b == 0 else 1 if b < MEANS[1] else 2 for b in ORDER])
_FINE, _CHROMA = slice(3, 18), slice(18, BANDS)
_MOST_ENERGY = 4096.0  # up to which the logarithm is fitted


def live_graph(network: LiveNetwork, grid: tuple[int, int]) -> ov.Model:
    """The step of ``network`` on (h, w) cells; both multiples of four.

    Inputs: ``cells`` (1, h, w, 24) in units of a pixel's noise; ``state`` (1, h, w, 24), ``left`` and ``slow``
    (1, h, w, 3) as in :class:`rtdenoise.networks.live.State`, the bands in :data:`ORDER`; and, (1, 24, 1, 1) each,
    ``unit``, one over the bands' deviations, and ``scale``, what leads back from units.
    Outputs: ``out`` (1, h, w, 24), the clean cells times their scale; ``new_state``, ``new_left``, ``new_slow``; and
    ``means`` (1, 3, h, w), the first three bands of the new state.
    """
    return _Graph(network, grid).model


class _Graph:
    def __init__(self, network: LiveNetwork, grid: tuple[int, int]) -> None:
        self._network, self._grid = network, grid
        h, w = grid
        self._inputs: list[_Node] = []
        self._results: list[_Node] = []
        spread = np.zeros((BANDS, GATES, 1, 1), np.float32)
        spread[np.arange(BANDS), _GATE_OF] = 1
        self._spread = spread

        cells = self._aligned("cells", BANDS, _array(cast(torch.Tensor, network.there))[ORDER])
        unit, scale = (self._input(name, (1, BANDS, 1, 1)) for name in ("unit", "scale"))
        # That of the state, the largest, is spared where most of what meets it is in order.
        unit = _conv(unit, np.eye(BANDS, dtype=np.float32)[:, :, None, None])
        state = self._channels_first("state", BANDS)
        left, slow = self._aligned("left", GATES), self._aligned("slow", GATES)

        difference = op.subtract(op.multiply(cells, unit), state)
        change = _pick(difference)
        slow = slow + _f(live._SLOW) * (op.clamp(change, -live._MOST, live._MOST) - slow)
        biased = left + self._bias(difference, change, left, slow)
        gain = biased / (biased + _f(1))
        spread_gain = _conv(gain, spread)
        average = op.add(op.multiply(spread_gain, difference), state)
        coarse = np.zeros((GATES, GATES, 1, 1), np.float32)
        coarse[:, 0] = -1
        slow = slow * _conv(gain, coarse, np.ones(GATES, np.float32))

        clean, means = self._clean(average, gain)
        back = _array(cast(torch.Tensor, network.back))[:, ORDER]
        self._result("out", op.transpose(_conv(clean * scale, back), _i(0, 2, 3, 1)))
        for name, node in (("new_state", average), ("new_left", gain), ("new_slow", slow)):
            self._result(name, op.transpose(node, _i(0, 2, 3, 1)))
        self._result("means", means)
        self.model = ov.Model(self._results, self._inputs, f"live {h} x {w}")

    # ------------------------------------------------------------------ inputs and outputs

    def _input(self, name: str, shape: tuple[int, ...]) -> _Node:
        node = op.parameter(list(shape), np.float32, name=name)
        node.output(0).set_names({name})
        self._inputs.append(node)
        return node

    def _aligned(self, name: str, channels: int, weights: Floats | None = None) -> _Node:
        """An input with its channels last in memory, which a convolution makes the runtime keep."""
        unit = np.eye(channels, dtype=np.float32)[:, :, None, None]
        return _conv(self._channels_first(name, channels), unit if weights is None else weights)

    def _channels_first(self, name: str, channels: int) -> _Node:
        return op.transpose(self._input(name, (1, *self._grid, channels)), _i(0, 3, 1, 2))

    def _result(self, name: str, node: _Node) -> None:
        result = op.result(node)
        result.output(0).set_names({name})
        self._results.append(result)

    # ------------------------------------------------------------------ the two halves

    def _bias(self, difference: _Node, change: _Node, left: _Node, slow: _Node) -> _Node:
        """:class:`rtdenoise.networks.live.Gate`."""
        gate = self._network.gate
        root = _f(1) / op.sqrt(left + _f(1))
        d = change * _choose(root, (0, 2, 2))
        sums = np.zeros((2, BANDS, 1, 1), np.float32)
        sums[0, _FINE], sums[1, _CHROMA] = 1 / 15, 1 / 6
        energy = _conv(difference * difference, sums) * _choose(root * root, (1, 2))
        energy = op.minimum(op.sqrt(energy + _f(0.01)) - _f(1), _f(live._MOST_CHANGE))
        most = live._MOST_CHANGE
        seen = [
            op.clamp(d, -most, most),
            energy,
            op.sqrt(op.minimum(left, _f(1))),
            op.clamp(slow * _f(3), -most, most),
        ]
        near = op.relu(_layer(op.concat(seen, 1), gate.near))
        far = op.relu(_layer(op.relu(_layer(near, gate.down)), gate.middle))
        further = op.relu(_layer(op.relu(_layer(far, gate.further)), gate.furthest))
        far = far + _twice(further)
        near = op.relu(near + _twice(_layer(far, gate.up)))
        return op.softplus(_layer(near, gate.last)) + _f(live._LEAST_BIAS)

    def _clean(self, average: _Node, gain: _Node) -> tuple[_Node, _Node]:
        """The clean bands, and the cells' means of the average."""
        unit = op.sqrt(op.maximum(gain, _f(live._LEAST_LEFT)))
        per_band = _conv(unit, self._spread)
        means = _pick(average)
        less = np.zeros((BANDS, GATES, 1, 1), np.float32)
        less[range(GATES), range(GATES)] = -1
        detail = op.add(_conv(self._coarse(means), less), average) / per_band
        detail = op.clamp(detail, -live._MOST, live._MOST)
        energy = _log1p(_around(detail * detail))
        removed = detail
        for module in self._network.shrink:
            removed = self._removed(cast(Shrink, module), detail, removed, energy, unit)
        return average - removed * per_band, means

    def _coarse(self, means: _Node) -> _Node:
        """The second level of the Gaussian pyramid, at full size."""
        (down_rows, up_rows), (down_columns, up_columns) = (_pyramid(n) for n in self._grid)
        node = op.matmul(_c(down_rows), means, False, False)
        node = op.matmul(node, _c(down_columns.T), False, False)
        node = op.matmul(node, _c(up_columns.T), False, False)
        return op.matmul(_c(up_rows), node, False, False)

    def _removed(
        self, stage: Shrink, detail: _Node, removed: _Node, energy: _Node, unit: _Node
    ) -> _Node:
        """:class:`rtdenoise.networks.live.Shrink`, as what is removed from ``detail`` after it."""
        see, into = _array(stage.see.weight), _array(stage.into.weight)
        seen = _conv(energy, see[:, :BANDS][:, ORDER], _array(stage.see.bias))
        seen = seen + _conv(unit, see[:, BANDS : BANDS + GATES])
        filtered = into[:, :BANDS][:, ORDER]
        if stage.again:
            kept = detail - removed
            own = see[:, BANDS + GATES :][:, ORDER]
            seen = seen + _conv(_log1p(kept * kept), own)
            filtered = filtered + into[:, BANDS:][:, ORDER]
        e = op.relu(seen)
        halved = op.avg_pool(e, [2, 2], [0, 0], [0, 0], [2, 2], True)
        wide = op.relu(_layer(halved, stage.wide))
        e = op.relu(_layer(e, stage.near) + _twice(_layer(wide, stage.up)))
        say, bias = _array(stage.say.weight), _array(stage.say.bias)
        # One less the share that stays.
        gone = op.sigmoid(_conv(e, -say[:BANDS][ORDER], -bias[:BANDS][ORDER]))
        share = op.sigmoid(_conv(e, say[BANDS:], bias[BANDS:]))
        found = _conv(detail, filtered, _array(stage.into.bias))
        if stage.again:
            found = found - _conv(removed, into[:, BANDS:][:, ORDER])
        out = _conv(found * share, -_array(stage.out.weight)[ORDER], -_array(stage.out.bias)[ORDER])
        return out + removed * gone


def _array(values: torch.Tensor | None) -> Floats:
    assert values is not None
    return values.detach().cpu().float().numpy()


def _c(values: Floats) -> _Node:
    return op.constant(np.ascontiguousarray(values, np.float32))


def _f(value: float) -> _Node:
    return op.constant(np.float32(value))


def _i(*values: int) -> _Node:
    return op.constant(np.array(values, np.int64))


def _conv(node: _Node, weights: Floats, bias: Floats | None = None, stride: int = 1) -> _Node:
    pad = [weights.shape[2] // 2] * 2
    result = op.convolution(node, _c(weights), [stride] * 2, pad, pad, [1, 1])
    return result if bias is None else result + _c(bias.reshape(1, -1, 1, 1))


def _layer(node: _Node, layer: nn.Conv2d) -> _Node:
    return _conv(node, _array(layer.weight), _array(layer.bias), layer.stride[0])


def _choose(node: _Node, gates: tuple[int, ...]) -> _Node:
    return _conv(node, np.eye(GATES, dtype=np.float32)[list(gates)][:, :, None, None])


def _pick(bands: _Node) -> _Node:
    """The cells' means, which come first."""
    # A convolution: one core alone would copy a slice.
    return _conv(bands, np.eye(GATES, BANDS, dtype=np.float32)[:, :, None, None])


def _around(energy: _Node) -> _Node:
    box = np.full((BANDS, 1, 1, 3, 3), 1 / 9, np.float32)
    return op.group_convolution(energy, _c(box), [1, 1], [1, 1], [1, 1], [1, 1])


def _twice(node: _Node) -> _Node:
    rows, columns = list(node.output(0).shape)[2:]
    return op.interpolate(
        node,
        _i(rows * 2, columns * 2),
        "nearest",
        "sizes",
        axes=_i(2, 3),
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def _log1p(node: _Node) -> _Node:
    """log(1 + x) = 8 · artanh((r − 1)/(r + 1)) with r = ⁴√(1 + x), the artanh an odd polynomial."""
    root = op.sqrt(op.sqrt(node + _f(1)))
    z = (root - _f(1)) / (root + _f(1))
    square = z * z
    first, *others = _ARTANH[::-1]
    value = _f(first)
    for coefficient in others:
        value = value * square + _f(coefficient)
    return value * z


def _fit_artanh() -> list[float]:
    """8 · artanh(z)/z as a polynomial in z², fitted at Chebyshev's points."""
    root = (1 + _MOST_ENERGY) ** 0.25
    end = ((root - 1) / (root + 1)) ** 2

    def function(square: NDArray[np.float64]) -> NDArray[np.float64]:
        z = np.sqrt(np.maximum(square, 1e-12))
        return np.asarray(8 * np.arctanh(z) / z)

    fitted = np.polynomial.Chebyshev.interpolate(function, 8, domain=[0, end])
    return [float(c) for c in fitted.convert(kind=np.polynomial.Polynomial).coef]


_ARTANH = _fit_artanh()


def _pyramid(n: int) -> tuple[Floats, Floats]:
    """Two matrices: (n // 4, n) blurs and halves twice, (n, n // 4) interpolates; Burt and Adelson, 1983.

    As kornia's ``pyrdown`` with repeated edges, and as torch's bilinear interpolation.
    """
    up = np.zeros((n, n // 4))
    for i in range(n):
        at = max((i + 0.5) / 4 - 0.5, 0.0)
        low = min(int(at), n // 4 - 1)
        up[i, low] += 1 - (at - low)
        up[i, min(low + 1, n // 4 - 1)] += at - low
    return (_halve(n // 2) @ _halve(n)).astype(np.float32), up.astype(np.float32)


def _halve(n: int) -> NDArray[np.float64]:
    blur = np.zeros((n, n))
    for i in range(n):
        for tap, weight in enumerate((1, 4, 6, 4, 1)):
            blur[i, min(max(i - 2 + tap, 0), n - 1)] += weight / 16
    return (blur[0::2] + blur[1::2]) / 2
