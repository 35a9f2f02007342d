"""The live networks: causal, recurrent, split by frequency (DCT), driven by known noise.

One step takes the DCT coefficients of a new frame and the recurrent state that earlier frames left, and gives the
coefficients of the clean frame and the new state:

1. Transform. Blocks of 4 × 4 luma pixels, and the 2 × 2 of each chroma plane below them, go through a discrete cosine
   transform (:mod:`rtdenoise.noise.dct`): 24 coefficients on a grid of a sixteenth of the pixels. Each is divided by
   the standard deviation of its noise, so that noise has unit variance in every coefficient of every camera.
2. Local noise. Where the stream shows that the noise is stronger than the model says (at edges, above all), all that
   follows is in units of the stronger one (:mod:`.local_noise`).
3. Gate. A small network looks at the difference between frame and state in units of noise, near and far, and says per
   block how large the squared bias b of the state is. With the noise p that is left in the state the weight of
   the new frame is the Kalman gain k = (p + b)/(p + b + 1), and k is the noise left after it (Kalman, 1960).
   Fine luma, coarse luma and chroma have gates of their own.
4. Shrink. What noise the state still holds is known to be k, so the coefficients are divided by √k. From their energy
   around each block another small network says how much of each coefficient is signal (Wiener's gain, learned), and
   how much of each of a few learned filters is to be trusted there.
5. Inverse transform. It comes late: only the clean coefficients become pixels again.

The coarsest luma and chroma go through a Gaussian pyramid (kornia) before step 4: only their detail is shrunk, their
rest is averaged over time alone.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from kornia.geometry.transform import pyrdown
from torch import Tensor, nn
from torch.nn import functional

from ..noise.dct import BLOCK, COEFFICIENTS, MEANS, transform
from .constants import (
    DIFFERENCE_RATE,
    FIRST_RESIDUAL,
    LEAST_BIAS,
    LEAST_RESIDUAL,
    MOST_CHANGE,
    MOST_COEFFICIENT,
    MOST_LAG,
)
from .constants import GATE_INPUTS as GATE_INPUTS
from .constants import GATES as GATES
from .local_noise import (
    Excess,
    LocalNoise,
    box_mean,
    excess,
    learn,
    per_coefficient,
    shares,
    unknown,
)
from .weights import SIZES as SIZES
from .weights import LiveSize as LiveSize
from .weights import LiveWeights

_MOST_STRENGTH = 2.0  # 256 times as strong: more is seldom seen in training
_FINE = 2  # the group of coefficients whose noise stands for detail's, where one number has to


class State(NamedTuple):
    """The recurrent state: what earlier frames left.

    ``coefficients`` (B, 24, h, w) are those of the average of the frames so far, in units of noise; ``residual``
    (B, 3, h, w) is the residual noise variance in it, per gate, in units of the noise there; ``difference_mean``
    (B, 3, h, w) a running mean of the difference between frames and average, of the blocks' means; ``strength``,
    ``white`` and ``frames`` are what was learned of the noise at each place, see :class:`.local_noise.LocalNoise`.
    """

    coefficients: Tensor
    residual: Tensor
    difference_mean: Tensor
    strength: Tensor
    white: Tensor
    frames: Tensor

    @property
    def noise(self) -> LocalNoise:
        """What was learned of the noise at each place."""
        return LocalNoise(self.strength, self.white, self.frames)


class LiveNetwork(nn.Module):
    """A live denoiser of one size; see the module's text.

    Args:
        size: Its size.
    """

    def __init__(self, size: LiveSize) -> None:
        super().__init__()
        self.size = size
        there = torch.from_numpy(transform())
        self.register_buffer("there", there[:, :, None, None], persistent=False)
        self.register_buffer("back", torch.linalg.inv(there)[:, :, None, None], persistent=False)
        self.gate = Gate(size.gate, size.context)
        self.shrink = nn.ModuleList([Shrink(size, stage > 0) for stage in range(size.stages)])

    def split(self, y: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Planes (B, 1, H, W) and twice (B, 1, H/2, W/2), in units of noise, as DCT coefficients (B, 24, H/4, W/4)."""
        blocks = [
            functional.pixel_unshuffle(y, 4),
            functional.pixel_unshuffle(u, 2),
            functional.pixel_unshuffle(v, 2),
        ]
        return functional.conv2d(torch.cat(blocks, 1), cast(Tensor, self.there))

    def join(self, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The inverse of :meth:`split`."""
        blocks = functional.conv2d(coefficients, cast(Tensor, self.back))
        return (
            functional.pixel_shuffle(blocks[:, :16], 4),
            functional.pixel_shuffle(blocks[:, 16:20], 2),
            functional.pixel_shuffle(blocks[:, 20:], 2),
        )

    def start(self, coefficients: Tensor) -> State:
        """A state that has seen nothing; the next frame replaces it.

        Args:
            coefficients: of that frame in units of noise, (B, 24, h, w), for size, type and device.
        """
        residual = torch.full_like(coefficients[:, :GATES], FIRST_RESIDUAL)
        return State(coefficients, residual, torch.zeros_like(residual), *unknown(coefficients))

    def forward(
        self, coefficients: Tensor, state: State, band_std: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Cleans the next frame.

        Args:
            coefficients: of the frame, in units of noise, (B, 24, h, w).
            state: what the earlier frames left, moved along with the picture where it moved.
            band_std: of the noise in each coefficient, in units of a pixel's, (B or 1, 24, 1, 1); None: of white noise.

        Returns:
            The clean coefficients in units of noise, (B, 24, h, w), and the new state.
        """
        share = shares(
            coefficients.new_tensor(_WHITE).view(1, -1, 1, 1) if band_std is None else band_std
        )
        local = excess(state.noise, state.coefficients, share)
        unit = per_coefficient(local.ratio).sqrt()
        difference = coefficients - state.coefficients
        scaled = difference / unit
        difference_mean = state.difference_mean + DIFFERENCE_RATE * (
            _means(scaled).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT) - state.difference_mean
        )
        bias = self.gate(
            scaled, state.residual, difference_mean, _for_coefficients(state.residual), local
        )
        gain = (state.residual + bias) / (state.residual + bias + 1)
        gain = torch.maximum(gain, least_gain(difference, state.residual, local))
        average = state.coefficients + _for_coefficients(gain) * difference
        noise = learn(state.noise, difference, state.residual, gain)
        difference_mean = difference_mean * (1 - gain[:, :1])
        clean = self._clean(average, gain, unit, local)
        return clean, State(average, gain, difference_mean, *noise)

    def _clean(self, average: Tensor, gain: Tensor, unit: Tensor, local: Excess) -> Tensor:
        residual = gain.clamp(min=LEAST_RESIDUAL).sqrt()
        noise = _for_coefficients(residual) * unit
        detail = (_without_coarse(average) / noise).clamp(-MOST_COEFFICIENT, MOST_COEFFICIENT)
        seen = torch.cat([residual, strength_seen(local)], 1)
        signal = detail
        for stage in self.shrink:
            signal = stage(detail, signal, seen)
        return average - (detail - signal) * noise


def least_gain(difference: Tensor, residual: Tensor, local: Excess) -> Tensor:
    """The weight that keeps the average's local means near the frame's, (B, 1, h, w), whatever a network says.

    What is taken out of the mean of 3 × 3 blocks stays within what noise explains there.

    Args:
        difference: The frame less the average, in units of noise, (B, 24, h, w).
        residual: The residual noise variance of the average, (B, 3, h, w).
        local: The noise at each place.
    """
    lag = box_mean(difference[:, :1]).abs()
    limit = MOST_LAG * (local.ratio[:, :1] * (1 + residual[:, :1].clamp(max=1))).sqrt()
    return (1 - limit / lag.clamp(min=1e-6)).clamp(min=0)


def strength_seen(local: Excess) -> Tensor:
    """How much stronger the noise of detail is than the model says, as networks see it, (B, 1, h, w)."""
    return _logarithm(local.ratio[:, _FINE : _FINE + 1])


def _logarithm(ratio: Tensor) -> Tensor:
    """0 where noise is as strong as the model says, 1 where it is sixteen times so, at most 2."""
    return (ratio.log2() / 4).clamp(max=_MOST_STRENGTH)


def as_module(network: LiveNetwork | LiveWeights) -> LiveNetwork:
    """The network for PyTorch; one that is given comes back itself."""
    if isinstance(network, LiveNetwork):
        return network
    made = LiveNetwork(network.size)
    made.load_state_dict({name: torch.from_numpy(a) for name, a in network.arrays.items()})
    return made.eval()


class Gate(nn.Module):
    """Says how far the state is off, from differences in units of noise: a small U-Net.

    Args:
        near: channels on the grid.
        far: channels on coarser grids.
    """

    def __init__(self, near: int, far: int) -> None:
        super().__init__()
        self.near = _conv(GATE_INPUTS, near)
        self.down = _conv(near, far, stride=2)
        self.middle = _conv(far, far)
        self.further = _conv(far, far, stride=2)
        self.furthest = _conv(far, far)
        self.up = _conv(far, near, 1)
        self.last = _conv(near, GATES)
        nn.init.zeros_(self.last.weight)
        # A start at a bias of 0.007: averaging over some twelve frames.
        nn.init.constant_(cast(Tensor, self.last.bias), -5.0)

    def forward(
        self,
        difference: Tensor,
        residual: Tensor,
        difference_mean: Tensor,
        residual_each: Tensor,
        local: Excess,
    ) -> Tensor:
        """The squared bias of the state, (B, 3, h, w), in units of a frame's noise variance."""
        d = difference * torch.rsqrt(1 + residual_each)
        fine = d[:, 1:16].square().mean(1, keepdim=True)
        chroma = (d[:, 17:20].square() + d[:, 21:].square()).mean(1, keepdim=True) / 2
        energy = (torch.cat([fine, chroma], 1) + 0.01).sqrt() - 1
        seen = [
            _means(d).clamp(-MOST_CHANGE, MOST_CHANGE),
            energy.clamp(max=MOST_CHANGE),
            residual.clamp(max=1).sqrt(),
            (3 * difference_mean).clamp(-MOST_CHANGE, MOST_CHANGE),
            (4 * local.correlation).clamp(-MOST_CHANGE, MOST_CHANGE),
            _logarithm(local.ratio[:, :1]),
            strength_seen(local),
        ]
        near = functional.relu(self.near(torch.cat(seen, 1)))
        far = functional.relu(self.middle(functional.relu(self.down(near))))
        further = functional.relu(self.furthest(functional.relu(self.further(far))))
        far = far + _twice(further, far)
        near = functional.relu(near + _twice(self.up(far), near))
        return functional.softplus(self.last(near)) + LEAST_BIAS


class Shrink(nn.Module):
    """Keeps what is signal of coefficients with unit noise.

    Args:
        size: of the network.
        again: whether an earlier stage's result is seen too.
    """

    def __init__(self, size: LiveSize, again: bool) -> None:
        super().__init__()
        self.again = again
        energy, self.filters = size.energy, size.filters
        self.see = _conv(COEFFICIENTS * (2 if again else 1) + GATES + 1, energy, 1)
        self.near = _conv(energy, energy)
        self.wide = _conv(energy, size.wide)
        self.up = _conv(size.wide, energy, 1)
        self.say = _conv(energy, COEFFICIENTS + size.filters, 1)
        self.into = _conv(COEFFICIENTS * (2 if again else 1), size.filters)
        self.out = _conv(size.filters, COEFFICIENTS)
        nn.init.zeros_(cast(Tensor, self.out.bias))
        with torch.no_grad():
            self.out.weight *= 0.3
            # A first stage starts with an open gate, a later one with the earlier stage's result.
            cast(Tensor, self.say.bias)[:COEFFICIENTS] = -2.0 if again else 1.0

    def forward(self, detail: Tensor, signal: Tensor, unit: Tensor) -> Tensor:
        """What is signal of ``detail``.

        Args:
            detail: the coefficients, (B, 24, h, w).
            signal: what the stage before kept of them; the coefficients themselves in the first stage.
            unit: √ of the residual noise variance that ``detail`` was divided by, and how strong noise, (B, 4, h, w).
        """
        energy = torch.log1p(_around(detail.square()))
        seen = [energy, unit]
        if self.again:
            seen.append(torch.log1p(signal.square()))
        e = functional.relu(self.see(torch.cat(seen, 1)))
        wide = functional.relu(self.wide(functional.avg_pool2d(e, 2, ceil_mode=True)))
        e = functional.relu(self.near(e) + _twice(self.up(wide), e))
        share = torch.sigmoid(self.say(e))
        coefficients = torch.cat([detail, signal], 1) if self.again else detail
        base = (
            signal + (detail - signal) * share[:, :COEFFICIENTS]
            if self.again
            else detail * share[:, :COEFFICIENTS]
        )
        return cast(Tensor, base + self.out(self.into(coefficients) * share[:, COEFFICIENTS:]))


def macs_per_pixel(size: LiveSize) -> float:
    """Multiplications (with their additions) of one step per luma pixel, transforms included."""
    g, c, e, w, f = size.gate, size.context, size.energy, size.wide, size.filters
    gate = (
        9 * GATE_INPUTS * g
        + 9 * g * GATES
        + (9 * g * c + 9 * c * c + c * g) / 4
        + 2 * 9 * c * c / 16
    )
    shrink = 0.0
    for stage in range(size.stages):
        seen = COEFFICIENTS * (2 if stage else 1)
        shrink += (seen + GATES + 1) * e + 9 * e * e + (9 * e * w + w * e) / 4
        shrink += e * (COEFFICIENTS + f) + 9 * seen * f + 9 * f * COEFFICIENTS
    transforms = 2 * (16 * 16 + 2 * 4 * 4)
    pyramid = 3 * 25 * (1 + 1 / 4)
    return (gate + shrink + transforms + pyramid) / BLOCK**2


# Of white noise, in units of a pixel's.
_WHITE = [1 / 4] * 16 + [1 / 2] * 8


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)


def _twice(small: Tensor, like: Tensor) -> Tensor:
    """Twice as large, nearest neighbours, cut to the size of ``like``."""
    return functional.interpolate(small, size=like.shape[-2:], mode="nearest")


def _for_coefficients(gates: Tensor) -> Tensor:
    """What is told per gate, (B, 3, h, w), for each coefficient, (B, 24, h, w)."""
    coarse, fine, chroma = gates[:, :1], gates[:, 1:2], gates[:, 2:]
    return torch.cat([coarse, fine.expand(-1, 15, -1, -1), chroma.expand(-1, 8, -1, -1)], 1)


def _around(energy: Tensor) -> Tensor:
    """Means over 3 × 3 blocks. A convolution: pooling is several times slower on a CPU."""
    channels = energy.shape[1]
    box = energy.new_full((channels, 1, 3, 3), 1 / 9)
    return functional.conv2d(energy, box, padding=1, groups=channels)


def _means(coefficients: Tensor) -> Tensor:
    return torch.cat([coefficients[:, i : i + 1] for i in MEANS], 1)


def _without_coarse(coefficients: Tensor) -> Tensor:
    """The coefficients, the blocks' means less their Gaussian pyramid's second level."""
    means = _means(coefficients)
    coarse = pyrdown(pyrdown(means, border_type="replicate"), border_type="replicate")
    means = means - functional.interpolate(
        coarse, size=means.shape[-2:], mode="bilinear", align_corners=False
    )
    parts = [
        means[:, :1],
        coefficients[:, 1:16],
        means[:, 1:2],
        coefficients[:, 17:20],
        means[:, 2:],
        coefficients[:, 21:],
    ]
    return torch.cat(parts, 1)
