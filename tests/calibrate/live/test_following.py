"""Brightness changes that training follows, as the denoiser does in use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from calibrate.live.batches import Pool, prepare, whole
from calibrate.live.following import BrightnessChange, brightened
from calibrate.synthesis import ClipBatch
from rtdenoise.networks.live import LiveNetwork

from .test_training import clips, network

FACTORS = (1.0, 1.0, 1.06, 0.97, 1.0, 1.0)


def brighter(batch: ClipBatch, factors: torch.Tensor) -> ClipBatch:
    """The clips with luma times ``factors``, (T, H), rounded."""

    def lit(luma: torch.Tensor) -> torch.Tensor:
        return (luma * factors[None, :, None, :, None]).round().clamp(0, 255)

    (y, u, v), (cy, cu, cv) = batch.noisy, batch.clean
    return replace(batch, noisy=(lit(y), u, v), clean=(lit(cy), cu, cv))


def error(net: LiveNetwork, batch: ClipBatch, t: int, *, follow: bool) -> float:
    """Mean squared error of the last frame's clean coefficients, brightened or not, against frame ``t``'s."""
    material = whole(net, prepare(batch, net))
    kept = material.clean[:, t - 1] / material.band_std
    if follow:
        kept = brightened(kept, material.brightness(t), material.band_std)
    return float((kept - material.clean[:, t] / material.band_std)[:, 0].square().mean())


def test_steps_of_brightness_are_found_and_followed() -> None:
    net = network()
    steps = torch.tensor(FACTORS)[:, None].expand(-1, 128)
    batch = brighter(clips(1, side=128, std=2.0), steps)
    (clip,) = prepare(batch, net)
    brightness = clip.following.brightness
    assert (brightness.slope[:, 0] != 0).tolist() == [False, False, True, True, True, False]
    for t in (2, 3, 4):
        assert error(net, batch, t, follow=True) < 0.03 * error(net, batch, t, follow=False)


def test_banding_over_the_rows_is_found_and_turns_with_the_picture() -> None:
    net = network()
    wave = 1 + 0.04 * torch.sin(torch.arange(6)[:, None] + torch.arange(128) / 20)
    batch = brighter(clips(1, side=128, std=2.0), wave)
    (clip,) = prepare(batch, net)
    assert bool((clip.following.brightness.rows[1:] != 0).any(1).all())
    assert error(net, batch, 2, follow=True) < 0.15 * error(net, batch, 2, follow=False)
    ways = set()
    for seed in range(24):
        drawn = Pool([clip]).draw(net, np.random.default_rng(seed), 1, 128, turn=True)
        rows = drawn.rows[0, 1]
        along_rows, down = bool(rows.diff(dim=1).any()), bool(rows.diff(dim=0).any())
        assert along_rows != down
        ways.add(down)
    assert ways == {True, False}


def test_no_brightness_change_leaves_coefficients_as_they_are() -> None:
    coefficients = torch.randn(2, 24, 4, 4)
    brightness = BrightnessChange(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 4, 4))
    assert torch.equal(brightened(coefficients, brightness, torch.ones(2, 24, 1, 1)), coefficients)
