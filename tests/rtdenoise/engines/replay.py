"""Runs the compiled engine on what a file holds, and prints a hash of everything that it gave.

    python replay.py inputs.npz FOLDER_WITH_THE_BUILD

It needs NumPy alone, so that it also runs in another architecture's bare Python, under an emulator: PyAV and OpenCV are
imported by neighbours of the engine, which uses neither.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np


class _StandIns(MetaPathFinder, Loader):
    """Answers for modules that a bare Python lacks."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        known = name.partition(".")[0] in (
            "av",
            "click",
            "cv2",
            "platformdirs",
            "rich",
            "safetensors",
        )
        return ModuleSpec(name, self, is_package=True) if known else None

    def create_module(self, spec: ModuleSpec) -> Any:
        module = MagicMock(name=spec.name, __path__=[])
        module.__spec__ = spec
        return module

    def exec_module(self, module: Any) -> None:
        pass


sys.meta_path.insert(0, _StandIns())

from rtdenoise.alignment import kernels  # noqa: E402
from rtdenoise.engines import native_engine, native_kernels, native_library  # noqa: E402
from rtdenoise.networks.weights import SIZES, LiveWeights  # noqa: E402


def digest(*arrays: Any) -> str:
    """A hash of the arrays' bytes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def replay(inputs: Any, threads: int) -> list[str]:
    """What the engine makes of the frames, and the search's arithmetic of the first two; a line each."""
    weights = {n[2:]: inputs[n] for n in inputs.files if n.startswith("w:")}
    network = LiveWeights(SIZES["nano"], weights)
    luma, blue, red = (inputs[name] for name in ("y", "u", "v"))
    grid = (luma.shape[1] // 4, luma.shape[2] // 4)
    engine = native_engine.NativeEngine(network, grid, threads, 4)
    tables = [(float(s), t) for s, t in zip(inputs["scales"], inputs["tables"], strict=True)]
    noise = SimpleNamespace(forward=inputs["forward"], table=lambda index: tables[index])
    lines = [engine.name.split(",")[1].strip()]
    for k in range(len(luma)):
        if k == 0:
            engine.set_noise(noise, inputs["band_std"])  # type: ignore[arg-type]
        engine.analyse([luma[k], blue[k], red[k]])
        if k >= 2:
            flow = np.ascontiguousarray(inputs["flow"] * np.float32(1 + k / 4))
            moved = np.ascontiguousarray(np.abs(flow).max(axis=2) > 0)
            engine.warp(SimpleNamespace(flow=flow, moved=moved))  # type: ignore[arg-type]
            engine.analyse([luma[k], blue[k], red[k]])
        means = digest(engine.means(), engine.state_means(), engine.residual(), engine.excess())
        lines.append(f"frame {k}: {means} {digest(*engine.step())}")
    search = native_kernels.quickest_kernels()
    small = [search.halved(picture) for picture in luma[:2]]
    rows, columns = (np.mgrid[0:40, 0:60] * 1.37 + 3.3).astype(np.float32)
    lines.append(f"halved: {digest(*small)}")
    lines.append(f"samples: {digest(search.samples(luma[0], columns, rows))}")
    cells = tuple(n // kernels.CELL for n in small[0].shape)
    flow = np.zeros((*cells, 2), np.float32)
    lines.append(f"slopes: {digest(search.slopes(small[0], small[1], flow, (0.0, 0.0)))}")
    return lines


def main() -> None:
    """Prints the lines."""
    native_library._FOLDER = Path(sys.argv[2])
    native_library.native_library.cache_clear()
    with np.load(sys.argv[1]) as inputs:
        sys.stdout.write("\n".join(replay(inputs, threads=2)) + "\n")


if __name__ == "__main__":
    main()
