"""Do things that tremble or flicker leave a trail? Leaves in wind, a film on a screen, text, a keyboard; truth known.

    python -m benchmarks.live.trembling --methods recursive,nano

A denoiser that averages over time must tell noise from change. Hardest are changes that look like noise: small,
quick, coming back to where they were, or there and gone. The scenes (``trembling_scenes``) are filmed by the simulated
camera's sensor, processor and JPEG, so the truth of every frame is known, and the figures are direct:

- The *trail* is the slope of the regression of (cleaned − truth) on (past truth − truth), in luma pixels that
  changed by more than two levels within the last 20 frames: the share of the past in the result, 0 = none.
  It is fitted for three pasts, the last frame, the mean of frames t − 2 … t − 4, and that of t − 5 … t − 20; the
  largest is told, and that of chroma beside it. Blur must not look like a trail (a blurred texture is nearer to any
  other texture), so what three Gaussians would change in the truth are regressors beside the past.
- PSNR of luma in the same pixels, of the noisy and of the cleaned frames: a filter that does nothing has no
  trail, and no gain. A part whose cleaned figure is below its noisy one is better left alone.

``--check`` adds filters whose trail is known.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate.noise.measure import measure
from calibrate.peers import Clean
from rtdenoise.cameras.simulated.jpeg import JpegDecoder, JpegEncoder
from rtdenoise.cameras.simulated.options import NOISE_GAINS
from rtdenoise.cameras.simulated.processor import Processing, Processor
from rtdenoise.cameras.simulated.sensor import Sensor, SensorParameters, mosaic, respond
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.noise import NoiseModel

from ..common import Mask, bgr, fill, in_420, magnified, table
from .ghosting import FIRST, SPANS, Floats, known
from .ours import Make, maker
from .trembling_scenes import SCENES, SIZE, Box, Trembling

FRAMES = 60
RATE_FPS = 30
CHANGED = (
    2.0  # levels within the last frames, which the processor's own filters don't reach by rounding
)
_BLURS = (0.8, 1.6, 4.0)  # standard deviations in pixels
_SENSOR, _SEED, _STILL = (
    77,
    9401,
    20,
)  # which sensor and noise; frames that its noise is measured on
_QUANTISER = 3  # the simulated camera's


@dataclass(frozen=True)
class Shot:
    """One filmed scene: frames as delivered, their truths, both 4:2:0, and the parts of the picture that change."""

    scene: str
    noise: str
    frames: list[Planes]
    truths: list[Planes]
    parts: dict[str, Box]


@dataclass(frozen=True)
class Figure:
    """What a method does in one part of one shot.

    ``trail`` and ``chroma_trail`` are shares of the past, ``error`` the standard error of the first; ``noisy_db`` and
    ``cleaned_db`` are luma PSNR against the truth where it changes, ``share`` how much of the part that is.
    """

    method: str
    model: str
    part: str
    noise: str
    trail: float
    error: float
    chroma_trail: float
    noisy_db: float
    cleaned_db: float
    share: float


# ------------------------------------------------------------------- filming


class Camera:
    """The simulated camera's sensor, processor and JPEG, for light of any kind. Not for two threads at once."""

    def __init__(self, noise: str, size: tuple[int, int] = SIZE) -> None:
        layout = PlaneFormat(*size, "422", full_range=True, matrix="bt601")
        self._sensor = Sensor(SensorParameters(NOISE_GAINS[noise]), *size, _SENSOR)
        self._processor = Processor(layout, Processing())
        self._encoder = JpegEncoder(*size, Fraction(RATE_FPS), _QUANTISER)
        self._decoder = JpegDecoder()

    def frame(self, light: Floats, index: int, seed: int = _SEED) -> Planes:
        """Frame ``index`` of light in linear sRGB, (H, W, 3), as delivered: 4:2:0, after JPEG."""
        raw = self._sensor.expose(mosaic(respond(light)), (seed, _SENSOR, index))
        packet = self._encoder.encode(self._processor.develop(raw, index / RATE_FPS), index)
        (frame,) = self._decoder.decode(packet)
        return in_420(planes_from_frame(frame)).copy()

    def truth(self, light: Floats, index: int) -> Planes:
        """The same without noise, fixed pattern and JPEG."""
        raw = self._sensor.ideal(mosaic(respond(light)))
        return in_420(self._processor.develop(raw, index / RATE_FPS)).copy()


def film_scene(
    name: str, scene: Trembling, noises: tuple[str, ...], count: int = FRAMES
) -> list[Shot]:
    """The scene at every level of noise: the same movement and truth in all."""
    first = scene.light(0.0)
    size = (first.shape[1], first.shape[0])
    cameras = {noise: Camera(noise, size) for noise in noises}
    frames: dict[str, list[Planes]] = {noise: [] for noise in noises}
    truths: list[Planes] = []
    for index in range(count):
        light = scene.light(index / RATE_FPS)
        for noise, camera in cameras.items():
            frames[noise].append(camera.frame(light, index))
            if len(truths) == index:
                truths.append(camera.truth(light, index))
    return [Shot(name, noise, frames[noise], truths, scene.parts) for noise in noises]


def measured(noise: str) -> NoiseModel:
    """The camera's noise as ``calibrate`` measures it, on a still scene: the film stopped at one picture."""
    camera, light = Camera(noise), SCENES["film"]().light(0.2)
    still = [camera.frame(light, index, _SEED + 1) for index in range(_STILL)]
    return measure([(still, np.ones(still[0].y.shape, bool))], "simulated", "")


# ----------------------------------------------------------------- measuring


class _Slope:
    """Regression of a result's error on the past and on blurs, summed up per frame."""

    def __init__(self) -> None:
        self._gram: list[NDArray[np.float64]] = []
        self._moment: list[NDArray[np.float64]] = []

    def add(self, error: Floats, past: Floats, beside: list[Floats]) -> None:
        """A frame's pixels, (N,) each."""
        columns = np.stack([past, *beside, np.ones_like(past)], 1).astype(np.float64)
        self._gram.append(columns.T @ columns)
        self._moment.append(columns.T @ error.astype(np.float64))

    def fit(self, resamples: int = 100) -> tuple[float, float]:
        """The slope on the past and its standard error (whole frames are drawn)."""
        if not self._gram:
            return float("nan"), float("nan")
        gram, moment = np.stack(self._gram), np.stack(self._moment)
        ridge = 1e-9 * np.trace(gram.sum(0)) * np.eye(gram.shape[1])

        def slope(weights: NDArray[np.float64]) -> float:
            left = np.einsum("f,fij->ij", weights, gram) + ridge
            return float(np.linalg.solve(left, weights @ moment)[0])

        frames = len(gram)
        draws = np.random.default_rng(0).multinomial(frames, np.full(frames, 1 / frames), resamples)
        errors = [slope(draw.astype(np.float64)) for draw in draws]
        return slope(np.ones(frames)), float(np.std(errors))


def _planes(planes: Planes) -> dict[str, Floats]:
    return {name: getattr(planes, name).astype(np.float32) for name in "yuv"}


class _Truth:
    """What is computed once per frame of a shot, whatever the method: pasts, blurs, and what changes, per plane."""

    def __init__(self, truths: list[Planes], index: int) -> None:
        self.now = _planes(truths[index])
        self.pasts: dict[str, list[Floats]] = {}
        self.blurs: dict[str, list[Floats]] = {}
        self.changing: dict[str, Mask] = {}
        oldest = max(old for _, old in SPANS)
        for name, now in self.now.items():
            history = [getattr(t, name) for t in truths[max(0, index - oldest) : index + 1]]
            pasts = [np.mean(history[-1 - old : len(history) - new], axis=0) for new, old in SPANS]
            self.pasts[name] = [np.asarray(past - now, np.float32) for past in pasts]
            blurs = [cv2.GaussianBlur(now, (0, 0), sigma) - now for sigma in _BLURS]
            self.blurs[name] = [np.asarray(blur, np.float32) for blur in blurs]
            spread = np.max(history, 0).astype(np.float32) - np.min(history, 0)
            self.changing[name] = np.asarray(spread > CHANGED)


class Meter:
    """Measures any number of methods in one shot."""

    def __init__(self, shot: Shot) -> None:
        self.shot = shot
        self._truths = {i: _Truth(shot.truths, i) for i in range(FIRST, len(shot.truths))}

    def figures(self, method: str, model: str, results: list[Planes]) -> list[Figure]:
        """One method's figures in every part, from what it made of all frames."""
        return [self._part(method, model, name, results) for name in self.shot.parts]

    def _part(self, method: str, model: str, part: str, results: list[Planes]) -> Figure:
        left, top, right, bottom = self.shot.parts[part]
        slopes = {kind: [_Slope() for _ in SPANS] for kind in ("y", "uv")}
        squares = np.zeros(2)  # noisy, cleaned
        count, area = 0, 0
        for index, truth in self._truths.items():
            cleaned, noisy = _planes(results[index]), _planes(self.shot.frames[index])
            for name in "yuv":
                half = 1 if name == "y" else 2
                box = slice(top // half, bottom // half), slice(left // half, right // half)
                where = truth.changing[name][box]
                if not where.any():
                    continue
                error = (cleaned[name] - truth.now[name])[box][where]
                beside = [blur[box][where] for blur in truth.blurs[name]]
                for slope, past in zip(
                    slopes["y" if name == "y" else "uv"], truth.pasts[name], strict=True
                ):
                    slope.add(error, past[box][where], beside)
                if name == "y":
                    noise = (noisy["y"] - truth.now["y"])[box][where]
                    squares += float(np.square(noise).sum()), float(np.square(error).sum())
                    count, area = count + where.sum(), area + where.size
        trail, error_of = max(one.fit() for one in slopes["y"])
        chroma = max(one.fit() for one in slopes["uv"])[0]
        noisy_db, cleaned_db = 10 * np.log10(255**2 / np.maximum(squares / max(count, 1), 1e-6))
        return Figure(
            method,
            model,
            part,
            self.shot.noise,
            trail,
            error_of,
            chroma,
            float(noisy_db),
            float(cleaned_db),
            count / max(area, 1),
        )


# ------------------------------------------------------------------- methods


def ours(make: Make, model: NoiseModel | None) -> Clean:
    """One of our denoisers, from the first frame on."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        denoiser = make(model)
        for planes in frames:
            yield denoiser(planes.copy()).copy()

    return clean


def figure_table(found: list[Figure]) -> str:
    """One line per part and noise: trail (chroma's), and dB above the noisy frames' PSNR, of every method."""
    methods = list(dict.fromkeys((f.method, f.model) for f in found))
    places = list(dict.fromkeys((f.part, f.noise) for f in found))
    of = {(f.method, f.model, f.part, f.noise): f for f in found}

    def cell(figure: Figure) -> str:
        gain = figure.cleaned_db - figure.noisy_db
        return f"{figure.trail:.3f} ({figure.chroma_trail:.2f}), {gain:+.1f} dB"

    head = ["what", "noise", "noisy dB", *(f"{name}, {model}" for name, model in methods)]
    lines = []
    for place in places:
        figures = [of[(*method, *place)] for method in methods]
        lines.append([*place, f"{figures[0].noisy_db:.1f}", *map(cell, figures)])
    return table(head, lines)


def picture(shot: Shot, results: list[Planes], path: Path, at: tuple[int, ...] = (25, 40)) -> None:
    """Frame, result, what is wrong with it still (×4 around grey), for some frames."""
    rows = []
    for index in at:
        truth, after = bgr(shot.truths[index]), bgr(results[index])
        rows.append(np.hstack([bgr(shot.frames[index]), after, magnified(after, truth)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="recursive,nano", help="recursive, sizes, files")
    parser.add_argument("--scenes", default=",".join(SCENES), help="only those")
    parser.add_argument("--noise", default=",".join(NOISE_GAINS), help="levels of noise")
    parser.add_argument("--check", action="store_true", help="also filters whose trail is known")
    parser.add_argument("--pictures", type=Path, help="scratch folder, outside the repository")
    parser.add_argument("--page", type=Path, help="write the table into this Markdown page")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    noises = tuple(options.noise.split(","))
    models = {noise: measured(noise) for noise in noises}
    makers = {Path(name).stem: maker(name) for name in options.methods.split(",") if name}
    found: list[Figure] = []
    for name in options.scenes.split(","):
        for shot in film_scene(name, SCENES[name](), noises):
            meter = Meter(shot)
            methods: list[tuple[str, str, Clean]] = known() if options.check else []
            for method, make in makers.items():
                for label, model in (("measured", models[shot.noise]), ("own estimate", None)):
                    methods.append((method, label, ours(make, model)))
            for method, label, clean in methods:
                results = [planes.copy() for planes in clean(shot.frames)]
                found += meter.figures(method, label, results)
                if options.pictures is not None:
                    file = f"{name}-{shot.noise}-{method}-{label}.png".replace(" ", "-")
                    picture(shot, results, options.pictures / file)
        print(f"filmed and cleaned: {name}", flush=True)
    found.sort(key=lambda f: f.part)  # its levels of noise below each other
    text = figure_table(found)
    print(f"\n{text}")
    if options.page is not None:
        fill(options.page, {"trembling": text})
    if options.json is not None:
        lines = json.dumps([asdict(f) for f in found], indent=2)
        options.json.write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
