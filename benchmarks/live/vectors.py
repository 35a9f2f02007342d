"""How close are the vectors, and what would better ones be worth? Movement known at every place, at five speeds.

    python -m benchmarks.live.vectors

A textured thing before a drawn room circles, turns, zooms or bends (``vectors_scenes``), filmed by the simulated
camera's sensor, processor and JPEG at medium noise. The network cleans each scene three times: with the vectors that
``Tracker.find`` searches, with the true ones in their place, and with none. The first ten frames don't count.

- The *error* of a vector is its distance from the true one, in pixels, in blocks of 4 × 4 pixels that the thing covers,
  that have texture in every direction, and that the tracker moves. The truth is the movement since the frame before. A
  state that lags behind its own frame needs another vector than that one, so a small error isn't always a mistake.
- *Followed* is the share of the thing's blocks that the tracker moves, whatever their texture, of those that moved by
  more than a tenth of a pixel.
- *Outside* are blocks that the tracker moves and that the thing doesn't touch, nor do their neighbours, neither now nor
  in the frame before: per hundred blocks of the thing.
- PSNR of luma against the truth, in *moving* pixels (the thing's, now or in the frame before) and in *still* ones
  (which it hasn't touched in any frame so far, nor come near).

The true vectors are those of all blocks that the thing touches, and of their neighbours (the thing's formula goes on
beyond its edge): the network is told where the edge is no better than that. So "true" is no upper limit.
Nor do they make up, as searched ones do, for what the state's interpolation does to it frame after frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.alignment.motion import Movement
from rtdenoise.alignment.tracking import Tracker
from rtdenoise.cameras.simulated.options import NOISE_GAINS
from rtdenoise.frames import Planes
from rtdenoise.noise import NoiseModel
from rtdenoise.noise.dct import BLOCK

from ..common import Mask, fill, table
from .ours import Make, maker
from .trembling import Camera, measured
from .vectors_scenes import Moving, scenes

SIZE = (640, 352)
FRAMES, FIRST = 40, 10
_STEP = 16  # pixels of which a side must be a multiple: then the tracker's grid is the picture's
_COVERED, _BARE = 0.95, 0.01  # shares of a block
_TEXTURE = 4.0  # squared levels per squared pixel, in the direction in which there is least
_AROUND = 3  # blocks over which texture is told
_MOVES = 0.1  # pixels
_REACH = 9  # pixels around a still one that the thing may not touch

Find = Callable[..., Movement | None]


@dataclass(frozen=True)
class Figure:
    """What was found in one scene.

    ``speed`` is the true one in pixels a frame, ``median`` and ``rms`` the error of vectors in pixels (NaN where there
    are none), ``followed`` a share of the thing's moving blocks, ``outside`` a count per block of the thing; the others
    are luma PSNR in dB.
    """

    movement: str
    speed: float
    median: float
    rms: float
    followed: float
    outside: float
    moving_noisy: float
    moving_none: float
    moving_searched: float
    moving_true: float
    still_noisy: float
    still_none: float
    still_searched: float
    still_true: float


class Film:
    """One scene as filmed: noisy frames, true ones, and the true movement of every block.

    Args:
        moving: The scene.
        noise: The camera's.
        size: Columns and rows of the picture.
        count: Frames.
    """

    def __init__(self, moving: Moving, noise: str, size: tuple[int, int], count: int) -> None:
        camera = Camera(noise, size)
        lights = [moving.light(index) for index in range(count)]
        self.frames = [camera.frame(light, index) for index, light in enumerate(lights)]
        self.truths = [camera.truth(light, index) for index, light in enumerate(lights)]
        self.coverage = [moving.coverage(index) for index in range(count)]
        columns, rows = (np.arange(n // BLOCK, dtype=np.float64) for n in size)
        x, y = np.meshgrid(columns, rows)
        self._base = np.stack([x, y], -1).astype(np.float32)
        middle = (BLOCK - 1) / 2
        self.flow = [
            moving.movement(index, BLOCK * x + middle, BLOCK * y + middle).astype(np.float32)
            for index in range(count)
        ]
        self.blocks = [
            np.asarray(cv2.resize(c, x.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
            for c in self.coverage
        ]

    def movement(self, index: int) -> Movement:
        """The true movement since the frame before, of blocks that the thing touches and of their neighbours.

        Vectors are interpolated between blocks: without the neighbours' the edge would stay behind.
        """
        moved = _near(self.blocks[index] > _BARE)
        flow = np.asarray(self.flow[index] * moved[:, :, None] / BLOCK, np.float32)
        return Movement(flow, moved, self._base)

    def textured(self, index: int) -> Mask:
        """Blocks with texture in every direction, (rows, columns)."""
        gradient = np.gradient(self.truths[index].y.astype(np.float32))
        down, across = (np.asarray(a, np.float32) for a in gradient)
        size = self.blocks[index].shape[::-1]
        xx, xy, yy = (
            cv2.blur(cv2.resize(a, size, interpolation=cv2.INTER_AREA), (_AROUND, _AROUND))
            for a in (across * across, across * down, down * down)
        )
        least = (xx + yy) / 2 - np.sqrt(np.square((xx - yy) / 2) + np.square(xy))
        return np.asarray(least > _TEXTURE)


@contextmanager
def vectors_from(find: Find) -> Iterator[None]:
    """Lets the denoiser take its movements from another function, with the arguments of ``Tracker.find``."""
    with patch.object(Tracker, "find", find):
        yield


def clean(
    film: Film, make: Make, model: NoiseModel, vectors: str
) -> tuple[list[Planes], dict[int, Movement | None]]:
    """What the network makes of all frames with such vectors ("none", "searched", "true"), and the movements."""
    searched = Tracker.find
    movements: dict[int, Movement | None] = {}
    results: list[Planes] = []

    def find(tracker: Tracker, *arguments: Any, **named: Any) -> Movement | None:
        index = len(results)
        if vectors == "searched":
            movements[index] = searched(tracker, *arguments, **named)
        else:
            movements[index] = film.movement(index) if vectors == "true" else None
        return movements[index]

    denoiser = make(model)
    with vectors_from(find):
        for planes in film.frames:
            results.append(denoiser(planes.copy()).copy())
    return results, movements


def judge(
    name: str,
    film: Film,
    movements: dict[int, Movement | None],
    results: dict[str, list[Planes]],
    first: int = FIRST,
) -> Figure:
    """The figures of one scene.

    Args:
        name: Of its movement.
        film: The scene.
        movements: What was searched, by the number of the frame.
        results: Frames as they came out, under "noisy", "none", "searched" and "true".
        first: Which frame is the first that counts.
    """
    errors, speeds = [np.zeros(0)], [np.zeros(0)]
    followed, moving, outside, blocks = 0, 0, 0, 0
    for index in range(first, len(film.frames)):
        thing = film.blocks[index] > _COVERED
        length = np.hypot(*np.moveaxis(film.flow[index], 2, 0))
        speeds.append(length[thing])
        wanted = thing & (length > _MOVES)
        moving, blocks = moving + int(wanted.sum()), blocks + int(thing.sum())
        found = movements.get(index)
        if found is None:
            continue
        followed += int((wanted & found.moved).sum())
        touched = np.maximum(film.blocks[index], film.blocks[index - 1]) > _BARE
        outside += int((found.moved & ~_near(touched)).sum())
        judged = thing & found.moved & film.textured(index)
        wrong = BLOCK * found.flow - film.flow[index]
        errors.append(np.hypot(wrong[judged, 0], wrong[judged, 1]))
    error, speed = np.concatenate(errors), np.concatenate(speeds)
    decibels = {how: _psnr_db(film, frames, first) for how, frames in results.items()}
    return Figure(
        name,
        float(speed.mean()),
        float(np.median(error)) if len(error) else float("nan"),
        float(np.sqrt(np.square(error).mean())) if len(error) else float("nan"),
        followed / max(moving, 1),
        outside / max(blocks, 1),
        *(decibels[how][0] for how in ("noisy", "none", "searched", "true")),
        *(decibels[how][1] for how in ("noisy", "none", "searched", "true")),
    )


def _near(blocks: NDArray[Any]) -> Mask:
    """Blocks and their neighbours."""
    return np.asarray(cv2.dilate(blocks.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _psnr_db(film: Film, frames: list[Planes], first: int) -> tuple[float, float]:
    """Luma PSNR of moving and of still pixels."""
    squares, counts = np.zeros(2), np.zeros(2)
    ever = np.zeros(film.coverage[0].shape, np.float32)
    around = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    for index, planes in enumerate(frames):
        ever = np.maximum(ever, film.coverage[index])
        if index < first:
            continue
        now, before = film.coverage[index], film.coverage[index - 1]
        moving = np.maximum(now, before) > _BARE
        still = np.asarray(cv2.dilate(ever, around)) <= _BARE
        square = np.square(planes.y.astype(np.float32) - film.truths[index].y)
        for part, where in enumerate((moving, still)):
            squares[part] += float(square[where].sum())
            counts[part] += int(where.sum())
    moving_db, still_db = 10 * np.log10(255**2 / np.maximum(squares / np.maximum(counts, 1), 1e-6))
    return float(moving_db), float(still_db)


def measure_scene(
    kind: str,
    speed: float,
    make: Make,
    model: NoiseModel,
    *,
    noise: str = "medium",
    size: tuple[int, int] = SIZE,
    count: int = FRAMES,
    first: int = FIRST,
) -> Figure:
    """Films one scene, cleans it with all three kinds of vectors, and judges that."""
    film = Film(Moving(kind, speed, size), noise, size, count)
    results, movements = {"noisy": film.frames}, {}
    for vectors in ("none", "searched", "true"):
        results[vectors], found = clean(film, make, model, vectors)
        if vectors == "searched":
            movements = found
    return judge(kind, film, movements, results, first)


def mean(found: list[Figure]) -> Figure:
    """The mean of every figure; an error where nothing was followed is left out."""
    names = [f.name for f in fields(Figure) if f.name != "movement"]
    return Figure("mean", *(float(np.nanmean([getattr(f, n) for f in found])) for n in names))


def figure_table(found: list[Figure]) -> str:
    """One line per scene, and the mean of all."""
    head = ["movement", "pixels a frame", "error, median", "rms", "followed", "outside"]
    for part in ("moving", "still"):
        head += [f"{part}: noisy", "none", "searched", "true"]
    lines = []
    for f in [*found, mean(found)]:
        decibels = [getattr(f, field.name) for field in fields(Figure)[6:]]
        errors = ["–" if np.isnan(e) else f"{e:.2f}" for e in (f.median, f.rms)]
        shares = [f"{100 * f.followed:.0f} %", f"{100 * f.outside:.1f} %"]
        lines.append(
            [f.movement, f"{f.speed:.1f}", *errors, *shares, *(f"{d:.2f}" for d in decibels)]
        )
    return table(head, lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="{}x{}".format(*SIZE), help="WxH, multiples of 16")
    parser.add_argument("--network", default="nano", help="a shipped size, or a file")
    parser.add_argument("--noise", default="medium", choices=sorted(NOISE_GAINS))
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    options = parser.parse_args(arguments)
    width, height = (int(n) for n in options.size.split("x"))
    if width % _STEP or height % _STEP:
        parser.error(f"--size {options.size}: both have to be multiples of {_STEP}")
    make, model = maker(options.network, "cpu"), measured(options.noise)
    found = []
    for kind, speed in scenes():
        size = (width, height)
        found.append(measure_scene(kind, speed, make, model, noise=options.noise, size=size))
        print(f"filmed and cleaned: {kind}, {speed:g} pixels a frame", flush=True)
    text = figure_table(found)
    print(f"\n{text}")
    if options.page is not None:
        fill(options.page, {"vectors": text})


if __name__ == "__main__":
    main()
