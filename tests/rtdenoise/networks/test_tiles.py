import pytest
import torch

from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.tiles import VIEWS, choose_tile, clean_frame, mirrored, turned, turned_back


@pytest.fixture(scope="module")
def network() -> PaperNetwork:
    torch.manual_seed(3)
    network = PaperNetwork()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.003)
    return network.eval()


@pytest.fixture(scope="module")
def frame() -> torch.Tensor:
    torch.manual_seed(4)
    return torch.rand(3, 70, 90)


@pytest.mark.parametrize("tile", [17, 32, 50])
def test_result_does_not_depend_on_the_tile(
    network: PaperNetwork, frame: torch.Tensor, tile: int
) -> None:
    whole = clean_frame(network, frame, tta=False, tile=90).mean
    tiled = clean_frame(network, frame, tta=False, tile=tile).mean
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_views_are_eight_different_ones_and_can_be_undone() -> None:
    x = torch.arange(12.0).reshape(1, 3, 4)
    seen = [turned(x, *view) for view in VIEWS]
    assert len({(tuple(s.shape), tuple(s.flatten().tolist())) for s in seen}) == 8
    for view, s in zip(VIEWS, seen, strict=True):
        assert torch.equal(turned_back(s, *view), x)


def test_mean_and_spread_are_those_of_the_views(network: PaperNetwork, frame: torch.Tensor) -> None:
    frame = frame[:, :40, :44]
    cleaned = clean_frame(network, frame, tile=44)
    outputs = torch.stack(
        [
            turned_back(clean_frame(network, turned(frame, *v), tta=False, tile=44).mean, *v)
            for v in VIEWS
        ]
    )
    torch.testing.assert_close(cleaned.mean, outputs.mean(0), atol=1e-5, rtol=0)
    spread = outputs.var(0, unbiased=False).mean(0).sqrt()
    torch.testing.assert_close(cleaned.spread, spread, atol=1e-5, rtol=1e-3)
    assert float(clean_frame(network, frame, tta=False).spread.max()) == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (33, 20)])
def test_any_size_of_frame(size: tuple[int, int]) -> None:
    frame = torch.rand(3, *size)
    assert torch.equal(clean_frame(PaperNetwork(), frame, tta=False).mean, frame)


def test_mirrored_indices() -> None:
    assert mirrored(-3, 10, 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert mirrored(-2, 4, 1).tolist() == [0, 0, 0, 0]


def test_tiles_fit_into_memory_and_are_no_larger_than_the_frame() -> None:
    cpu = torch.device("cpu")
    assert choose_tile(cpu, 240, 320, 66) == 320
    assert 256 <= choose_tile(cpu, 1080, 1920, 66) <= 1024
