"""A chunk of frames through a live network in training: the state that follows movement, and the errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rtdenoise.alignment.motion import WARP_LOSS
from rtdenoise.engines.device_warp import warped
from rtdenoise.networks.live import GATES, LiveNetwork, State

from ..distributed import ALONE, Group
from .batches import Material, PreparedClip, flat_blocks, whole
from .following import brightened
from .searching import Searches

_FEWEST_MOVING = 8  # blocks, so that a frame's error where it moves says something
# Errors of less than this, in squared bytes and in units of noise, are as good as none.
_LEAST_ERROR = 0.02
_MOVING_SHARE, _STILL_SHARE, _FLAT_SHARE, _CHROMA_SHARE = 0.7, 0.5, 0.3, 0.2
_JUDGED_AT_ONCE = 8


class Gain(NamedTuple):
    """By how many dB luma came closer to the truth, in whole frames and where something moved.

    The mean over clips, of frames in their second half. NaN where nothing moved.
    """

    whole_db: float
    moving_db: float


def run_chunk(
    network: LiveNetwork,
    material: Material,
    state: State | None = None,
    searches: Searches | None = None,
) -> tuple[list[Tensor], State]:
    """Cleans the frames of ``material`` one after the other.

    Args:
        network: Cleans them.
        material: The frames.
        state: What the frames before them left; None: there were none.
        searches: Find what moves in the state, and have seen the same frames; None: the state follows what was found
            beforehand.

    Returns:
        The clean coefficients of each, (B, 24, h, w) in units of noise, and the state after the last.
    """
    outputs = []
    for t in range(material.frames):
        coefficients = material.noisy[:, t] / material.band_std
        if state is None:
            state = network.start(coefficients)
        else:
            brightness = material.brightness(t)
            if any(bool(part.any()) for part in brightness):
                state = state._replace(
                    coefficients=brightened(state.coefficients, brightness, material.band_std)
                )
            flow = material.flow[:, t]
            if searches is not None:
                flow = searches.flow(state, coefficients, material, t)
            state = warped_state(network, state, flow, material.band_std)
        cut = material.cut[:, t]
        if bool(cut.any()):
            new = cut[:, None, None, None]
            fresh = network.start(state.coefficients)
            state = State(*(torch.where(new, f, s) for f, s in zip(fresh, state, strict=True)))
        clean, state = network(coefficients, state, material.band_std)
        if searches is not None:
            searches.keep(network, clean, material)
        outputs.append(clean)
    assert state is not None
    return outputs, state


def warped_state(network: LiveNetwork, state: State, flow: Tensor, band_std: Tensor) -> State:
    """The state, moved along.

    Gradients pass as if nothing had been moved: through the warp they would cost as much as the network.

    Args:
        network: For its coefficients.
        state: of B clips.
        flow: where each block was, (B, 2, h, w) in blocks.
        band_std: of the coefficients' noise, (B, 24, 1, 1).
    """
    moves = flow.abs().sum((1, 2, 3)) > 0
    if not bool(moves.any()):
        return state
    at = moves.nonzero()[:, 0]
    flow = flow[at]
    coefficients, residual, difference_mean, strength, white, frames = (
        part.detach()[at] for part in state
    )
    planes = network.join(coefficients * band_std[at])
    fetched = [warped(plane, flow, side) for plane, side in zip(planes, (4, 2, 2), strict=True)]
    # A block that doesn't move stays as it is, beside one that does, too.
    moved = flow.abs().sum(1, keepdim=True) > 0
    grids = warped(torch.cat([residual, strength, white[:, :1]], 1), flow, 1)
    new = (
        torch.where(moved, network.split(*fetched) / band_std[at], coefficients),
        torch.where(moved, grids[:, :GATES] + WARP_LOSS, residual),
        torch.where(moved, 0, difference_mean),
        torch.where(moved, grids[:, GATES:-1], strength),
        torch.cat([torch.where(moved, grids[:, -1:], white[:, :1]), white[:, 1:]], 1),
        frames,
    )
    return State(*(_replaced(part, at, n) for part, n in zip(state, new, strict=True)))


def _replaced(part: Tensor, at: Tensor, values: Tensor) -> Tensor:
    now = part.detach()
    return part + (now.index_copy(0, at, values) - now)


# ---------------------------------------------------------------------- errors


class _Errors(NamedTuple):
    """Mean squared errors of luma in bytes, (B,), and whether enough blocks move for an error of theirs."""

    whole: Tensor
    still: Tensor
    flat: Tensor
    moving: Tensor
    enough: Tensor


def _errors(network: LiveNetwork, coefficients: Tensor, material: Material, t: int) -> _Errors:
    y, _, _ = network.join(coefficients * material.band_std)
    error = (y[:, 0] - material.luma[:, t]).square() * material.weight[:, t]
    blocks = nn.functional.avg_pool2d(error[:, None], 4)[:, 0]
    counted, moving = material.counted[:, t], material.moving[:, t]
    still = counted * (1 - moving)
    flat = still * flat_blocks(material.clean[:, t], counted)
    return _Errors(
        (blocks * counted).sum((1, 2)) / counted.sum((1, 2)).clamp(min=1),
        (blocks * still).sum((1, 2)) / still.sum((1, 2)).clamp(min=1),
        (blocks * flat).sum((1, 2)) / flat.sum((1, 2)).clamp(min=1),
        (blocks * moving).sum((1, 2)) / (moving.sum((1, 2)) + 1e-6),
        moving.sum((1, 2)) > _FEWEST_MOVING,
    )


def loss_of(network: LiveNetwork, outputs: Sequence[Tensor], material: Material) -> Tensor:
    """The mean logarithm of the errors: every clip counts alike, however noisy it is.

    What stands still counts once more, since most of the whole error lies in what moves, and of that what is flat:
    where noise is strong at edges, next to nothing of the error lies there.
    """
    total = torch.zeros((), device=material.cut.device)
    for t, coefficients in enumerate(outputs):
        errors = _errors(network, coefficients, material, t)
        true = material.clean[:, t] / material.band_std
        chroma = ((coefficients - true)[:, 16:].square() * material.counted[:, t, None]).mean(
            (1, 2, 3)
        )
        total = (
            total
            + (
                (errors.whole + _LEAST_ERROR).log()
                + _STILL_SHARE * (errors.still + _LEAST_ERROR).log()
                + _FLAT_SHARE * (errors.flat + _LEAST_ERROR).log()
                + _MOVING_SHARE * errors.enough * (errors.moving + _LEAST_ERROR).log()
                + _CHROMA_SHARE * (chroma + _LEAST_ERROR).log()
            ).mean()
        )
    return total / len(outputs)


@torch.no_grad()
def evaluate(
    network: LiveNetwork,
    clips: Sequence[PreparedClip],
    *,
    searched: bool = False,
    group: Group = ALONE,
) -> Gain:
    """How much closer to the truth the network brings luma in ``clips``.

    Args:
        network: The network.
        clips: Clips.
        searched: What moves is searched in the network's own state, as in a call; if not, it was found beforehand.
        group: The processes that hold the same network and clips, and share out the work.
    """
    network.eval()
    everywhere, moving = [torch.zeros(0)], [torch.zeros(0)]
    groups: dict[tuple[int, tuple[int, int]], list[PreparedClip]] = {}
    for clip in group.share(clips):
        groups.setdefault((clip.frames, clip.size), []).append(clip)
    for alike in groups.values():
        for first in range(0, len(alike), _JUDGED_AT_ONCE):
            material = whole(network, alike[first : first + _JUDGED_AT_ONCE])
            gains = _gains(network, material, Searches.of(material) if searched else None)
            everywhere.append(gains[0].cpu())
            moving.append(gains[1].cpu())
    network.train()
    return Gain(group.mean(torch.cat(everywhere)), group.mean(torch.cat(moving)))


def _gains(
    network: LiveNetwork, material: Material, searches: Searches | None
) -> tuple[Tensor, Tensor]:
    """Gains of each clip in dB, and those of clips in which something moves."""
    outputs, _ = run_chunk(network, material, searches=searches)
    count = len(material.cut)
    before, after, moving_before, moving_after = torch.zeros(
        4, count, device=material.cut.device
    ).unbind()
    for t in range(material.frames // 2, material.frames):
        one, two = (
            _errors(network, coefficients, material, t)
            for coefficients in (material.noisy[:, t] / material.band_std, outputs[t])
        )
        before, after = before + one.whole, after + two.whole
        moving_before = moving_before + one.moving * one.enough
        moving_after = moving_after + two.moving * two.enough
    moved = moving_before > 0
    ratio = before.clamp(min=1e-9) / after.clamp(min=1e-9)
    part = moving_before[moved] / moving_after[moved].clamp(min=1e-9)
    return 10 * ratio.log10(), 10 * part.log10()
