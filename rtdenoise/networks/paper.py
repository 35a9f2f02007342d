"""The network of Kovalenko and Demyanenko, "Unsupervised Training of Denoising Networks" (2021), Fig. 4 and 6.

Three branches look at the picture, and at the low and the high frequencies of its grey version. Every convolution is
5×5 without bias or padding, so that each takes two pixels off every side: a crop of 224×224 becomes 116×116. The
network has the paper's 511,390 trainable parameters.

It starts as the exact identity: Dirac kernels carry the picture through the image branch and what follows the
join, and the last convolution of each residual block and of the join are zero. So every training step goes into
denoising, none into learning to copy.
"""

from __future__ import annotations

import torch
from kornia.color import rgb_to_grayscale
from torch import nn

from .butterworth import ButterworthLowPass

MARGIN = 54
"""Pixels that the network takes off each side: 27 convolutions of 5×5, one after the other."""

_BLOCKS = 5
_DETAIL_GAIN = 10.0


def _conv(inputs: int, outputs: int, size: int = 5) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, bias=False)


def _crop(x: torch.Tensor, pixels: int) -> torch.Tensor:
    return x[..., pixels:-pixels, pixels:-pixels]


class ResidualBlock(nn.Module):
    """Two convolutions with a ReLU between them, added to what came in (the paper's Fig. 4: no batch norm).

    The sum is kept in the precision of ``x``; only the convolutions may run in ``compute_dtype``. The picture itself
    travels along the sums, and eight bits of mantissa would add noise to it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = _conv(channels, channels)
        self.compute_dtype: torch.dtype | None = None
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.normal_(self.second.weight, std=0.5 / (25 * channels) ** 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → (B, C, H − 8, W − 8)."""
        dtype = self.compute_dtype
        with torch.autocast(x.device.type, dtype=dtype, enabled=dtype is not None):
            change = self.second(torch.relu(self.first(x)))
        result: torch.Tensor = _crop(x, 4) + change.to(x.dtype)
        return result


def _branch(inputs: int, widths: tuple[int, int, int], outputs: int) -> nn.Sequential:
    """The convolutions that widen, five residual blocks, and one convolution that narrows."""
    first, second, third = widths
    return nn.Sequential(
        _conv(inputs, first),
        _conv(first, second),
        _conv(second, third),
        *(ResidualBlock(third) for _ in range(_BLOCKS)),
        _conv(third, outputs),
    )


def _carry(conv: nn.Conv2d, channels: int = 3) -> None:
    """Makes ``conv`` pass its first ``channels`` on unchanged; its other outputs stay as they are."""
    centre = conv.kernel_size[0] // 2
    with torch.no_grad():
        conv.weight[:channels] = 0
        for c in range(channels):
            conv.weight[c, c, centre, centre] = 1


class PaperNetwork(nn.Module):
    """The paper's network.

    Colours are R'G'B' in [0, 1]. Call :meth:`set_compute_dtype` to run most of the arithmetic in half precision.
    """

    margin = MARGIN

    def __init__(self) -> None:
        super().__init__()
        self.low_pass = ButterworthLowPass()
        self.image = _branch(3, (15, 20, 35), 15)
        self.low = _branch(1, (5, 10, 15), 5)
        self.high = _branch(1, (5, 10, 15), 5)
        # The paper's 3-D convolution. Its 25×5×5 kernel spans all 25 channels, which is a 2-D one over them.
        self.join = _conv(25, 15)
        self.tail = nn.Sequential(
            _conv(15, 10), *(ResidualBlock(10) for _ in range(_BLOCKS)), _conv(10, 5)
        )
        self.colours = _conv(5, 3, size=1)
        nn.init.zeros_(self.join.weight)
        for module in (*self.image, *self.tail, self.colours):
            if isinstance(module, nn.Conv2d):
                _carry(module)
        self._look_at_detail()

    @torch.no_grad()
    def _look_at_detail(self) -> None:
        """Makes the features that are not the picture itself see detail, at a scale on which noise is not tiny.

        Noise is a hundredth of the picture's range. Random features of the picture would be mostly its brightness, and
        a small step of training on them would change brightness by far more than the noise.
        """
        for branch, start in ((self.image, 3), (self.high, 0)):
            conv = branch[0]
            assert isinstance(conv, nn.Conv2d)
            kernels = conv.weight[start:]
            kernels -= kernels.mean(dim=(-2, -1), keepdim=True)
            kernels *= _DETAIL_GAIN
        for module in (*list(self.image)[1:], *self.tail):
            if isinstance(module, ResidualBlock):
                module.first.weight[:, :3] = 0
                module.second.weight[:3] = 0
            elif isinstance(module, nn.Conv2d):
                module.weight[3:, :3] = 0

    @property
    def context(self) -> int:
        """Pixels on each side that the result depends on, with the frequency split: 66."""
        return self.margin + self.low_pass.radius

    def groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
        """The weights by what a small change of them does to the picture.

        Returns:
            Those that look for features; those that write what was found into the picture; and those that
            carry the picture, all brightness of it, so that a tenth of the others' change is as large.
        """
        seek: list[nn.Parameter] = []
        write: list[nn.Parameter] = []
        carry: list[nn.Parameter] = []
        for name, weight in self.named_parameters():
            if name.endswith("second.weight") or name == "join.weight":
                write.append(weight)
            elif name.endswith("first.weight") or name.startswith(("low.", "high.")):
                seek.append(weight)
            else:
                carry.append(weight)
        return seek, write, carry

    def set_compute_dtype(self, dtype: torch.dtype | None) -> None:
        """Runs the residual blocks' convolutions (87 % of the work) in ``dtype``; None: in that of the input."""
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                module.compute_dtype = dtype

    def forward(self, image: torch.Tensor, low: torch.Tensor | None = None) -> torch.Tensor:
        """Cleans a crop.

        Args:
            image: (B, 3, H, W), R'G'B' in [0, 1]; H and W at least 109.
            low: (B, 1, H, W), the low frequencies of its grey version, where they are known with what lies around
                the crop. Otherwise the crop is mirrored at its borders for the split.

        Returns:
            (B, 3, H − 108, W − 108).
        """
        grey = rgb_to_grayscale(image)  # (B, 1, H, W)
        if low is None:
            low = self.low_pass(grey)
        picture = self.image(image)  # (B, 15, H − 56, W − 56)
        parts = [picture, self.low(low), self.high(grey - low)]
        joined = self.join(torch.cat(parts, dim=1)) + _crop(picture, 2)  # (B, 15, H − 60, W − 60)
        cleaned: torch.Tensor = self.colours(self.tail(joined))
        return cleaned

    def forward_in_context(self, image: torch.Tensor) -> torch.Tensor:
        """Cleans a crop with the frequency split of the whole frame.

        Args:
            image: (B, 3, H, W) with :attr:`context` pixels around what is wanted.

        Returns:
            (B, 3, H − 132, W − 132): the same pixels for any crop that holds them.
        """
        low = self.low_pass(rgb_to_grayscale(image), valid=True)
        return self.forward(_crop(image, self.low_pass.radius), low)
