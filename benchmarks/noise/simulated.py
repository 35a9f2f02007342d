"""The noise of the simulated camera beside that of real cameras.

    python -m benchmarks.noise.simulated --footage ../shared/data --picture docs/simulated-camera.png

All frames are measured as they come out of the JPEG decoder, over pixels that stand still. The picture shows
frames of the simulated camera only; of real footage it shows numbers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from capture.mask import static_mask
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.frames import Planes, planes_from_frame

Floats = NDArray[np.float32]
LAGS = 12
PRESETS = ("low", "medium", "high")
# Frames to measure: parking's all; ceiling's after the exposure has settled and before something moves.
FOOTAGE = {"parking.mkv": (0, 64), "ceiling.mkv": (36, 64)}


@dataclass(frozen=True)
class PlaneFigures:
    """Noise of one plane: standard deviation, autocorrelation along rows and columns, lag-1 in time."""

    std: float
    rows: list[float]
    columns: list[float]
    lag1: float
    levels: list[float]
    stds: list[float]


@dataclass(frozen=True)
class Figures:
    """What is measured of one camera."""

    name: str
    size: str
    still: float
    planes: dict[str, PlaneFigures]


def measure(name: str, frames: list[Planes]) -> Figures:
    """Measures still frames of one scene."""
    mask = static_mask(np.stack([frame.y for frame in frames]))
    planes = {}
    for plane in "yuv":
        stack = np.stack([getattr(frame, plane) for frame in frames]).astype(np.float32)
        shape = stack.shape[:0:-1]
        part = cv2.resize(mask.astype(np.uint8), shape, interpolation=cv2.INTER_AREA) > 0
        planes[plane] = _measure_plane(stack, part)
    height, width = frames[0].y.shape
    return Figures(name, f"{width}×{height}", float(mask.mean()), planes)


def _measure_plane(stack: Floats, mask: NDArray[np.bool_]) -> PlaneFigures:
    count = len(stack)
    mean = stack.mean(0)
    noise = (stack - mean) * np.float32(np.sqrt(count / (count - 1)))
    noise *= mask
    variance = float((noise**2).sum() / (mask.sum() * count))

    def alike(a: Any, b: Any, both: NDArray[np.bool_]) -> float:
        return float((a * b).sum() / (both.sum() * len(a)) / variance)

    rows = [
        alike(noise[:, :, k:], noise[:, :, :-k], mask[:, k:] & mask[:, :-k])
        for k in range(1, LAGS + 1)
    ]
    columns = [alike(noise[:, k:], noise[:, :-k], mask[k:] & mask[:-k]) for k in range(1, LAGS + 1)]
    # deviations from the mean of N frames are alike by -1/(N - 1) where the noise is white
    lag1 = alike(noise[1:], noise[:-1], mask) + 1 / (count - 1)
    variances = (noise**2).mean(0)
    levels, stds = [], []
    for low in range(0, 256, 12):
        band = mask & (mean >= low) & (mean < low + 12)
        if band.sum() >= 400:
            levels.append(float(mean[band].mean()))
            stds.append(float(np.sqrt(variances[band].mean())))
    return PlaneFigures(variance**0.5, rows, columns, lag1, levels, stds)


def simulated(preset: str, frames: int) -> tuple[SimulatedCamera, list[Planes]]:
    """A camera at 1920×1080 and its first frames."""
    camera = open_simulated(f":desk?noise={preset}&frames={frames}")
    return camera, [planes_from_frame(frame).copy() for frame in camera.frames()]


def footage(path: Path, first: int, count: int) -> Iterator[Planes]:
    with av.open(str(path)) as container:
        for frame in islice(container.decode(video=0), first, first + count):
            yield planes_from_frame(frame).copy()


def print_table(all_figures: list[Figures]) -> None:
    print("| camera | size | still | plane | std | row 1, 2, 4 | column 1, 2, 4 | lag 1 in time |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for figures in all_figures:
        for name, plane in figures.planes.items():
            along, down = (
                [f"{values[k]:.2f}" for k in (0, 1, 3)] for values in (plane.rows, plane.columns)
            )
            print(
                f"| {figures.name} | {figures.size} | {figures.still:.0%} | {name.upper()} | {plane.std:.2f} "
                f"| {', '.join(along)} | {', '.join(down)} | {plane.lag1:+.3f} |"
            )
    print("\nLuma noise by level (mean level: standard deviation)\n")
    for figures in all_figures:
        luma = figures.planes["y"]
        pairs = [f"{a:.0f}: {b:.1f}" for a, b in zip(luma.levels, luma.stds, strict=True)]
        print(f"- {figures.name}: {', '.join(pairs)}")


def print_times(rounds: int) -> None:
    """Processor time per frame in one thread, the best of some rounds: other programs count less in it."""
    cv2.setNumThreads(1)
    print("\n| size | motion | render | render and encode |\n| --- | --- | --- | --- |")
    for size in ((1920, 1080), (1280, 720), (640, 360)):
        for motion in ("still", "subject", "pan"):
            camera = open_simulated(f":desk?noise=high&motion={motion}", size=size)
            packets = camera.packets()
            alone, both = [], []
            for index in range(rounds):
                start = time.thread_time()
                camera.noisy(index)
                middle = time.thread_time()
                next(packets)
                alone.append(middle - start)
                both.append(time.thread_time() - middle)
            print(
                f"| {size[0]}×{size[1]} | {motion} | {1e3 * min(alone):.0f} ms | {1e3 * min(both):.0f} ms |"
            )


def draw(path: Path, frames: dict[str, Planes], all_figures: list[Figures]) -> None:
    """Crops of the presets, and the plots beside each other."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(13, 8.9), dpi=92, layout="constrained")
    parts: Any = figure.subfigures(3, 1, height_ratios=[1.9, 2.6, 3.4])
    scenes, crops, plots = parts
    for axis, scene in zip(scenes.subplots(1, 4), ("desk", "room", "street", "chart"), strict=True):
        camera = open_simulated(f":{scene}?noise=medium&frames=1")
        (frame,) = camera.frames()
        whole = rgb(planes_from_frame(frame))
        axis.imshow(cv2.resize(whole, (480, 270), interpolation=cv2.INTER_AREA))
        axis.set_title(f"simulated:{scene}", fontsize=10)
        axis.axis("off")
    for axis, (name, planes) in zip(crops.subplots(1, 4), frames.items(), strict=True):
        axis.imshow(rgb(planes)[450:690, 810:1110], interpolation="nearest")
        axis.set_title(name, fontsize=10)
        axis.axis("off")
    along, chroma, levels = plots.subplots(1, 3)
    colours = dict(
        zip(
            [f.name for f in all_figures],
            pyplot.rcParams["axes.prop_cycle"].by_key()["color"],
            strict=False,
        )
    )
    for figures in all_figures:
        luma, real = figures.planes["y"], not figures.name.startswith("simulated")
        style: dict[str, Any] = {
            "label": figures.name,
            "color": colours[figures.name],
            "ls": "--" if real else "-",
        }
        lags = range(LAGS + 1)
        along.plot(lags, [1, *luma.rows], marker=".", **style)
        chroma.plot(lags, [1, *figures.planes["u"].rows], marker=".", **style)
        levels.plot(luma.levels, luma.stds, marker=".", **style)
    for axis, title, what in (
        (along, "Luma noise along a row", "lag [pixels]"),
        (chroma, "Chroma noise (U) along a row", "lag [chroma pixels]"),
        (levels, "Luma noise by level", "level [0–255]"),
    ):
        axis.set_title(title, fontsize=11)
        axis.set_xlabel(what)
        axis.grid(alpha=0.3)
    along.set_ylabel("autocorrelation")
    levels.set_ylabel("standard deviation [levels]")
    levels.set_ylim(bottom=0)
    along.axhspan(0.6, 0.86, 0.06, 0.14, color="grey", alpha=0.35)
    along.annotate("other real webcams, lag 1", (1.5, 0.72), fontsize=9)
    along.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.66))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(f"\n{path}: {path.stat().st_size / 1e6:.1f} MB")


def rgb(planes: Planes) -> NDArray[np.uint8]:
    """(H, W, 3) of full-range BT.601."""
    height, width = planes.y.shape
    u, v = (
        cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in (planes.u, planes.v)
    )
    return np.asarray(cv2.cvtColor(cv2.merge([planes.y, v, u]), cv2.COLOR_YCrCb2RGB), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, help="folder of parking.mkv and ceiling.mkv")
    parser.add_argument("--picture", type=Path, help="where to write the picture")
    parser.add_argument("--frames", type=int, default=16, help="frames per preset")
    parser.add_argument("--rounds", type=int, default=12, help="frames timed; 0 leaves times out")
    given = parser.parse_args()
    all_figures, shown = [], {}
    for preset in PRESETS:
        camera, frames = simulated(preset, given.frames)
        all_figures.append(measure(f"simulated, {preset}", frames))
        shown[f"noise={preset}"] = frames[0]
    shown["the noise-free truth"] = camera.truth(0)
    for name, (first, count) in FOOTAGE.items():
        if given.footage is None or not (given.footage / name).is_file():
            print(f"{name}: not there, left out\n")
            continue
        all_figures.append(measure(name, list(footage(given.footage / name, first, count))))
    print_table(all_figures)
    if given.rounds:
        print_times(given.rounds)
    if given.picture is not None:
        draw(given.picture, shown, all_figures)


if __name__ == "__main__":
    main()
