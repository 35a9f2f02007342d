"""The compiled engine's kernels and passes, one by one: a build of native/kernels.c, which includes the engine."""

import ctypes
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import rtdenoise
from rtdenoise.engines import native_engine, native_library
from rtdenoise.networks.live import LiveNetwork, LiveSize
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.normalised import Normalised

from .reference import DC, dct, normalised

Floats = NDArray[np.float32]

FOLDER = "RTDENOISE_TEST_NATIVE"
"""The environment variable that names a folder with builds of kernels.c that are tested instead of new ones."""
BUILDS = Path(__file__).parents[3] / "build"
SOURCE = Path(__file__).parent / "native" / "kernels.c"
NATIVE = Path(rtdenoise.__file__).parent / "engines" / "native"


def compiler() -> list[str]:
    """The machine's C compiler; empty where there is none."""
    for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc"):
        words = shlex.split(command or "")
        if words and shutil.which(words[0]):
            return words
    return []


def lanes_of_machine() -> list[int]:
    """The builds that setup.py makes for machines like this one."""
    if sys.platform == "win32":
        return []
    x86 = platform.machine() in ("x86_64", "AMD64")
    return [16, 8, 4] if x86 else [4]


def build(folder: Path, more: Sequence[str] = ()) -> None:
    """Compiles kernels.c with the flags of the engine's own builds, and ``more``, all at once."""
    flags = json.loads((NATIVE / "flags.json").read_text())
    kinds = {**flags["lanes"]["any"], **flags["lanes"]["x86_64"]}
    command = [*compiler(), *flags["common"], *more, "-shared", "-fPIC", f"-I{NATIVE}", str(SOURCE)]
    running = []
    for lanes in lanes_of_machine():
        target = ["-o", str(path_in(folder, lanes)), *flags["link"]]
        running.append(subprocess.Popen([*command, *kinds[str(lanes)], *target]))
    failed = [process.wait() != 0 for process in running]
    if any(failed):
        raise RuntimeError("The kernels can't be compiled.")


def built() -> Path:
    """A folder with builds of these sources by this compiler; they are made if there are none yet."""
    made_from = hashlib.sha256(subprocess.check_output([*compiler(), "--version"]))
    for path in (*sorted(NATIVE.iterdir()), SOURCE, Path(__file__)):
        made_from.update(path.read_bytes())
    folder = BUILDS / "kernels" / made_from.hexdigest()[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent))
        build(new)
        try:
            new.rename(folder)
        except OSError:  # others were quicker
            shutil.rmtree(new)
    return folder


def path_in(folder: Path, lanes: int) -> Path:
    """Where a build is, named as the engine's own builds are."""
    return folder / native_library.library_name(lanes)


def load(path: Path) -> ctypes.CDLL:
    library = native_library._declared(ctypes.CDLL(str(path)))
    library.kernel_grid.restype = ctypes.c_void_p
    return library


def at(array: NDArray[Any]) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


def elementwise(library: ctypes.CDLL, name: str, values: Floats) -> Floats:
    assert len(values) % 16 == 0
    found = np.empty_like(values)
    getattr(library, f"kernel_{name}")(at(values), at(found), len(values))
    return found


class Parts:
    """An engine of a small random network, whose grids can be read and written between its passes."""

    def __init__(self, library: ctypes.CDLL, grid: tuple[int, int], seed: int, stages: int = 1):
        self.library = library
        self.h, self.w = grid
        self.random = np.random.default_rng(seed)
        torch.manual_seed(seed)
        size = LiveSize(gate=9, context=14, energy=7, wide=6, filters=10, stages=stages)
        self.network = LiveNetwork(size).eval()
        with torch.no_grad():
            for parameter in self.network.parameters():
                if not parameter.any():
                    parameter.normal_(0, 0.1)
            gate = self.network.gate
            gate.last.weight.normal_(0, 0.2)
            for layer in (gate.near, gate.down, gate.middle):  # as large numbers as in real ones
                layer.weight *= 2
        self.engine = native_engine._new(library, self.network, grid, 2)
        self.constants = native_engine._constants()
        self._set_noise()
        self._set_picture()
        self.out = [
            np.zeros((n * self.h, n * (-(-self.w // 16) * 16)), np.uint8) for n in (4, 2, 2)
        ]
        self.prepare()

    def close(self) -> None:
        self.library.rtdenoise_free(self.engine)

    def _set_noise(self) -> None:
        luma, chroma = (
            PlaneNoise(NoiseCurve((0.0, 255.0), ends)) for ends in ((5.0, 40.0), (9.0, 4.0))
        )
        normalised = Normalised(NoiseModel(luma, chroma, chroma, chroma="420"))
        self.forward = np.ascontiguousarray(normalised.forward, np.float32)
        tables = [normalised.table(index) for index in range(3)]
        self.scales = np.array([scale for scale, _ in tables], np.float32)
        self.tables = [table for _, table in tables]
        self.std = self.random.uniform(0.2, 0.6, 24).astype(np.float32)
        self.library.rtdenoise_set_noise(
            self.engine,
            at(self.forward),
            at(self.std),
            at(self.scales),
            native_engine._pointers(self.tables),
        )

    def _set_picture(self) -> None:
        """A picture with flat places and edges; also derives the excess."""
        base = np.cumsum(self.random.normal(0, 12, (self.h, self.w)), 1) + 120
        self.picture = []
        for n in (4, 2, 2):
            plane = base.repeat(n, 0).repeat(n, 1) + self.random.normal(
                0, 4, (n * self.h, n * self.w)
            )
            self.picture.append(plane.clip(0, 255).astype(np.uint8))
        self.analyse()

    def analyse(self) -> Floats:
        self.means = np.zeros((7, self.h, self.w), np.float32)
        self.library.rtdenoise_analyse(
            self.engine,
            native_engine._pointers(self.picture),
            native_engine._strides(self.picture),
            at(self.means),
        )
        return self.means

    def prepare(
        self, stage: int = 0, frames: float = 0, rate: float = 0.2, seen_before: float = 1
    ) -> None:
        numbers = [ctypes.c_float(n) for n in (frames, rate, seen_before)]
        self.library.kernel_prepare(
            self.engine,
            stage,
            *numbers,
            native_engine._pointers(self.out),
            native_engine._strides(self.out),
        )

    def run(self, *passes: str) -> None:
        for name in passes:
            assert self.library.kernel_pass(self.engine, name.encode())

    def _memory(self, name: str, rows: int) -> Floats:
        """A grid as it lies in memory: (rows, tiles, channels, columns of a tile)."""
        steps = (ctypes.c_size_t * 3)()
        data = self.library.kernel_grid(self.engine, name.encode(), steps)
        stride, pitch, tile = steps
        flat = (ctypes.c_float * (rows * pitch)).from_address(data)
        shape = (rows, pitch // tile, tile // stride, stride)
        if stride > tile:  # one tile as wide as the row
            shape = (rows, 1, pitch // stride, stride)
        return np.ctypeslib.as_array(flat).reshape(shape)

    def get(self, name: str, channels: int, part: int = 1) -> Floats:
        """A grid, (channels, h / part, w / part)."""
        memory = self._memory(name, self.h // part)
        whole = memory.transpose(2, 0, 1, 3).reshape(memory.shape[2], self.h // part, -1)
        return whole[:channels, :, : self.w // part].copy()

    def put(self, name: str, values: NDArray[Any]) -> None:
        channels, rows, columns = values.shape
        memory = self._memory(name, rows)
        width = memory.shape[1] * memory.shape[3]
        wide = np.zeros((channels, rows, width), np.float32)
        wide[:, :, :columns] = values
        tiles = wide.reshape(channels, rows, memory.shape[1], memory.shape[3])
        memory[:, :, :channels] = tiles.transpose(1, 2, 0, 3)

    def put_state(self) -> None:
        """A state as after some frames, whose average is near the picture; also derives the excess."""
        normal, uniform = self.random.normal, self.random.uniform
        shape = (self.h, self.w)
        average = self.coefficients() + normal(0, 1.5, (24, *shape))
        average[0, : self.h // 2, : self.w // 2] += 12  # there it lags behind
        self.put("average", average)
        self.put("residual", uniform(0.005, 1.5, (3, *shape)))
        self.put("difference_mean", normal(0, 1, (3, *shape)))
        learned = np.concatenate(
            [
                uniform(0.5, 6, (6, *shape)) ** uniform(0.2, 1.5, shape),
                normal(0, 0.15, (1, *shape)),
                uniform(2, 30, (1, *shape)),
                normal(0, 1, (1, *shape)),
                uniform(-0.5, 0.5, (1, *shape)),
            ]
        )
        third = self.w // 3
        learned[:6, :, :third] *= 0.2  # noise as the model says
        learned[6, :, -third:] *= 20  # something moves: innovations aren't white
        self.put("learned", learned)
        self.put("coarse", self.coefficients()[DC] + normal(0, 2, (3, *shape)))
        self.analyse()

    def coefficients(self) -> NDArray[np.float64]:
        """The picture's, in units of the noise of each, (24, h, w)."""
        pixels = normalised(self.picture, self.forward)
        return dct(pixels) / self.std[:, None, None]

    def planes(self) -> tuple[list[Floats], tuple[Any, Any]]:
        """Room for planes of pixels, and what is handed over for it."""
        planes = [np.zeros((n * self.h, n * self.w), np.float32) for n in (4, 2, 2)]
        return planes, (native_engine._pointers(planes), native_engine._strides(planes, 4))
