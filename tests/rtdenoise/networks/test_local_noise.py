import pytest
import torch

from rtdenoise.networks.local_noise import (
    GROUPS,
    LocalNoise,
    box_mean,
    excess,
    learn,
    per_coefficient,
    unknown,
)

GRID = (12, 16)
SHARE = torch.full((1, 24, 1, 1), 1 / 16)


def average(detail: float) -> torch.Tensor:
    """An average with so strong detail, in units of noise, everywhere."""
    coefficients = torch.zeros(1, 24, *GRID)
    coefficients[:, 1:16] = detail
    return coefficients


def learned(means: float, rest: float, alike: float = 0.0) -> LocalNoise:
    """Learned strengths of luma's means and of all others, and how alike successive innovations are."""
    strength = torch.full((1, len(GROUPS), *GRID), rest)
    strength[:, 0] = means
    white = torch.zeros(1, 3, *GRID)
    white[:, 0] = alike * means
    return LocalNoise(strength, white, torch.full((1, 1, 1, 1), 20.0))


def test_the_groups_hold_every_coefficient_once() -> None:
    assert sorted(b for group in GROUPS for b in group) == list(range(24))
    numbers = torch.arange(len(GROUPS)).view(1, -1, 1, 1).expand(1, -1, *GRID)
    told = per_coefficient(numbers)[0, :, 0, 0].tolist()
    assert [GROUPS[group][0] for group in told][:4] == [0, 1, 2, 3]


def test_nothing_is_believed_at_first() -> None:
    coefficients = average(30.0)
    assert torch.equal(
        excess(unknown(coefficients), coefficients, SHARE).ratio, torch.ones(1, 6, *GRID)
    )


def test_white_fine_noise_that_is_a_part_of_an_edge_is_believed() -> None:
    found = excess(learned(3.0, 40.0), average(30.0), SHARE).ratio
    assert found[:, 0] == pytest.approx(3.0)
    assert found[:, 2] == pytest.approx(40.0)


def test_an_edge_that_is_one_block_wide_has_its_own_strength() -> None:
    noise = learned(1.0, 1.0)
    noise.strength[:, 1:, :, 7] = 90.0
    found = excess(noise, average(30.0), SHARE).ratio
    assert found[:, 2, :, 7] == pytest.approx(90.0)
    # Those beside it may be on it, too; further away nothing was learned.
    assert found[:, 2, :, 6] == pytest.approx((90.0 + 2) / 3)
    assert found[:, 2, :, 5] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("noise", "detail"),
    [
        (learned(3.0, 40.0, alike=0.3), 30.0),  # it persists: a thing that moves slowly
        (learned(400.0, 40.0), 30.0),  # means change as much as detail: a thing that moves
        (learned(3.0, 40.0), 3.0),  # more than what stands there: a texture that moves fast
    ],
)
def test_what_moves_is_not_believed_to_be_noise(noise: LocalNoise, detail: float) -> None:
    assert torch.equal(excess(noise, average(detail), SHARE).ratio, torch.ones(1, 6, *GRID))


def test_what_is_learned_is_the_variance_of_the_noise() -> None:
    random = torch.Generator().manual_seed(1)
    deviation = torch.ones(24)
    deviation[1:16] = 5
    noise = unknown(average(0))
    residual, gain = torch.full((1, 3, *GRID), 1e4), torch.ones(1, 3, *GRID)
    before = torch.zeros(1, 24, *GRID)
    for _ in range(60):
        frame = torch.randn((1, 24, *GRID), generator=random) * deviation.view(1, -1, 1, 1)
        # A gain of one: the average is the frame before, and innovations hold the noise of both.
        noise = learn(noise, frame - before, residual, gain)
        before, residual = frame, gain
    means = noise.strength.mean((0, 2, 3))
    assert means[0] == pytest.approx(1, rel=0.15)
    assert means[1:4].tolist() == pytest.approx([25] * 3, rel=0.15)
    # Successive innovations share a frame; that much is expected, and counts as white.
    whole = noise.white[:, 0].mean() / noise.strength[:, 0].mean()
    assert abs(float(whole)) < 0.1


def test_means_around_blocks_repeat_the_edges() -> None:
    a = torch.arange(12.0).view(1, 1, 3, 4)
    assert torch.equal(box_mean(torch.ones(1, 2, 3, 4), 7), torch.ones(1, 2, 3, 4))
    assert float(box_mean(a)[0, 0, 1, 1]) == pytest.approx(float(a[0, 0, :3, :3].mean()))
