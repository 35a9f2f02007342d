"""Whether uPSNR's 95 % intervals hold the truth 95 % of the time, and whether uPSNR ranks methods as the truth does.

A trial is a simulated camera (scene, noise, processing, sensor), some frames of it, and what simple methods make of
one of them. The truth of an output is its PSNR to the camera's mean frame, of some hundred other frames, less what
their noise adds. That is the picture that the camera shows when nothing changes from frame to frame. The scene
itself, without the sensor's fixed pattern and without JPEG, is a little different, which no comparison of frames can
see: how often the ranks are those by it is told, too.

    python -m benchmarks.evaluate.coverage --trials 240
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import fill
from calibrate.metrics import BLOCK, block_sums, umse_map, upsnr_of_sums
from calibrate.still_errors import classes
from calibrate.upsnr import decibel, difference_db, pair_sums, upsnr
from rtdenoise.arrays import Bytes, Floats, Mask
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Planes, planes_from_frame

_SIZE = (320, 180)
_HISTORY = 6
_MEAN = 300  # frames of the mean that stands for the truth
_OF_ONE = 12  # trials of one camera
_SCENES = ("desk", "room", "street", "chart")
_NOISES = ("low", "medium", "high")
_BOOTSTRAP, _DIFFERENCES = "bootstrap over blocks", "differences of two methods"
_PROCESSINGS = ("none", "mild", "strong")


@dataclass(frozen=True)
class Camera:
    """A simulated camera before a scene: its mean frame, the variance of one frame, and the scene without noise."""

    words: str
    mean: Floats  # (H, W) luma in [0, 1]
    variance: float
    clean: Floats
    mask: Mask

    def true_db(self, output: Floats) -> float:
        """PSNR to what the camera shows without all that changes from frame to frame."""
        error = float(np.square(output - self.mean, dtype=np.float64)[self.mask].mean())
        return decibel(error - self.variance / _MEAN)

    def scene_db(self, output: Floats) -> float:
        """PSNR to the scene, without fixed pattern and JPEG."""
        return decibel(float(np.square(output - self.clean, dtype=np.float64)[self.mask].mean()))


def _frames(words: str, seed: int, count: int) -> Iterator[Planes]:
    scene, options = words.split("?")
    camera = open_simulated(f":{scene}?{options}&seed={seed}&frames={count}", size=_SIZE)
    with closing(camera):
        for frame in camera.frames():
            yield planes_from_frame(frame).copy()


def _luma(y: Bytes) -> Floats:
    return y.astype(np.float32) / np.float32(255)


def _camera(random: np.random.Generator) -> Camera:
    scene, noise, processing = (str(random.choice(of)) for of in (_SCENES, _NOISES, _PROCESSINGS))
    variant, sensor = (int(random.integers(1000)) for _ in range(2))
    words = f"{scene}?noise={noise}&processing={processing}&variant={variant}&sensor={sensor}"
    total, squares = (np.zeros(_SIZE[::-1], np.float64) for _ in range(2))
    for planes in _frames(words, 10**6, _MEAN):
        y = _luma(planes.y).astype(np.float64)
        total += y
        squares += y * y
    mean = total / _MEAN
    mask = classes(np.ones(mean.shape, bool), 255 * mean)["all"]
    spread = (squares / _MEAN - mean**2) * _MEAN / (_MEAN - 1)
    camera = open_simulated(f":{words}", size=_SIZE)
    clean = _luma(camera.truth(0).y)
    camera.close()
    return Camera(words, mean.astype(np.float32), float(spread[mask].mean()), clean, mask)


def _methods(history: list[Planes]) -> Iterator[tuple[str, Floats]]:
    """What some methods make of the last of these frames."""
    noisy = history[-1].y
    yield "camera", _luma(noisy)
    for sigma in (0.6, 1.0, 2.0):
        yield (
            f"Gaussian {sigma:g}",
            cv2.GaussianBlur(_luma(noisy), (0, 0), sigma).astype(np.float32),
        )
    yield "bilateral", _luma(np.asarray(cv2.bilateralFilter(noisy, 5, 24, 2)))
    yield "non-local means", _luma(np.asarray(cv2.fastNlMeansDenoising(noisy, None, 4, 5, 11)))
    yield "mean of frames", np.mean([_luma(p.y) for p in history], axis=0, dtype=np.float32)
    denoiser = RecursiveDenoiser(None, threads=False)
    for planes in history:
        cleaned = denoiser(planes)
    yield "recursive", _luma(cleaned.y)


@dataclass
class Tally:
    """How often intervals held the truth, and how far off the value was."""

    held: list[bool] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    width: list[float] = field(default_factory=list)

    def add(self, interval: tuple[float, float, float], truth: float) -> None:
        """One interval."""
        value, low, high = interval
        self.held.append(low <= truth <= high)
        self.off.append(value - truth)
        self.width.append(high - low)

    def row(self, name: str) -> str:
        """Of the table."""
        width = float(np.median(self.width))
        return (
            f"| {name} | {len(self.held)} | {100 * np.mean(self.held):.1f} % | {np.median(self.off):+.3f} dB "
            f"| {width:.2f} dB |"
        )


def run(trials: int, seed: int, tell: Callable[[str], None]) -> dict[str, list[str]]:
    """Runs the trials; gives tables as lines."""
    random = np.random.default_rng(seed)
    tallies: dict[str, Tally] = defaultdict(Tally)
    ranks = {"camera's mean frame": [0, 0], "scene": [0, 0]}
    camera = _camera(random)
    for trial in range(trials):
        if trial and trial % _OF_ONE == 0:
            camera = _camera(random)
            tell(f"{trial} of {trials}")
        _trial(camera, random, trial, tallies, ranks)
    head = [
        "| | intervals | hold the truth | off, median | width, median |",
        "| --- | --- | --- | --- | --- |",
    ]
    order = [
        f"- by {name}: {wrong} of {count} pairs whose intervals don't overlap are in another order"
        for name, (wrong, count) in ranks.items()
    ]
    names = sorted(tallies, key=_row_order)
    return {"coverage": head + [tallies[name].row(name) for name in names], "ranks": order}


def _row_order(name: str) -> tuple[int, str]:
    """All first, then methods, numbers of references, and what stands for itself."""
    group = 1 + name.endswith("references") + 2 * (name in (_BOOTSTRAP, _DIFFERENCES))
    return (0 if name == "all" else group), name


def _trial(
    camera: Camera,
    random: np.random.Generator,
    trial: int,
    tallies: dict[str, Tally],
    ranks: dict[str, list[int]],
) -> None:
    count = int(random.choice([4, 5, 6, 9]))
    frames = list(_frames(camera.words, trial, _HISTORY + count))
    references = np.stack([_luma(p.y) for p in frames[_HISTORY:]])
    judged = {}
    for name, output in _methods(frames[:_HISTORY]):
        sums = pair_sums(output[None, None], references[:, None], camera.mask)
        found = upsnr([sums])
        true = camera.true_db(output)
        judged[name] = (found, true, camera.scene_db(output), sums)
        for tally in ("all", name, f"{count} references"):
            tallies[tally].add(found, true)
        blocks = block_sums(umse_map(output, references), camera.mask, BLOCK)
        tallies[_BOOTSTRAP].add(upsnr_of_sums(blocks, resamples=400), true)
    for (_, (found, true, scene, sums)), (_, (others, other, other_scene, theirs)) in combinations(
        judged.items(), 2
    ):
        tallies[_DIFFERENCES].add(difference_db([sums], [theirs]), true - other)
        if found.low > others.high or others.low > found.high:
            better = found.value > others.value
            for name, right in (
                ("camera's mean frame", better == (true > other)),
                ("scene", better == (scene > other_scene)),
            ):
                ranks[name][0] += not right
                ranks[name][1] += 1


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    tables = run(options.trials, options.seed, lambda text: print(text, flush=True))
    for lines in tables.values():
        print("\n".join(lines), flush=True)
    if options.page:
        fill(options.page, {name: "\n".join(lines) for name, lines in tables.items()})


if __name__ == "__main__":
    main()
