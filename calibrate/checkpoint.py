"""What a stopped training goes on from: one safetensors file, written whole, with the numbers in its metadata."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from rtdenoise.files import parse_json, write_bytes

_KEY = "state"


def _file(folder: Path) -> Path:
    return folder / "state.safetensors"


def save_state(
    folder: Path, parts: dict[str, dict[str, torch.Tensor]], numbers: dict[str, Any]
) -> None:
    """Writes tensors and numbers in one file, so that they can't belong to different steps.

    Raises:
        StorageError: the folder can't be written.
    """
    tensors = {
        f"{part}/{name}": value.detach().cpu().clone().contiguous()
        for part, values in parts.items()
        for name, value in values.items()
    }
    write_bytes(_file(folder), save(tensors, {_KEY: json.dumps(numbers)}))


def read_state(folder: Path) -> bytes | None:
    """The bytes of what :func:`save_state` wrote; None where there is nothing, none where they can't be read."""
    try:
        return _file(folder).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def parse_state(data: bytes) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
    """Tensors and numbers out of what :func:`read_state` gave.

    Raises:
        ValueError: they are damaged.
    """
    parts: dict[str, dict[str, torch.Tensor]] = {}
    try:
        for path, tensor in load(data).items():
            part, name = path.split("/", 1)
            parts.setdefault(part, {})[name] = tensor
        numbers = parse_json(_metadata(data)[_KEY])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError("the state of a training is damaged") from error
    if not isinstance(numbers, dict):
        raise ValueError("the state of a training is damaged")
    return parts, numbers


def _metadata(data: bytes) -> Any:
    """What a safetensors file says of itself: its header is JSON behind eight bytes with its length."""
    length = int.from_bytes(data[:8], "little")
    return parse_json(data[8 : 8 + length].decode())["__metadata__"]


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What an optimizer remembers of each weight, by name."""
    state = optimizer.state_dict()["state"]
    return {f"{i}/{name}": value for i, values in state.items() for name, value in values.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Gives back what :func:`optimizer_tensors` took."""
    values: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split("/")
        values.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": values})


def forget(folder: Path) -> None:
    """Removes the state of a training that was finished."""
    with suppress(OSError):
        _file(folder).unlink()
    with suppress(OSError):
        folder.rmdir()
