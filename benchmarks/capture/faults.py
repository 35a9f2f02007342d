"""Puts faults into simulated recordings and looks whether capture finds and names them.

    python -m benchmarks.capture.faults [--runs 200] [--seed 0] [--page docs/capture-faults.md]

Each run films a still scene of the simulated camera, 640×360, 90 frames, with noise, scene and processing drawn by its
seed, and puts one fault into it, or none. A fault is put into the noise-free picture; the frame's own noise is added to
it again.
Limits were chosen on other seeds than those that are counted (``--seed 1000000`` and up).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from capture.series import judge_clip
from rtdenoise.arrays import Bytes, Floats
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.frames import planes_from_frame

from ..common import fill, table

SIZE, FRAMES = (640, 360), 90
RATE = Fraction(59, 2)  # a camera that promises 30 frames/s sends a few less
Change = Callable[[Floats, int, np.random.Generator], Floats]


@dataclass(frozen=True)
class Fault:
    """``kinds`` are the kinds of remarks that name it; ``change`` puts it into a frame's clean picture."""

    name: str
    kinds: tuple[str, ...]
    change: Change


def _moved(picture: Floats, x: float, y: float) -> Floats:
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = (picture.shape[1], picture.shape[0])
    how = cv2.INTER_CUBIC
    return np.asarray(
        cv2.warpAffine(picture, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT), np.float32
    )


class _Bump:
    def __init__(self, pixels: float) -> None:
        self._pixels = pixels

    def __call__(self, picture: Floats, frame: int, random: np.random.Generator) -> Floats:
        angle, at = random.uniform(0, 2 * np.pi), int(random.integers(10, FRAMES - 10))
        if frame < at:
            return picture
        return _moved(picture, self._pixels * np.cos(angle), self._pixels * np.sin(angle))


def _step(picture: Floats, frame: int, random: np.random.Generator) -> Floats:
    at, sign = int(random.integers(15, FRAMES - 15)), random.choice((-1, 1))
    return picture if frame < at else picture * np.float32(1 + 0.02 * sign)


def _drift(picture: Floats, frame: int, random: np.random.Generator) -> Floats:
    return picture * np.float32(1 + 0.04 * random.choice((-1, 1)) * frame / FRAMES)


class _Flicker:
    def __init__(self, mains_hz: int) -> None:
        self._mains_hz = mains_hz

    def __call__(self, picture: Floats, frame: int, random: np.random.Generator) -> Floats:
        hz = 2 * self._mains_hz + random.uniform(-0.05, 0.05)
        depth, bands = random.uniform(0.03, 0.1), random.uniform(1.0, 3.0)
        rows = np.arange(picture.shape[0])[:, None] / picture.shape[0]
        wave = np.sin(2 * np.pi * (hz * frame / float(RATE) + bands * rows))
        return np.asarray(picture * (1 + depth * wave), np.float32)


def _person(random: np.random.Generator) -> tuple[Bytes, Floats]:
    """An outline and what it shows."""
    height, width = (
        int(SIZE[1] * random.uniform(0.5, 0.8)),
        int(SIZE[0] * random.uniform(0.15, 0.25)),
    )
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height), (width // 2, int(0.62 * height)), 0, 0, 360, 1, -1)
    cv2.circle(mask, (width // 2, int(0.25 * height)), int(0.2 * height), 1, -1)
    cloth = cv2.GaussianBlur(random.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 3)
    return mask, np.asarray(random.uniform(60, 180) + 25 * cloth / cloth.std(), np.float32)


def _shown(picture: Floats, person: tuple[Bytes, Floats], x: float, y: float) -> Floats:
    mask, cloth = person
    height, width = mask.shape
    left, top = round(x), round(y)
    here = np.s_[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    part = picture[here]
    if not part.size:
        return picture
    up, beside = max(-top, 0), max(-left, 0)
    inside = np.s_[up : up + part.shape[0], beside : beside + part.shape[1]]
    result = picture.copy()
    result[here] = np.where(mask[inside] > 0, cloth[inside], part)
    return result


def _walks(picture: Floats, frame: int, random: np.random.Generator) -> Floats:
    person = _person(random)
    begins, speed = int(random.integers(5, 40)), random.uniform(8, 16)
    return _shown(picture, person, -160 + speed * (frame - begins), SIZE[1] - person[0].shape[0])


def _sits(picture: Floats, frame: int, random: np.random.Generator) -> Floats:
    person = _person(random)
    x, period = random.uniform(0.2, 0.7) * SIZE[0], random.uniform(20, 50)
    sway = random.uniform(3, 8) * np.sin(2 * np.pi * frame / period)
    return _shown(picture, person, x + sway, SIZE[1] - person[0].shape[0] + sway / 3)


def _same(picture: Floats, *_: object) -> Floats:
    return picture


FAULTS = (
    Fault("none", (), _same),
    Fault("bump of 0.5 px", ("shift",), _Bump(0.5)),
    Fault("bump of 1 px", ("shift",), _Bump(1.0)),
    Fault("bump of 3 px", ("shift",), _Bump(3.0)),
    Fault("light step of 2 %", ("light",), _step),
    Fault("slow drift, 4 %", ("light",), _drift),
    Fault("flicker, 50 Hz", ("flicker",), _Flicker(50)),
    Fault("flicker, 60 Hz", ("flicker",), _Flicker(60)),
    Fault("a person walks through", ("moving",), _walks),
    Fault("a person sits there", ("moving",), _sits),
    Fault("noise frozen by a codec", ("codec",), _same),
    Fault("saturation", ("bright",), lambda p, *_: p * np.float32(4) + np.float32(60)),
    Fault("lens cap", ("dark",), lambda p, *_: np.zeros_like(p)),
    Fault("too dark", ("dark",), lambda p, *_: p * np.float32(0.04)),
)


def film(fault: Fault, seed: int) -> Iterator[Bytes]:
    """The luma of a recording's frames."""
    random = np.random.default_rng([seed, 7])
    scene = str(random.choice(("desk", "room", "street", "chart")))
    noise, processing = (
        str(random.choice(("low", "medium", "high"))),
        str(random.choice(("none", "strong"))),
    )
    spec = f":{scene}?noise={noise}&processing={processing}&seed={seed}&frames={FRAMES}"
    camera = open_simulated(spec, size=SIZE)
    assert isinstance(camera, SimulatedCamera)
    truth = camera.truth(0).y.astype(np.float32)
    residual: Floats | None = None
    for index, frame in enumerate(camera.frames()):
        noise = planes_from_frame(frame).y.astype(np.float32) - truth
        if fault.name.startswith("noise frozen"):
            residual = noise if residual is None else 0.8 * residual + 0.6 * noise
            noise = residual
        if fault.name == "lens cap":
            noise = 0.2 * noise
        clean = fault.change(truth, index, np.random.default_rng([seed, 11]))
        yield np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def told(run: tuple[int, int]) -> tuple[list[str], int]:
    """The kinds of what capture says of a recording, and how many frames it accepts.

    Args:
        run: Which of the faults, and the seed.
    """
    number, seed = run
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.nut"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("rawvideo", rate=RATE)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *SIZE, "gray"
            for luma in film(FAULTS[number], seed):
                container.mux(stream.encode(VideoFrame.from_ndarray(luma, format="gray")))
            container.mux(stream.encode(None))
        info = CameraInfo("faults", "Faults", "file", f"file:{path}")
        clip = judge_clip(path, info, Mode("rawvideo", "gray", *SIZE, RATE))
    kinds = [str(remark["kind"]) for remark in clip.facts["remarks"]]
    return kinds, sum(series.count for series in clip.accepted)


def fault_table(runs: list[tuple[int, int]], found: list[tuple[list[str], int]]) -> str:
    """How often each fault was found and named, and what else was said."""
    rows = []
    for number, fault in enumerate(FAULTS):
        mine = [answer for run, answer in zip(runs, found, strict=True) if run[0] == number]
        hits = sum(bool(set(kinds) & set(fault.kinds)) for kinds, _ in mine)
        others: dict[str, int] = {}
        for kinds, _ in mine:
            for kind in set(kinds) - set(fault.kinds):
                others[kind] = others.get(kind, 0) + 1
        wrong = ", ".join(f"{count} × {kind}" for kind, count in sorted(others.items()))
        fit = np.mean([frames for _, frames in mine]) / FRAMES
        named = f"{hits} of {len(mine)}" if fault.kinds else "–"
        rows.append([fault.name, len(mine), named, wrong or "–", f"{fit:.0%}"])
    return table(["fault", "runs", "found and named", "also said", "frames accepted"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--page", type=Path, help="the page whose table is filled")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    # Every fifth run is without a fault: false alarms are as bad as misses.
    faults = range(1, len(FAULTS))
    numbers = [
        0 if k % 5 == 0 else faults[(k - k // 5) % len(faults)] for k in range(arguments.runs)
    ]
    runs = [(number, arguments.seed + k) for k, number in enumerate(numbers)]
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(told, runs))
    text = fault_table(runs, found)
    print(text)
    if arguments.page:
        fill(arguments.page, {"faults": text})


if __name__ == "__main__":
    main()
