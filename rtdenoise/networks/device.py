"""Where networks run."""

from __future__ import annotations

import torch

from ..errors import NetworkError

_ACCELERATORS = ("cuda", "xpu", "mps")


def _is_there(name: str) -> bool:
    if name == "cuda":
        return torch.cuda.is_available()
    if name == "mps":
        return torch.backends.mps.is_available()
    if name == "xpu":
        return hasattr(torch, "xpu") and torch.xpu.is_available()
    return name == "cpu"


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name.

    Args:
        name: "cpu", "cuda", "mps", "xpu", or "auto" for the first accelerator that is there, else the CPU.

    Raises:
        NetworkError: it isn't there, or torch was built without it.
    """
    if name == "auto":
        return torch.device(next(n for n in (*_ACCELERATORS, "cpu") if _is_there(n)))
    if not _is_there(name):
        raise NetworkError(
            f"PyTorch {torch.__version__} finds no {name} device on this machine.",
            "Choose --device auto or cpu.",
        )
    return torch.device(name)


def devices() -> list[str]:
    """The names of the devices that are there, the CPU first."""
    return ["cpu", *(name for name in _ACCELERATORS if _is_there(name))]


def hardware_name(device: torch.device) -> str:
    """What an accelerator calls itself; empty for a CPU, and where it doesn't say."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return torch.xpu.get_device_name(device)
    return ""


def half_dtype(device: torch.device) -> torch.dtype | None:
    """The half precision that is quick on ``device``; None where there is none to rely on."""
    return {"cuda": torch.float16, "xpu": torch.bfloat16}.get(device.type)
