"""How closely a measured noise model comes to what is known of the simulated camera.

    python -m benchmarks.noise.model --pictures docs

Each camera is measured on three still scenes, as ``rtdenoise calibrate`` does; the truth comes from the simulation:
noise on even greys; in the same scenes the sensor's row offsets alone, and the difference between sensors with and
without a fixed pattern, each through the camera's own processing.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from calibrate.noise.figure import draw_noise
from calibrate.noise.measure import measure
from calibrate.pictures import save_figure
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.cameras.simulated.film import Film
from rtdenoise.cameras.simulated.grey import GreyNoise
from rtdenoise.cameras.simulated.jpeg import JpegDecoder, JpegEncoder
from rtdenoise.cameras.simulated.processor import Processing, Processor
from rtdenoise.cameras.simulated.scenes import scene
from rtdenoise.cameras.simulated.sensor import (
    SPAN,
    WHITE,
    Sensor,
    SensorParameters,
    Words,
)
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.noise import PLANES, NoiseModel

SCENES = ("desk", "room", "street")
PRESETS = ("low", "medium", "high")
COLOURS = {"low": "#2a9d8f", "medium": "#e09f3e", "high": "#9e2a2b"}
_QUANTISER = 3  # the camera's


@dataclass(frozen=True)
class Camera:
    """A simulated camera as measured, and the truth about it (per plane, in bytes)."""

    name: str
    model: NoiseModel
    grey: GreyNoise
    raw_model: NoiseModel  # before JPEG, as the next
    raw_grey: GreyNoise
    rows: dict[str, float]
    pattern: dict[str, float]


def measured(
    options: str, frames: int, size: tuple[int, int], jpeg: bool = True
) -> tuple[NoiseModel, SimulatedCamera]:
    """The noise model of three still scenes, and the camera that filmed the last."""
    series = []
    for seed, name in enumerate(SCENES):
        camera = open_simulated(f":{name}?{options}&seed={seed}&frames={frames}", size=size)
        if jpeg:
            planes = [planes_from_frame(frame).copy() for frame in camera.frames()]
        else:
            planes = [camera.noisy(index).copy() for index in range(frames)]
        series.append((planes, np.ones(planes[0].y.shape, bool)))
    return measure(series, "", ""), camera


class Truth:
    """Renders the scenes with one kind of noise at a time."""

    def __init__(self, parameters: SensorParameters, size: tuple[int, int]) -> None:
        self.parameters = parameters
        self._width, self._height = size
        layout = PlaneFormat(*size, "422", full_range=True, matrix="bt601")
        self._processor = Processor(layout, Processing())
        self._encoder = JpegEncoder(*size, Fraction(30), _QUANTISER)
        self._decoder = JpegDecoder()
        self._lights = [
            Film(scene(name, size), "still", 1.0, 30.0, 0.0, 0.0).light(0) for name in SCENES
        ]

    def rows(self) -> dict[str, float]:
        """What the sensor's offset per row alone does to a row, as a standard deviation.

        Without other noise, rounding to bytes would swallow it: it is enlarged to 1.5 % of full scale, and divided
        by the same factor in the end.
        """
        gain = 0.015 * self.parameters.full_scale / self.parameters.row
        sensor = Sensor(self.parameters, self._width, self._height, None)
        offsets = np.random.default_rng(0).normal(size=(self._height, 1)) * self.parameters.row
        offsets *= gain * SPAN / self.parameters.full_scale
        variances: dict[str, list[float]] = {name: [] for name in PLANES}
        for light in self._lights:
            # Room above, so that nothing is cut off at white.
            ideal = np.minimum(sensor.ideal(light), 0.9 * WHITE)
            pair = [
                self._processor.develop(np.rint(ideal + o).astype(np.uint16), 0.0).copy()
                for o in (offsets, 0 * offsets)
            ]
            for name in PLANES:
                with_rows, without = (getattr(p, name).mean(axis=1) for p in pair)
                variances[name].append(float(np.var(with_rows - without)))
        return {name: float(np.mean(v)) ** 0.5 / gain for name, v in variances.items()}

    def pattern(self, frames: int = 24) -> dict[str, float]:
        """The fixed pattern in frames as the camera delivers them: its standard deviation."""
        sensors = [
            (sign, Sensor(self.parameters, self._width, self._height, seed))
            for sign, seed in ((1, 0), (-1, None))
        ]
        variances: dict[str, list[float]] = {name: [] for name in PLANES}
        for light in self._lights:
            sums: dict[str, Any] = dict.fromkeys(PLANES, 0.0)
            for index in range(frames):
                for sign, sensor in sensors:
                    planes = self._delivered(sensor.expose(light, (7, index)), index)
                    for name in PLANES:
                        sums[name] = sums[name] + sign * getattr(planes, name).astype(np.float32)
            for name in PLANES:
                variances[name].append(float(np.var(sums[name] / frames)))
        return {name: float(np.mean(v)) ** 0.5 for name, v in variances.items()}

    def _delivered(self, raw: Words, index: int) -> Planes:
        packet = self._encoder.encode(self._processor.develop(raw, 0.0), index)
        (frame,) = self._decoder.decode(packet)
        return planes_from_frame(frame)


def flickering(size: tuple[int, int], frames: int) -> tuple[NoiseModel, float]:
    """A camera under a lamp on mains: its model, and the true standard deviation of its rows in luma."""
    model, _ = measured("noise=low&flicker=0.1", frames, size)
    variances = []
    for name in SCENES:
        camera = open_simulated(f":{name}?noise=low&flicker=0.1", size=size)
        rows = np.stack([camera.truth(i).y.mean(axis=1) for i in range(frames)])
        variances.append(float((rows - rows.mean(axis=0)).var()))
    return model, float(np.mean(variances)) ** 0.5


def deviations(model: NoiseModel, grey: GreyNoise) -> NDArray[np.float64]:
    """Measured over true luma standard deviation, less 1, at the greys within the measured levels."""
    curve = model.y.curve
    pairs = [
        float(curve.variance(level) / variance) ** 0.5 - 1
        for level, variance in zip(grey.levels, grey.y, strict=True)
        if curve.levels[0] <= level <= min(curve.levels[-1], 225)
    ]
    return np.array(pairs)


def print_tables(cameras: list[Camera]) -> None:
    print("| noise | luma std before JPEG | as delivered | lags 1, 2, 3 in time |")
    print("| --- | --- | --- | --- |")
    for camera in cameras:
        before, after = (
            f"{np.median(off):+.1%} ({off.min():+.1%} … {off.max():+.1%})"
            for off in (
                deviations(camera.raw_model, camera.raw_grey),
                deviations(camera.model, camera.grey),
            )
        )
        lags = ", ".join(f"{lag:+.3f}" for lag in camera.model.y.temporal_correlation)
        print(f"| {camera.name} | {before} | {after} | {lags} |")
    print("\n| noise | plane | row flicker | true | fixed pattern | true |")
    print("| --- | --- | --- | --- | --- | --- |")
    for camera in cameras:
        for name in PLANES:
            noise = camera.model.plane(name)
            print(
                f"| {camera.name} | {name.upper()} | {noise.row_flicker_std:.3f} | {camera.rows[name]:.3f} "
                f"| {noise.fixed_pattern_std:.2f} | {camera.pattern[name]:.2f} |"
            )


def draw_truth(cameras: list[Camera]) -> Figure:
    """Measured curves with their intervals over true points, and row flicker and fixed pattern as pairs."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[2, 1, 1])
    for camera in cameras:
        curve, colour = camera.raw_model.y.curve, COLOURS[camera.name]
        left.plot(curve.levels, np.sqrt(curve.variances), color=colour, lw=1.6, label=camera.name)
        band = np.sqrt(curve.low), np.sqrt(curve.high)
        left.fill_between(curve.levels, *band, color=colour, alpha=0.25, lw=0)
        left.plot(
            camera.raw_grey.levels, np.sqrt(camera.raw_grey.y), "o", color=colour, mfc="white", ms=5
        )
    left.plot([], [], "o", color="#555555", mfc="white", ms=5, label="truth on even grey")
    left.set(
        title="Luma noise before JPEG, with 95 % confidence", xlabel="level (0–255)", xlim=(0, 255)
    )
    left.set_ylabel("standard deviation (levels)")
    left.set_ylim(bottom=0)
    for ax, title, pairs in (
        (middle, "Row flicker", [(c, c.model.y.row_flicker_std, c.rows["y"]) for c in cameras]),
        (
            right,
            "Fixed pattern",
            [(c, c.model.y.fixed_pattern_std, c.pattern["y"]) for c in cameras],
        ),
    ):
        for at, (camera, found, true) in enumerate(pairs):
            label = "measured" if at == 2 else None
            ax.bar(at, found, 0.6, color=COLOURS[camera.name], label=label)
            ax.plot([at - 0.36, at + 0.36], [true, true], color="#222222", lw=2.5,
                    label="truth" if at == 2 else None)  # fmt: skip
        ax.set_xticks(range(len(pairs)), [camera.name for camera, *_ in pairs])
        ax.set(title=f"{title} (luma)", ylabel="standard deviation (levels)")
    for ax in (left, middle, right):
        ax.grid(color="#e4e4e4", lw=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, help="folder for noise-model.png, noise-truth.png")
    parser.add_argument("--frames", type=int, default=16, help="frames per scene")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720), help="columns and rows")
    given = parser.parse_args()
    size = (given.size[0], given.size[1])
    cameras = []
    for preset in PRESETS:
        model, camera = measured(f"noise={preset}", given.frames, size)
        truth = Truth(camera.sensor_parameters, size)
        raw_model, _ = measured(f"noise={preset}", given.frames, size, jpeg=False)
        grey, raw_grey = (camera.grey_noise(frames=48, jpeg=jpeg) for jpeg in (True, False))
        rows, pattern = truth.rows(), truth.pattern()
        cameras.append(Camera(preset, model, grey, raw_model, raw_grey, rows, pattern))
    print_tables(cameras)
    bands, true = flickering(size, given.frames)
    print(
        f"\nMains bands (noise=low, flicker=0.1): rows vary by {bands.y.row_flicker_std:.2f} levels, truly {true:.2f}; "
        f"bands of {bands.y.row_flicker_period:.0f} rows, truly {size[1] / 3:.0f}"
    )
    if given.pictures is not None:
        save_figure(draw_noise(cameras[-1].model), given.pictures / "noise-model.png", dpi=100)
        save_figure(draw_truth(cameras), given.pictures / "noise-truth.png", dpi=100)


if __name__ == "__main__":
    main()
