import math

import pytest
import torch

from rtdenoise.networks.butterworth import (
    HALF_POWER,
    RADIUS,
    ButterworthLowPass,
    butterworth_gain,
    butterworth_kernel,
)


def test_half_power_point_is_the_papers() -> None:
    gain = butterworth_gain(torch.tensor([0.0, HALF_POWER, 31.6 / 224]))
    assert gain.tolist() == pytest.approx([1.0, 0.5, 0.5], abs=1e-3)


def test_kernel_has_the_stated_response_at_every_frequency() -> None:
    size = 256
    kernel = torch.zeros(size, size)
    around = torch.arange(-RADIUS, RADIUS + 1) % size
    kernel[around[:, None], around[None, :]] = butterworth_kernel()
    axis = torch.fft.fftfreq(size)
    wanted = butterworth_gain(torch.hypot(axis[:, None], axis[None, :]))
    assert float((torch.fft.fft2(kernel).real - wanted).abs().max()) < 0.003


def test_kernel_has_the_symmetry_of_the_square() -> None:
    kernel = butterworth_kernel()
    torch.testing.assert_close(kernel, kernel.T)
    torch.testing.assert_close(kernel, kernel.flip(0))
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("frequency", [1 / 64, 1 / 8, 3 / 8])
def test_a_wave_is_scaled_by_its_gain(frequency: float) -> None:
    x = torch.cos(2 * math.pi * frequency * torch.arange(128.0))
    wave = x.repeat(64, 1)[None, None]  # (1, 1, 64, 128)
    low = ButterworthLowPass()(wave, valid=True)
    wanted = wave[..., RADIUS:-RADIUS, RADIUS:-RADIUS] * butterworth_gain(torch.tensor(frequency))
    torch.testing.assert_close(low, wanted, atol=0.003, rtol=0)


def test_a_crop_gives_what_the_whole_gives() -> None:
    torch.manual_seed(0)
    whole = torch.rand(2, 1, 80, 90)
    low_pass = ButterworthLowPass()
    crop = low_pass(whole[..., 10:60, 20:85], valid=True)
    torch.testing.assert_close(
        crop, low_pass(whole)[..., 10 + RADIUS : 60 - RADIUS, 20 + RADIUS : 85 - RADIUS]
    )


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (12, 12)])
def test_tiny_pictures_keep_their_size_and_a_flat_one_stays_flat(size: tuple[int, int]) -> None:
    low = ButterworthLowPass()(torch.full((1, 1, *size), 0.25))
    torch.testing.assert_close(low, torch.full((1, 1, *size), 0.25))
