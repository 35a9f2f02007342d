"""A face, hair and writing that move: as the camera sends them, after MVTools Degrain6, after nano, and the truth.

    python -m benchmarks.live.moving_pictures --cache ../peers --vapoursynth ../peers/vapoursynth \\
        --picture docs/moving.jpg

Luma of the simulated clips at medium noise, frame 34: below each picture its error, eight times as strong, around
grey. Degrain6 gets the six frames that come later, and the strength that is best for the moving subject of that frame;
nano is causal, with the noise as measured on another scene.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from calibrate.metrics import psnr_db
from rtdenoise.arrays import Bytes
from rtdenoise.frames import Planes

from .clips import BenchClip, clip
from .ours import maker
from .peers import ladder
from .vapoursynth_peers import filtered, missing

FRAME = 34
SIZE = (1920, 1080)
_REACH = 6  # frames that Degrain6 looks back and ahead
_CROP = (200, 300)  # rows and columns
_GAIN = 8
_STRENGTHS = ladder(100, 1600, 1.5)


@dataclass(frozen=True)
class Place:
    """What is shown of a clip: the middle of a crop, as (row, column)."""

    name: str
    scene: str
    middle: tuple[int, int]


PLACES = (
    Place("a face", "desk", (540, 1150)),
    Place("hair", "desk", (380, 1010)),
    Place("writing", "street", (905, 1500)),
)


def degrained(found: BenchClip, folder: Path) -> Planes:
    """The frame after Degrain6, at the strength that is best for its subject."""
    frames = [found.frame(i) for i in range(FRAME - _REACH, FRAME + _REACH + 1)]
    results = [filtered(folder, "degrain6", s, frames, [_REACH])[0] for s in _STRENGTHS]
    truth, subject = found.truth(FRAME).y, found.subject(FRAME)
    return max(results, key=lambda planes: psnr_db(planes.y, truth, subject))


def cleaned(found: BenchClip) -> Planes:
    """The frame after nano."""
    denoiser = maker("nano", "cpu")(found.model)
    for index in range(FRAME + 1):
        result = denoiser(found.frame(index))
    return result.copy()


def column(luma: Bytes, truth: Bytes, middle: tuple[int, int]) -> Bytes:
    """A crop of a picture above its error."""
    rows, columns = (slice(m - n // 2, m - n // 2 + n) for m, n in zip(middle, _CROP, strict=True))
    part, true = luma[rows, columns], truth[rows, columns].astype(np.float32)
    error = np.clip(128 + _GAIN * (part - true), 0, 255).astype(np.uint8)
    return np.vstack([part, error])


def sheet(found: dict[str, BenchClip], folder: Path) -> Bytes:
    """All places below each other: camera, Degrain6, nano, truth; prints the PSNR of each subject."""
    rows = []
    shown: dict[str, list[Planes]] = {}
    for scene, one in found.items():
        shown[scene] = [one.frame(FRAME), degrained(one, folder), cleaned(one), one.truth(FRAME)]
        truth, subject = one.truth(FRAME).y, one.subject(FRAME)
        told = [f"{psnr_db(p.y, truth, subject):.2f}" for p in shown[scene][:3]]
        print(f"{one.name}, subject, dB: camera {told[0]}, Degrain6 {told[1]}, nano {told[2]}")
    for place in PLACES:
        truth = found[place.scene].truth(FRAME).y
        rows.append(np.hstack([column(p.y, truth, place.middle) for p in shown[place.scene]]))
    return np.vstack(rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, required=True, help="the folder of the clips")
    parser.add_argument("--vapoursynth", type=Path, required=True, help="see vapoursynth_peers")
    parser.add_argument("--picture", type=Path, required=True, help="the JPEG that is written")
    options = parser.parse_args(arguments)
    if missing(options.vapoursynth):
        raise SystemExit(f"Degrain6 can't be run: {missing(options.vapoursynth)}")
    scenes = dict.fromkeys(place.scene for place in PLACES)
    found = {scene: clip(scene, "medium", SIZE, options.cache) for scene in scenes}
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
    cv2.imwrite(str(options.picture), sheet(found, options.vapoursynth), quality)


if __name__ == "__main__":
    main()
