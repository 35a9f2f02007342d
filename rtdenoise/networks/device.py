"""Where networks run. Light to import, and PyTorch is only asked where an accelerator may be there."""

from __future__ import annotations

import ctypes
import sys
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import NetworkError

if TYPE_CHECKING:
    import torch

_ACCELERATORS = ("cuda", "xpu", "mps")
_CUDA_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


def _is_there(name: str) -> bool:
    if name == "cpu":
        return True
    if name not in _ACCELERATORS or not _may_be_there(name):
        return False
    import torch

    if name == "cuda":
        return torch.cuda.is_available()
    if name == "mps":
        return torch.backends.mps.is_available()
    return hasattr(torch, "xpu") and torch.xpu.is_available()


def _may_be_there(name: str) -> bool:
    """Whether it is worth asking PyTorch, whose import takes a second or two, for an accelerator."""
    if find_spec("torch") is None:
        return False
    if name == "mps":
        return sys.platform == "darwin"
    built = _torch_version()
    if built is None:
        return True
    if name == "xpu":
        return getattr(built, "xpu", "unknown") is not None
    if getattr(built, "hip", "unknown") is not None:  # AMD's GPUs are called cuda, too
        return True
    if getattr(built, "cuda", "unknown") is None:
        return False
    driver = _CUDA_DRIVERS.get(sys.platform)
    return driver is None or _loads(driver)


def _torch_version() -> ModuleType | None:
    """``torch.version``, which says with what it was built, without ``torch``; None where it isn't to be had."""
    spec = find_spec("torch")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "version.py"
        found = spec_from_file_location("rtdenoise_torch_version", path)
        if path.is_file() and found is not None and found.loader is not None:
            module = module_from_spec(found)
            try:
                found.loader.exec_module(module)
            except Exception:  # whatever another version's may need
                return None
            return module
    return None


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def pick_kind(name: str = "auto") -> str:
    """The kind of the device of that name: "cpu", "cuda", "mps" or "xpu".

    Where no accelerator can be there (PyTorch was built without, or there is no driver), PyTorch isn't imported.

    Args:
        name: One of these, or "auto" for the first accelerator that is there, else the CPU.

    Raises:
        NetworkError: it isn't there, or torch was built without it.
    """
    if name == "auto":
        return next(n for n in (*_ACCELERATORS, "cpu") if _is_there(n))
    if not _is_there(name):
        raise NetworkError(
            f"PyTorch {version('torch')} finds no {name} device on this machine.",
            "Choose --device auto or cpu.",
        )
    return name


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name for PyTorch; see :func:`pick_kind`.

    Raises:
        NetworkError: it isn't there, or torch was built without it.
    """
    kind = pick_kind(name)
    import torch

    return torch.device(kind)


def devices() -> list[str]:
    """The names of the devices that are there, the CPU first."""
    return ["cpu", *(name for name in _ACCELERATORS if _is_there(name))]


def hardware_name(device: torch.device | str) -> str:
    """What an accelerator calls itself; empty for a CPU, and where it doesn't say."""
    kind = str(device).partition(":")[0]
    if kind not in ("cuda", "xpu"):
        return ""
    import torch

    if kind == "cuda":
        return torch.cuda.get_device_name(device)
    return torch.xpu.get_device_name(device)


def half_dtype(device: torch.device) -> torch.dtype | None:
    """The half precision that is quick on ``device``; None where there is none to rely on."""
    import torch

    return {"cuda": torch.float16, "xpu": torch.bfloat16}.get(device.type)
