import pytest
import torch

from rtdenoise.networks.live import (
    GATES,
    SIZES,
    LiveNetwork,
    LiveSize,
    State,
    macs_per_pixel,
)
from rtdenoise.networks.local_noise import unknown
from rtdenoise.noise.dct import MEANS, split

TINY = LiveSize(gate=4, context=4, energy=4, wide=4, filters=4, stages=2)


def network(size: LiveSize = TINY) -> LiveNetwork:
    torch.manual_seed(1)
    return LiveNetwork(size).eval()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def count_macs(made: LiveNetwork, rows: int, columns: int) -> float:
    """Operations of all convolutions of one frame per luma pixel, counted where they happen."""
    total = 0.0
    real = torch.nn.functional.conv2d

    def counted(
        x: torch.Tensor, weight: torch.Tensor, *rest: object, **more: object
    ) -> torch.Tensor:
        nonlocal total
        out: torch.Tensor = real(x, weight, *rest, **more)  # type: ignore[call-overload]
        total += out.numel() * weight[0].numel()
        return out

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(torch.nn.functional, "conv2d", counted)
        y, u, v = noise(1, 1, rows, columns), *noise(2, 1, 1, rows // 2, columns // 2)
        coefficients = made.split(y, u, v)
        clean, _ = made(coefficients, made.start(coefficients))
        made.join(clean)
    return total / (rows * columns)


@pytest.mark.parametrize(
    ("name", "most"), [("nano", 615), ("small", 5500), ("base", 16500), ("large", 55000)]
)
def test_each_size_costs_what_its_name_promises(name: str, most: float) -> None:
    assert 0.8 * most < macs_per_pixel(SIZES[name]) <= most


@pytest.mark.parametrize("size", [TINY, SIZES["nano"], SIZES["small"]])
def test_operations_are_counted_as_they_happen(size: LiveSize) -> None:
    happened = count_macs(LiveNetwork(size).eval(), 128, 128)
    # Means over 3 × 3 blocks are counted as convolutions here and as additions there, and the transforms are
    # block-diagonal: of 24 × 24 weights 288 are not zero.
    additions = size.stages * 24 * 9 / 16
    zeros = 2 * (24 * 24 - 288) / 16
    assert macs_per_pixel(size) == pytest.approx(happened - additions - zeros, rel=0.02)


def test_split_and_join_are_inverse_and_agree_with_the_arrays() -> None:
    made = network()
    y, u, v = noise(1, 1, 16, 24), noise(1, 1, 8, 12, seed=1), noise(1, 1, 8, 12, seed=2)
    coefficients = made.split(y, u, v)
    for back, plane in zip(made.join(coefficients), (y, u, v), strict=True):
        assert torch.allclose(back, plane, atol=1e-5)
    same = split(y[0, 0].numpy(), u[0, 0].numpy(), v[0, 0].numpy())
    assert torch.allclose(coefficients[0], torch.from_numpy(same), atol=1e-5)


def test_the_first_frame_replaces_the_state() -> None:
    made = network()
    first = 5 * noise(1, 24, 16, 16)
    _, state = made(first, made.start(torch.zeros_like(first)))
    assert torch.allclose(state.coefficients, first, atol=2e-3)
    assert state.residual.min() > 0.999


@torch.no_grad()
def test_noise_averages_out_and_the_network_knows_how_much_is_left() -> None:
    made = network()
    frames = noise(30, 1, 24, 24, 24)
    state = made.start(frames[0])
    for frame in frames:
        _, state = made(frame, state)
    assert state.coefficients.square().mean() < 0.15
    assert float(state.residual.mean()) == pytest.approx(
        float(state.coefficients.square().mean()), abs=0.06
    )


@torch.no_grad()
def test_it_is_causal_and_depends_on_nothing_but_the_state() -> None:
    made = network()
    frames = noise(4, 1, 24, 16, 16)
    state = made.start(frames[0])
    for frame in frames[:3]:
        _, state = made(frame, state)
    copy = State(*(part.clone() for part in state))
    again = made(frames[3], copy)[0]
    assert torch.equal(made(frames[3], state)[0], again)


@torch.no_grad()
def test_gates_of_fine_coarse_and_chroma_are_apart() -> None:
    made = network()
    coefficients = noise(1, 24, 16, 16)
    state = State(
        coefficients,
        torch.tensor([0.1, 1.0, 10.0]).view(1, GATES, 1, 1).expand(1, 3, 16, 16),
        torch.zeros(1, 3, 16, 16),
        *unknown(coefficients),
    )
    _, after = made(coefficients + 0.1, state)
    moved = ((after.coefficients - coefficients) / 0.1).mean((0, 2, 3))
    coarse, fine, chroma = moved[MEANS[0]], moved[1:16], moved[16:]
    assert coarse < fine.min()
    assert fine.max() < chroma.min()


@torch.no_grad()
def test_grids_of_any_multiple_of_four_blocks_do() -> None:
    made = network(SIZES["nano"])
    for rows, columns in ((4, 4), (8, 20), (44, 36)):
        coefficients = noise(1, 24, rows, columns)
        clean, state = made(coefficients, made.start(coefficients))
        assert clean.shape == coefficients.shape
        assert state.difference_mean.shape == (1, 3, rows, columns)
