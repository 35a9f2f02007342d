"""What a stopped training goes on from: one safetensors file, written whole, with the numbers in its metadata."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

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


def load_state(folder: Path) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]] | None:
    """What :func:`save_state` wrote; None where there is nothing.

    Raises:
        ValueError: the file is damaged.
    """
    path = _file(folder)
    if not path.exists():
        return None
    parts: dict[str, dict[str, torch.Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as opened:
            numbers = parse_json((opened.metadata() or {})[_KEY])
            for name in opened.keys():  # noqa: SIM118
                part, rest = name.split("/", 1)
                parts.setdefault(part, {})[rest] = opened.get_tensor(name)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged") from error
    if not isinstance(numbers, dict):
        raise ValueError(f"{path} is damaged")
    return parts, numbers


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
