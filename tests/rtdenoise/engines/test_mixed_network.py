import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.geometry.transform import pyrdown
from torch.nn import functional

from rtdenoise.engines.mixed_network import MixedNetwork, smoothing
from rtdenoise.networks.live import SIZES, LiveNetwork, State
from rtdenoise.networks.local_noise import LocalNoise, shares, unknown


@settings(max_examples=20)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 1000))
def test_two_products_are_the_pyramid(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed).normal(0, 30, (1, 3, 4 * rows, 4 * columns))
    grids = torch.from_numpy(random.astype(np.float32))
    coarse = pyrdown(pyrdown(grids, border_type="replicate"), border_type="replicate")
    expected = functional.interpolate(
        coarse, size=grids.shape[-2:], mode="bilinear", align_corners=False
    )
    down, across = (torch.from_numpy(smoothing(4 * n)) for n in (rows, columns))
    assert torch.allclose(down @ grids @ across.T, expected, atol=1e-4)


@pytest.mark.parametrize("size", ["nano", "base"])
def test_a_step_is_the_network_s(size: str) -> None:
    torch.manual_seed(1)
    network = LiveNetwork(SIZES[size]).eval()
    with torch.no_grad():
        network.gate.last.weight.normal_(0, 0.2)
    grid = (12, 16)
    coefficients, kept = (40 * torch.randn(1, 24, *grid) for _ in range(2))
    learned = LocalNoise(
        1 + 30 * torch.rand(1, 6, *grid), torch.randn(1, 3, *grid), torch.full((1, 1, 1, 1), 5.0)
    )
    residual, difference_mean = torch.rand(1, 3, *grid) + 0.02, torch.randn(1, 3, *grid)
    old = State(kept, residual, difference_mean, *learned)
    band_std = torch.rand(1, 24, 1, 1) / 4
    new = State(*(torch.empty_like(part) for part in old))
    mixed = MixedNetwork(network, grid, torch.device("cpu"), torch.float32)
    with torch.inference_mode():
        expected, state = network(coefficients, old, band_std)
        clean = mixed(coefficients, old, new, shares(band_std))
    assert torch.allclose(clean, expected, atol=1e-3)
    for mine, other in zip(new, state, strict=True):
        assert torch.allclose(mine, other, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_values_average_without_loss(dtype: torch.dtype) -> None:
    """A coefficient of 300 units that drifts by 0.02 a frame: in half precision it would never be followed."""
    torch.manual_seed(0)
    network, grid = LiveNetwork(SIZES["nano"]).eval(), (4, 4)
    exact = MixedNetwork(network, grid, torch.device("cpu"), torch.float32)
    half = MixedNetwork(network, grid, torch.device("cpu"), dtype)
    found = []
    for mixed in (exact, half):
        states = [
            State(
                torch.full((1, 24, *grid), 300.0),
                torch.zeros(1, 3, *grid),
                torch.zeros(1, 3, *grid),
                *unknown(torch.zeros(1, 24, *grid)),
            )
            for _ in range(2)
        ]
        share = torch.full((1, 24, 1, 1), 1 / 16)
        with torch.inference_mode():
            for index in range(60):
                coefficients = torch.full((1, 24, *grid), 300 + 0.02 * index)
                mixed(coefficients, states[index % 2], states[1 - index % 2], share)
        found.append(states[0].coefficients)
    assert found[0].mean() > 300.4
    assert torch.allclose(found[1], found[0], atol=0.02)
