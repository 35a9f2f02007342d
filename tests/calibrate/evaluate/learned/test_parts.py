import numpy as np
import pytest
import torch

from calibrate.evaluate.learned.blind import HiddenGrid, HiddenPixels, each_from_others, hide_grid
from calibrate.evaluate.learned.simulated import SimulatedPairs, with_noise_level
from calibrate.evaluate.learned.unet import NetworkCleaner, UNet
from calibrate.paper.dataset import Crops, Region, StillSeries
from calibrate.paper.windows import Window, with_context

CPU = torch.device("cpu")


def crops(target: str = "self", still: bool = True) -> Crops:
    frames = np.random.default_rng(1).integers(0, 256, (6, 3, 40, 48)).astype(np.uint8)
    mask = np.ones((40, 48), bool)
    if not still:
        mask[:20] = False
    series = StillSeries(frames, mask)
    return Crops([series], [Region(0, 0, 6, 0, 48)], 0, 32, target)  # type: ignore[arg-type]


def test_hidden_pixels_show_a_neighbour_and_count_alone() -> None:
    sample = HiddenPixels(crops())(np.random.default_rng(0), 3)
    changed = ((sample.inputs - sample.targets).abs() > 1e-3).any(1, keepdim=True)
    assert sample.weights.sum() == 3 * 16  # one in each box of 8 × 8
    assert (changed <= (sample.weights > 0)).all()
    assert changed.sum() == sample.weights.sum()  # never its own colour: random ones differ
    for k, row, column in zip(*np.nonzero(sample.weights[:, 0].numpy()), strict=True):
        rows = slice(max(row - 5, 0), row + 6)
        columns = slice(max(column - 5, 0), column + 6)
        around = sample.targets[k, :, rows, columns].flatten(1)
        shown = sample.inputs[k, :, row, column][:, None]
        assert torch.isclose(around, shown).all(0).any()


@pytest.mark.parametrize("method", [HiddenPixels, HiddenGrid])
def test_pixels_that_move_never_count(method: type[HiddenPixels] | type[HiddenGrid]) -> None:
    still = crops(still=False)
    for seed in range(4):
        drawn = still.batch(np.random.default_rng(seed), 2)
        sample = method(still)(np.random.default_rng(seed), 2)
        assert torch.equal(sample.targets, drawn.targets)
        assert (sample.weights <= drawn.mask).all()
        assert 0 < sample.weights.sum() < drawn.mask.sum()


def test_a_grid_is_filled_from_its_neighbours_alone() -> None:
    picture = torch.rand(1, 3, 20, 24)
    total = torch.zeros(1, 1, 20, 24)
    for phase in range(16):
        seen, hidden = hide_grid(picture, phase)
        other = torch.where(hidden > 0, torch.rand_like(picture), picture)
        assert torch.equal(hide_grid(other, phase)[0], seen)
        assert torch.equal(torch.where(hidden > 0, picture, seen), picture)
        total += hidden
    assert (total == 1).all()


def test_no_pixel_of_a_blind_result_depends_on_itself() -> None:
    torch.manual_seed(0)
    network = UNet(0.5, 0.2, width=4, levels=2, residual=True).double()
    torch.nn.init.normal_(network.colours.weight, std=0.1)
    picture = torch.rand(1, 3, 16, 16, dtype=torch.double, requires_grad=True)
    result = each_from_others(network, picture)
    for row, column in ((0, 0), (7, 9), (15, 4)):
        (gradient,) = torch.autograd.grad(
            result[0, :, row, column].sum(), picture, retain_graph=True
        )
        assert (gradient[0, :, row, column] == 0).all()
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize("told", [False, True])
def test_the_network_begins_as_the_identity_at_any_size(told: bool) -> None:
    network = UNet(0.4, 0.2, width=4, residual=True, told=told)
    picture = torch.rand(2, 4 if told else 3, 17, 35)
    torch.testing.assert_close(network(picture), picture[:, :3])


def test_a_window_is_cleaned_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibrate.evaluate.learned.unet._TILE", 16)
    frame = np.random.default_rng(0).random((3, 60, 70), np.float32)
    cleaner = NetworkCleaner(torch.nn.Identity(), lambda network, x: network(x), CPU)
    for window in (Window(0, 0, 60, 70), Window(3, 41, 40, 29)):
        assert np.array_equal(cleaner(frame, window), frame[(slice(None), *window.inside)])


def test_the_picture_around_a_window_is_mirrored_only_beyond_the_frame() -> None:
    frame = np.arange(2 * 8 * 9, dtype=np.float32).reshape(2, 8, 9)
    assert np.array_equal(with_context(frame, Window(3, 4, 2, 2), 2), frame[:, 1:7, 2:8])
    edge = with_context(frame, Window(0, 0, 2, 2), 1)
    assert np.array_equal(edge[:, 0], edge[:, 2])
    assert np.array_equal(edge[:, 1:, 1:], frame[:, :3, :3])


def test_simulated_pairs_are_one_picture_with_and_without_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calibrate.evaluate.learned.simulated._PROCEDURAL", 2)
    monkeypatch.setattr("calibrate.evaluate.learned.simulated._POOL", 3)
    sample = SimulatedPairs(64)(np.random.default_rng(0), 6)
    assert sample.inputs.shape == (6, 4, 64, 64)
    assert sample.targets.shape == (6, 3, 64, 64)
    off = (sample.inputs[:, :3] - sample.targets).flatten(1)
    assert (off.std(1) > 0.001).all()
    assert (off.mean(1).abs() < 0.02).all()
    assert (sample.inputs[:, 3] > 0).all()
    assert (sample.weights > 0).all()


@pytest.mark.parametrize("std", [4.0, 10.0])
def test_a_frame_tells_its_own_noise(std: float) -> None:
    random = np.random.default_rng(0)
    shade = np.linspace(60, 190, 256)[None, None, :]
    frame = (shade + random.normal(0, std, (1, 256, 256))).repeat(3, 0).round() / 255
    told = with_noise_level(frame.astype(np.float32))
    assert told.shape == (4, 256, 256)
    assert float(told[3].mean()) * 255 == pytest.approx(std, rel=0.2)


def test_a_frame_that_does_not_tell_its_noise_has_little() -> None:
    told = with_noise_level(np.full((3, 64, 64), 0.5, np.float32))
    assert float(told[3].max()) == pytest.approx(0.5 / 255)
