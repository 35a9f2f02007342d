import pytest
import torch

from rtdenoise.networks.paper import MARGIN, PaperNetwork


@pytest.fixture(scope="module")
def network() -> PaperNetwork:
    torch.manual_seed(1)
    return PaperNetwork()


def stirred(seed: int = 2) -> PaperNetwork:
    """A network that is not the identity."""
    torch.manual_seed(seed)
    network = PaperNetwork()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.003)
    return network


def test_has_the_papers_number_of_parameters(network: PaperNetwork) -> None:
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 511_390


def test_a_crop_of_224_becomes_116(network: PaperNetwork) -> None:
    with torch.no_grad():
        assert network(torch.rand(1, 3, 224, 224)).shape == (1, 3, 116, 116)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_starts_as_the_identity_to_the_bit(
    network: PaperNetwork, dtype: torch.dtype | None
) -> None:
    # Values outside [0, 1] too: limited-range video has them.
    image = torch.rand(2, 3, 128, 120) * 1.4 - 0.2
    network.set_compute_dtype(dtype)
    with torch.no_grad():
        output = network(image)
    network.set_compute_dtype(None)
    assert torch.equal(output, image[..., MARGIN:-MARGIN, MARGIN:-MARGIN])


def test_every_weight_can_learn_from_the_start_or_soon_after() -> None:
    network = stirred()
    loss = (network(torch.rand(1, 3, 124, 124)) - 0.5).square().mean()
    torch.autograd.backward(loss)
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().max()) > 0, name


def test_half_precision_blocks_stay_close() -> None:
    network = stirred()
    image = torch.rand(1, 3, 132, 132)
    with torch.no_grad():
        exact = network(image)
        network.set_compute_dtype(torch.bfloat16)
        torch.testing.assert_close(network(image), exact, atol=5e-3, rtol=0)


def test_result_in_context_does_not_depend_on_the_crop() -> None:
    network = stirred()
    image = torch.rand(1, 3, 160, 170)
    with torch.no_grad():
        whole = network.forward_in_context(image)  # (1, 3, 28, 38)
        crop = network.forward_in_context(image[..., 6:150, 9:160])
    torch.testing.assert_close(crop, whole[..., 6:18, 9:28], atol=1e-5, rtol=0)
