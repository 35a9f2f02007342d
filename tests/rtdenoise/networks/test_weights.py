from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from rtdenoise.errors import NetworkError
from rtdenoise.networks.card import Card, load_network, load_weights, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork, LiveSize, as_module
from rtdenoise.networks.paper import PaperNetwork
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.networks.weights import LiveWeights, convolutions, shapes

ODD = LiveSize(gate=3, context=5, energy=7, wide=4, filters=6, stages=2)


@pytest.mark.parametrize("size", [*SIZES.values(), ODD])
def test_names_and_shapes_are_those_of_the_module(size: LiveSize) -> None:
    state = LiveNetwork(size).state_dict()
    assert shapes(size) == {name: tuple(tensor.shape) for name, tensor in state.items()}
    layers = {name: m for name, m in LiveNetwork(size).named_modules() if hasattr(m, "kernel_size")}
    assert [layer.name for layer in convolutions(size)] == list(layers)


@pytest.mark.parametrize("size", ["nano", "small"])
def test_a_file_holds_the_same_numbers_as_arrays_and_as_a_module(size: str, tmp_path: Path) -> None:
    path = base_network_path(size)
    if not path.is_file():
        path = tmp_path / "network.safetensors"
        save_network(path, LiveNetwork(SIZES[size]), Card(size))
    weights, card = load_weights(path)
    module, same = load_network(path)
    assert card == same
    assert isinstance(module, LiveNetwork)
    assert not module.training
    assert weights.size == module.size
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(weights.arrays[name], tensor.numpy(), strict=True)


def test_there_and_back_changes_nothing() -> None:
    torch.manual_seed(1)
    module = LiveNetwork(ODD)
    weights = LiveWeights.of(module)
    assert LiveWeights.of(weights) is weights
    assert as_module(module) is module
    back = as_module(weights)
    for name, tensor in module.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    # A copy: who trains the module that was made doesn't change the weights.
    with torch.no_grad():
        back.gate.last.weight += 1
    np.testing.assert_array_equal(
        weights.arrays["gate.last.weight"], module.gate.last.weight.detach().numpy()
    )


def _as_nano(path: Path, change: str) -> None:
    """Writes a file that says it is a nano network."""
    save_network(path, LiveNetwork(SIZES["nano"]), Card("nano"))
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    name = "shrink.0.say.bias"
    if change == "missing":
        del tensors[name]
    elif change == "more":
        tensors["more"] = torch.zeros(1)
    elif change == "shape":
        tensors[name] = tensors[name][:-1].clone()
    elif change == "number":
        tensors[name][3] = float("inf")
    else:
        tensors[name] = tensors[name].to(getattr(torch, change))
    save_tensors(tensors, path, metadata)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("missing", "holds other weights than a nano network has"),
        ("more", "holds other weights than a nano network has"),
        ("shape", "holds other weights than a nano network has"),
        ("float64", "holds other weights than a nano network has"),
        ("int64", "holds other weights than a nano network has"),
        # Types that NumPy doesn't know.
        ("bfloat16", "holds other weights than a nano network has"),
        ("float8_e4m3fn", "holds other weights than a nano network has"),
        ("number", "holds weights that are not numbers"),
    ],
)
def test_other_weights_are_refused_alike(change: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "changed.safetensors"
    _as_nano(path, change)
    for load in (load_weights, load_network):
        with pytest.raises(NetworkError, match=words):
            load(path)


def test_what_is_no_live_network_has_no_weights_for_one(tmp_path: Path) -> None:
    path = tmp_path / "paper.safetensors"
    save_network(path, PaperNetwork(), Card("paper"))
    with pytest.raises(NetworkError, match="is not a live network"):
        load_weights(path)
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, foreign)
    with pytest.raises(NetworkError, match="not a network made by rtdenoise"):
        load_weights(foreign)


@pytest.mark.parametrize("size", ["nano", "small"])
def test_weights_of_the_first_version_do_what_they_did(size: str, tmp_path: Path) -> None:
    torch.manual_seed(2)
    new = LiveNetwork(SIZES[size])
    state = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    state["gate.near.weight"] = state["gate.near.weight"][:, :11].clone()
    sees = [name for name in state if name.endswith(".see.weight")]
    for name in sees:  # without the input that says how strong noise is there
        weight = state[name]
        state[name] = torch.cat([weight[:, :27], weight[:, 28:]], 1)
    path = tmp_path / "old.safetensors"
    save_network(path, new, Card(size, version=1))
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
    save_tensors(state, path, metadata)
    arrays = load_weights(path)[0].arrays
    assert not arrays["gate.near.weight"][:, 11:].any()
    np.testing.assert_array_equal(arrays["gate.near.weight"][:, :11], state["gate.near.weight"])
    for name in sees:
        assert not arrays[name][:, 27].any()
        np.testing.assert_array_equal(np.delete(arrays[name], 27, 1), state[name])
