"""What a frame of a call costs, stage by stage: CPU time of one thread, 1920×1080, something moving.

    python -m benchmarks.speed.stages [--scene room] [--motion subject] [--lanes 16] [--rounds 3]

A stage's time is its own, without that of the stages that it calls; of each frame the least of all rounds counts, so
that other programs disturb it least, and the mean of the second half of the frames is told, when all has settled. To
compare two versions, run it in both, in turns. The checksum is that of all clean frames.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from rtdenoise.alignment import motion, tracking
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers import live_network
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.repeats import Repeats
from rtdenoise.engines import native_engine, native_kernels, native_library
from rtdenoise.networks.shipped import load_base
from rtdenoise.noise.running import RunningNoise

from ..common import forth_and_back, frames_of

_RENDERED, _FRAMES = 30, 80
_KERNELS = [name for name in vars(native_kernels._NativeKernels) if not name.startswith("_")]
_STAGES: list[tuple[Any, list[str]]] = [
    (native_engine.NativeEngine, ["analyse", "warp", "step", "excess", "state_means"]),
    (native_kernels._NativeKernels, _KERNELS),
    (tracking.Tracker, ["find"]),
    (motion.Search, ["vectors"]),
    (tracking, ["fit_affine"]),
    (live_network, ["follow_brightness", "strength"]),
    (RunningNoise, ["update"]),
    (Repeats, ["is_repeat"]),
    (LiveNetworkDenoiser, ["__call__"]),
]


class Stages:
    """Takes the time of functions, each without that of others that it calls."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def watch(self, owner: Any, name: str) -> None:
        """From now on the time of this function or method is taken."""
        function: Callable[..., Any] = getattr(owner, name)
        label = f"{owner.__name__.rsplit('.', 1)[-1].lstrip('_')}.{name}"

        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                whole = 1e3 * (time.thread_time() - started)
                self.ms[label] += whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        setattr(owner, name, timed)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scene", default="room")
    parser.add_argument("--noise", default="medium")
    parser.add_argument(
        "--motion", default="subject", help="as the simulated camera's: subject, pan"
    )
    parser.add_argument("--lanes", type=int, default=16, choices=sorted(native_library.KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    library = native_library.native_library(options.lanes)
    for module in (native_engine, native_kernels):
        setattr(module, "native_library", lambda *_: library)  # noqa: B010
    spec = (
        f":{options.scene}?noise={options.noise}&motion={options.motion}&frames={_RENDERED}&seed=5"
    )
    rendered = frames_of(open_simulated(spec, size=(1920, 1080)))
    order = forth_and_back(_RENDERED)
    stages = Stages()
    for owner, names in _STAGES:
        for name in names:
            stages.watch(owner, name)
    least: list[dict[str, float]] = []
    for _ in range(options.rounds):
        denoiser = LiveNetworkDenoiser(load_base("nano"), None, "cpu", threads=1)
        checksum = hashlib.sha256()
        for index in range(_FRAMES):
            stages.ms.clear()
            clean = denoiser(rendered[order[index % len(order)]])
            for plane in (clean.y, clean.u, clean.v):
                checksum.update(np.ascontiguousarray(plane).tobytes())
            if index == len(least):
                least.append(dict(stages.ms))
            for name, ms in stages.ms.items():
                least[index][name] = min(ms, least[index].get(name, ms))
    settled = least[_FRAMES // 2 :]
    means = {n: sum(f.get(n, 0.0) for f in settled) / len(settled) for f in settled for n in f}
    print(f"{denoiser.engine_name}, {options.scene}, checksum {checksum.hexdigest()[:12]}")
    for name, ms in sorted(means.items(), key=lambda item: -item[1]):
        print(f"{name:36s} {ms:6.2f} ms")
    print(f"{'all':36s} {sum(means.values()):6.2f} ms")


if __name__ == "__main__":
    main()
