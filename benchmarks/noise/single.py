"""Single pictures of the simulated camera: its noise as one frame tells it, and what cleaning that frame gains.

The truth is the camera's own: luma's noise is taken over flat places, where JPEG adds none of its own.

    python -m benchmarks.noise.single --page docs/single-pictures.md --picture docs/single-picture.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.common import fill, in_420
from calibrate.metrics import psnr_db
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers import make_denoiser
from rtdenoise.denoisers.still import StillDenoiser
from rtdenoise.denoisers.streaming import StreamDenoiser
from rtdenoise.frames import Planes, planes_from_frame, rgb_frame

_SIZE = (960, 540)
_PART = (slice(110, 425), slice(280, 595))  # of the picture


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    rows = [
        "| scene | noise | processing | luma's noise, truth | estimate | PSNR | nano | recursive |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for scene in ("desk", "room", "street", "chart"):
        for noise in ("low", "medium", "high"):
            for processing in ("none", "mild"):
                rows.append(_row(scene, noise, processing))
                print(rows[-1], flush=True)
    if options.page:
        fill(options.page, {"single-pictures": "\n".join(rows)})
    if options.picture:
        noisy, _ = _frame("room", "high", "none")
        clean = _still("nano")(noisy)
        before, after = (rgb_frame(p).to_ndarray()[_PART].astype(int) for p in (noisy, clean))
        removed = np.clip(128 + 4 * (before - after), 0, 255)
        whole = np.hstack([before, after, removed]).astype(np.uint8)
        cv2.imwrite(str(options.picture), whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _frame(scene: str, noise: str, processing: str) -> tuple[Planes, Planes]:
    """A frame as it is delivered, and its truth."""
    spec = f":{scene}?noise={noise}&processing={processing}&motion=subject&frames=2"
    camera = open_simulated(spec, size=_SIZE)
    *_, frame = camera.frames()
    return planes_from_frame(frame).copy(), camera.truth(1)


def _still(network: str) -> StillDenoiser:
    denoiser = make_denoiser(network)
    assert isinstance(denoiser, StreamDenoiser)
    return StillDenoiser(denoiser)


def _row(scene: str, noise: str, processing: str) -> str:
    noisy, truth = (in_420(planes) for planes in _frame(scene, noise, processing))
    level = truth.y.astype(np.float32)
    flat = cv2.blur(np.square(level - cv2.blur(level, (9, 9))), (9, 9)) < 2
    std = float((noisy.y[flat] - level[flat]).std())
    before = psnr_db(noisy.y, truth.y)
    found, gains = "none", []
    for network in ("nano", "recursive"):
        denoiser = _still(network)
        gains.append(f"{psnr_db(denoiser(noisy).y, truth.y) - before:+.2f}")
        if denoiser.noise is not None:
            found = f"{np.sqrt(np.mean(denoiser.noise.y.curve.variance(level[flat]))):.2f}"
    cells = [scene, noise, processing, f"{std:.2f}", found, f"{before:.2f}", *gains]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
