"""What was measured on this machine: how long each method takes for a frame. Light to import.

HOME/machine.json holds it, with what the machine was made of at the time: where that has changed since (another
version of a package, another CPU, fewer cores), or the file is damaged, nothing counts as measured.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .cores import available_cores
from .errors import ProfileError
from .files import read_json, write_json
from .profile import data_home
from .version import __version__

SPARE = 0.75
"""Share of the time between two frames that may be taken: then a third more frames would do, too."""

_VERSION = 1


def machine_path(home: Path | None) -> Path:
    """The file of what was measured; ``home`` None: in the user's data directory."""
    return data_home(home) / "machine.json"


def facts() -> dict[str, Any]:
    """What this machine is made of, as far as it bears on speed."""
    from .engines.native_library import compiled_kind

    return {
        "rtdenoise": __version__,
        "torch": _package("torch"),
        "compiled": compiled_kind(),
        "cpu": _cpu_name(),
        "cores": available_cores(),
    }


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu_name() -> str:
    with suppress(OSError):
        for line in (
            Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


@dataclass(frozen=True)
class Timing:
    """How long a method takes for a frame.

    Attributes:
        method: "recursive", or the size of a live network.
        device: "cpu", "cuda", "mps" or "xpu".
        hardware: The accelerator's name; empty on a CPU.
        width: of the frame in pixels.
        height: Its rows.
        frame_ms: Time per frame.
        whole: Whether that is of the whole path, decoding beside it; else of cleaning alone.
    """

    method: str
    device: str
    hardware: str
    width: int
    height: int
    frame_ms: float
    whole: bool

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What was measured."""
        return (self.method, self.device, self.hardware, self.width, self.height)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Timing:
        """The inverse of ``asdict``; raises ``KeyError``, ``TypeError`` or ``ValueError`` on damage."""
        timing = cls(
            method=str(value["method"]),
            device=str(value["device"]),
            hardware=str(value["hardware"]),
            width=int(value["width"]),
            height=int(value["height"]),
            frame_ms=float(value["frame_ms"]),
            whole=bool(value["whole"]),
        )
        if not (math.isfinite(timing.frame_ms) and timing.frame_ms > 0):
            raise ValueError(timing.frame_ms)
        return timing


@dataclass
class Machine:
    """The measurements that still hold.

    Args:
        timings: One per method, device and size.
        bench: What ``rtdenoise bench`` found last, as it wrote it; empty where it never ran.
    """

    timings: list[Timing] = field(default_factory=list)
    bench: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Machine:
        """What the file holds; nothing where it is missing or damaged, or of another machine."""
        try:
            value = read_json(path, ProfileError, "")
            if value["version"] != _VERSION or value["machine"] != facts():
                return cls()
            timings = [Timing.from_json(timing) for timing in value["timings"]]
            return cls(timings, dict(value["bench"]))
        except (ProfileError, KeyError, TypeError, ValueError, OverflowError):
            return cls()

    def save(self, path: Path) -> None:
        """Writes the file, whole or not at all.

        Raises:
            StorageError: it can't be written.
        """
        timings = [asdict(timing) for timing in self.timings]
        write_json(
            path,
            {
                "version": _VERSION,
                "machine": facts(),
                "timings": timings,
                "bench": dict(self.bench),
            },
        )

    def find(self, method: str, device: str, hardware: str, size: tuple[int, int]) -> Timing | None:
        """How long a method takes on a device for frames of that width and height; None: not measured."""
        key = (method, device, hardware, *size)
        return next((timing for timing in self.timings if timing.key == key), None)

    def add(self, timings: Iterable[Timing]) -> None:
        """Takes measurements in, in place of older ones of the same."""
        new = {timing.key: timing for timing in timings}
        self.timings = [t for t in self.timings if t.key not in new] + list(new.values())
