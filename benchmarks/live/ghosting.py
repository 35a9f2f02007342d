"""Do moving things leave a trail? A figure for real footage, whose clean picture nobody knows.

    python -m benchmarks.live.ghosting --footage ../shared/data --methods recursive,nano --pictures /tmp/trails

Where something moves, a denoiser with a memory that clings to the past gives a frame that is partly an older one:
c(t) = (1 − b)·n(t) + b·p, where p is what was there before. So in moving pixels the change that it made, c(t) − n(t),
is regressed on the change in the picture, p − n(t). The slope b is the share of the past: 0 = no trail, 1 = only the
past. It is fitted for three pasts, the last frame, the mean of frames t − 2 … t − 4, and that of t − 5 … t − 20; the
trail is the largest of the slopes that are known to ±0.1. What makes it a measurement:

- All are means over small blocks, so that noise averages out and a trail does not.
- Both sides hold the noise of n(t), and with it removing noise would look like a trail. So the change in
  the picture two blocks further (outside the reach of the noise's correlation and of JPEG's block) is the instrumental
  variable: what moves is larger than a block. Only blocks are taken where it is more than four standard deviations.
- At the edge of a moving thing a blur looks like a little trail. A second regressor, what a blur of n(t) would change
  there, takes it out; how well is seen from filters that know one frame only.

The trail is told for *covered* blocks (moving now) and *uncovered* ones (moving a moment ago, still now), and for
comparison how far block means were changed, in standard deviations of their noise: 1 or less is what removing noise
does. The check on a simulated clip uses filters whose trail is known.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate.peers import Clean, ffmpeg_filter
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.frames import Planes, planes_from_frame

from ..common import Mask, bgr, fill, frames_of, in_420, magnified, table
from .ours import Make, maker

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

BLOCK = 4  # pixels along a side
SIGMAS = 4.0
SPANS = ((1, 1), (2, 4), (5, 20))  # frames ago
UNCOVERED = 3  # frames since the thing left
FIRST = 20  # frames before it are for filters with a memory to get going
_FEWEST, _LARGEST_ERROR = 30, 0.1  # blocks that a slope needs, and its standard error
_MOVING, _STILL = 255, 0  # in the masks of CDnet 2014


@dataclass(frozen=True)
class Trail:
    """What a filter does where things move.

    ``covered`` and ``uncovered`` are trails (shares of the past) with their standard errors. ``changed_*`` are root
    mean squares of the change of block means, in standard deviations of the noise of such a mean. ``still_db`` tells
    by how much the difference of successive frames shrank in still pixels: no filter shall shine by doing nothing.
    """

    method: str
    setting: str
    covered: float
    covered_error: float
    uncovered: float
    uncovered_error: float
    changed_moving: float
    changed_uncovered: float
    changed_still: float
    still_db: float
    blocks: int


@dataclass(frozen=True)
class Scene:
    """Frames, and per frame which pixels move (255), lie in shadow (50), stand still (0) or are unknown."""

    frames: list[Planes]
    labels: NDArray[np.uint8]


def block_means(plane: Floats) -> Floats:
    """(H, W) → (H/4, W/4)."""
    rows, columns = (n // BLOCK for n in plane.shape)
    blocks = plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _around(blocks: Floats) -> Floats:
    """The mean of the blocks two to the left, right, above and below."""
    wide = np.pad(blocks, 2, mode="edge")
    total = wide[:-4, 2:-2] + wide[4:, 2:-2] + wide[2:-2, :-4] + wide[2:-2, 4:]
    return np.asarray(total / 4, np.float32)


def _everywhere(mask: Mask) -> Mask:
    """The blocks all of whose pixels are in the mask."""
    return np.asarray(block_means(mask.astype(np.float32)) > 0.999)


class _Samples:
    """What one slope is fitted to, summed up per frame."""

    def __init__(self) -> None:
        self.gram: list[Doubles] = []  # (2, 2) each: instruments by regressors
        self.moment: list[Doubles] = []  # (2,) each: instruments by change
        self.count = 0

    def add(self, change: Floats, past: Floats, around: Floats, blur: Floats) -> None:
        """Adds a frame's blocks, (N,) each."""
        regressors = np.stack([past, blur], 1).astype(np.float64)
        instruments = np.stack([around, blur], 1).astype(np.float64)
        self.gram.append(instruments.T @ regressors)
        self.moment.append(instruments.T @ change.astype(np.float64))
        self.count += len(change)

    def fit(self, resamples: int = 200) -> tuple[float, float]:
        """The slope on the past and its standard error (whole frames are drawn)."""
        if self.count < _FEWEST:
            return float("nan"), float("nan")
        gram, moment = np.stack(self.gram), np.stack(self.moment)

        def slope(weights: Doubles) -> float:
            left = np.einsum("f,fij->ij", weights, gram) + 1e-3 * np.eye(2)
            return float(np.linalg.solve(left, weights @ moment)[0])

        frames = len(gram)
        random = np.random.default_rng(0)
        draws = random.multinomial(frames, np.full(frames, 1 / frames), resamples)
        errors = [slope(draw.astype(np.float64)) for draw in draws]
        return slope(np.ones(frames)), float(np.std(errors))


class TrailMeter:
    """Measures the trails of any number of filters in one scene."""

    def __init__(self, scene: Scene) -> None:
        self._luma = [p.y.astype(np.float32) for p in scene.frames]
        self._blurs = [cv2.blur(y, (9, 9)) - y for y in self._luma]
        labels = scene.labels
        self._moving = [_everywhere(label == _MOVING) for label in labels]
        still = [label == _STILL for label in labels]
        recent = [
            _everywhere(np.any([labels[k] == _MOVING for k in range(max(0, i - UNCOVERED), i)], 0))
            if i
            else np.zeros_like(self._moving[0])
            for i in range(len(labels))
        ]
        always = np.all(still, axis=0)
        self._still_pixels = always
        self._still = _everywhere(always)
        self._uncovered = [_everywhere(s) & r for s, r in zip(still, recent, strict=True)]
        spread = [
            np.square((block_means(b) - block_means(a))[self._still])
            for a, b in pairwise(self._luma)
        ]
        self.sigma = float(np.sqrt(np.median(spread) / 0.455 / 2))  # robust: leaves move as well

    def measure(self, method: str, setting: str, results: list[Planes]) -> Trail:
        """One filter's trails, from what it made of all frames."""
        covered, uncovered = ([_Samples() for _ in SPANS] for _ in range(2))
        changed: dict[str, list[Floats]] = {"moving": [], "uncovered": [], "still": []}
        before, after = 0.0, 0.0
        for i in range(FIRST, len(results)):
            now, past = self._luma[i], self._luma[i - 1]
            change = results[i].y.astype(np.float32) - now
            spans = [np.mean(self._luma[i - old : i - new + 1], 0) - now for new, old in SPANS]
            for samples, blocks in ((covered, self._moving[i]), (uncovered, self._uncovered[i])):
                self._add(samples, i, change, blocks, spans)
            whole = block_means(change) / self.sigma
            changed["moving"].append(whole[self._moving[i]])
            changed["uncovered"].append(whole[self._uncovered[i]])
            changed["still"].append(whole[self._still])
            still = self._still_pixels
            step = results[i].y.astype(np.float32) - results[i - 1].y
            before += float(np.square((now - past)[still]).sum())
            after += float(np.square(step[still]).sum())
        rms = {k: float(np.sqrt(np.mean(np.concatenate(v) ** 2))) for k, v in changed.items()}
        return Trail(
            method,
            setting,
            *_trail(covered),
            *_trail(uncovered),
            rms["moving"],
            rms["uncovered"],
            rms["still"],
            float(10 * np.log10(before / max(after, 1e-9))),
            sum(one.count for one in (*covered, *uncovered)),
        )

    def _add(
        self, samples: list[_Samples], index: int, change: Floats, blocks: Mask, spans: list[Floats]
    ) -> None:
        changes, blur = block_means(change), block_means(self._blurs[index])
        for one, span in zip(samples, spans, strict=True):
            past = block_means(span)
            around = _around(past)
            taken = blocks & (
                np.abs(around) > SIGMAS * self.sigma
            )  # two frames' noise, over four blocks
            one.add(changes[taken], past[taken], around[taken], blur[taken])


def _trail(samples: list[_Samples]) -> tuple[float, float]:
    """The largest slope that is known well, with its standard error."""
    fits = [one.fit() for one in samples]
    known_well = [fit for fit in fits if fit[1] < _LARGEST_ERROR]
    return max(known_well, default=(float("nan"), float("nan")))


# ------------------------------------------------------------------- filters


def average(weight: float) -> Clean:
    """The plain running average: the new frame has ``weight``. It trails as much as a filter can."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        held: Floats | None = None
        for planes in frames:
            new = planes.y.astype(np.float32)
            held = new if held is None else held + weight * (new - held)
            y = np.asarray(np.rint(held), np.uint8)
            yield Planes(y, planes.u, planes.v, planes.format, planes.time_s)

    return clean


def pair_mean(frames: Iterable[Planes]) -> Iterator[Planes]:
    """The mean with the frame before: its trail is one half."""
    last: Planes | None = None
    for planes in frames:
        old = planes.y if last is None else last.y
        y = np.asarray(cv2.addWeighted(planes.y, 0.5, old, 0.5, 0), np.uint8)
        last = planes
        yield Planes(y, planes.u, planes.v, planes.format, planes.time_s)


def ours(make: Make) -> Clean:
    """One of our denoisers, without a noise model: the footage has no still series."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        denoiser = make(None)
        for planes in frames:
            yield denoiser(planes).copy()

    return clean


def known() -> list[tuple[str, str, Clean]]:
    """Filters whose trail is known, and one that cleans without a memory."""
    return [
        ("nothing", "trail 0", lambda frames: iter(frames)),
        ("mean of two frames", "trail 0.5", pair_mean),
        ("running average", "trail 0.95", average(0.05)),
        ("running average", "trail 0.7", average(0.3)),
        ("nlmeans", "s=3, one frame only", ffmpeg_filter("nlmeans", "s=3")),
    ]


def peers() -> list[tuple[str, str, Clean]]:
    """Other people's filters at strengths that clean this footage about as much as ours do, or as by default."""

    def atadenoise(a: float) -> Clean:
        planes = ":".join(f"{p}a={a}:{p}b={2 * a}" for p in range(3))
        return ffmpeg_filter("atadenoise", f"s=9:{planes}")

    return [
        *(("atadenoise", f"a={a}", atadenoise(a)) for a in (0.02, 0.05, 0.1)),
        ("fftdnoiz", "sigma=8", ffmpeg_filter("fftdnoiz", "sigma=8:prev=1:next=1")),
    ]


# -------------------------------------------------------------------- scenes


def simulated_scene(
    name: str = "street", size: tuple[int, int] = (640, 360), frames: int = 60
) -> Scene:
    """A simulated clip; what changes by more than a level between truths counts as moving."""
    spec = f":{name}?noise=medium&motion=subject&frames={frames}&seed=9301&sensor=77"
    camera = open_simulated(spec, size=size)
    truths = [camera.truth(i).y.astype(np.int16) for i in range(frames)]
    moving = [np.abs(b - a) > 1 for a, b in pairwise([truths[0], *truths])]
    return Scene(frames_of(camera), np.stack(moving) * np.uint8(_MOVING))


def footage_scene(folder: Path) -> Scene:
    """The highway with its hand-made masks."""

    def read(name: str) -> list[av.VideoFrame]:
        with av.open(str(folder / name)) as clip:
            return list(clip.decode(video=0))

    frames = [in_420(planes_from_frame(f)).copy() for f in read("highway.mkv")]
    masks = [f.to_ndarray(format="gray") for f in read("highway_motion.mkv")]
    return Scene(frames, np.stack(masks))


def trails(
    scene: Scene, methods: list[tuple[str, str, Clean]], show: Callable[..., None]
) -> list[Trail]:
    """Every filter's figures in one scene."""
    meter = TrailMeter(scene)
    found = []
    for name, setting, clean in methods:
        results = [planes.copy() for planes in clean(scene.frames)]
        found.append(meter.measure(name, setting, results))
        show(name, setting, scene, results)
        print(found[-1], flush=True)
    return found


def trail_table(found: list[Trail]) -> str:
    """As it stands in the page."""
    head = ["method", "setting", "trail, covered", "trail, uncovered"]
    head += ["change, moving", "uncovered", "still", "noise gone, still dB"]
    return table(
        head,
        (
            [
                t.method,
                t.setting,
                f"{t.covered:.3f} ± {t.covered_error:.3f}",
                f"{t.uncovered:.3f} ± {t.uncovered_error:.3f}",
                f"{t.changed_moving:.2f}",
                f"{t.changed_uncovered:.2f}",
                f"{t.changed_still:.2f}",
                f"{t.still_db:.1f}",
            ]
            for t in found
        ),
    )


def _pictures(folder: Path | None, at: tuple[int, ...] = (40, 70, 100)) -> Callable[..., None]:
    def show(name: str, setting: str, scene: Scene, results: list[Planes]) -> None:
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for index in at:
            if index < len(results):
                before, after = bgr(scene.frames[index]), bgr(results[index])
                mask = cv2.cvtColor(scene.labels[index], cv2.COLOR_GRAY2BGR)
                rows.append(np.hstack([before, after, magnified(before, after), mask]))
        path = folder / f"{name}-{setting}.png".replace(" ", "-").replace("=", "-")
        cv2.imwrite(str(path), np.vstack(rows))

    return show


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, help="folder with highway.mkv, highway_motion.mkv")
    parser.add_argument("--methods", default="recursive", help="recursive, sizes, files; by comma")
    parser.add_argument("--pictures", type=Path, help="scratch folder, outside the repository")
    parser.add_argument("--page", type=Path, help="write the tables into this Markdown page")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    mine = [
        (Path(name).stem, "own estimate", ours(maker(name))) for name in options.methods.split(",")
    ]
    found: dict[str, Any] = {}
    check = trails(simulated_scene(), known() + mine, _pictures(None))
    found["simulated"] = [asdict(t) for t in check]
    tables = {"trails-simulated": trail_table(check)}
    if options.footage is not None and (options.footage / "highway.mkv").exists():
        scene = footage_scene(options.footage)
        real = trails(scene, known() + peers() + mine, _pictures(options.pictures))
        found["highway"] = [asdict(t) for t in real]
        tables["trails-highway"] = trail_table(real)
    for text in tables.values():
        print(f"\n{text}")
    if options.page is not None:
        fill(options.page, tables)
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
