import numpy as np
import pytest
import torch

from rtdenoise.engines.host_buffers import HostBuffers

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="pinned memory needs a CUDA device"
        ),
    ),
]


@pytest.mark.parametrize("device", DEVICES)
def test_parts_lie_one_after_the_other(device: str) -> None:
    tensor = torch.zeros(14, dtype=torch.uint8, device=device)
    buffers = HostBuffers(tensor)
    whole = np.arange(40, dtype=np.uint8).reshape(4, 10)
    inside, other = whole[1:3, 2:6], np.full((2, 3), 7, np.uint8)
    buffers.send([inside, other])
    expected = np.concatenate([inside.ravel(), other.ravel()])
    assert np.array_equal(tensor.cpu().numpy(), expected)


@pytest.mark.parametrize("device", DEVICES)
def test_large_parts_go_in_pieces(device: str) -> None:
    random = np.random.default_rng(0)
    parts = [
        random.integers(0, 256, shape, dtype=np.uint8) for shape in ((1080, 1920), (3, 600000))
    ]
    tensor = torch.zeros(sum(part.size for part in parts), dtype=torch.uint8, device=device)
    HostBuffers(tensor).send(parts)
    expected = np.concatenate([part.ravel() for part in parts])
    assert np.array_equal(tensor.cpu().numpy(), expected)


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_sent_may_change_at_once(device: str) -> None:
    tensor = torch.zeros(1 << 20, device=device)
    buffers = HostBuffers(tensor)
    total = torch.zeros_like(tensor)
    source = np.empty((1 << 10, 1 << 10), np.float32)
    for value in range(6):
        source[:] = value
        buffers.send([source])
        total += tensor
        source[:] = -1
    assert torch.all(total == sum(range(6)))


@pytest.mark.parametrize("device", DEVICES)
def test_what_was_fetched_stays_until_the_call_after_the_next(device: str) -> None:
    tensor = torch.zeros(3, 4, device=device)
    buffers = HostBuffers(tensor)
    held: list[np.ndarray] = []
    for value in range(4):
        tensor.fill_(value)
        held.append(buffers.fetch())
        assert np.all(held[-1] == value)
        assert held[-1].shape == (3, 4)
        if value:
            assert np.all(held[-2] == value - 1)
    assert held[0] is held[2]
