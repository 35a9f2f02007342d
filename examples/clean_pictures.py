"""Cleans the pictures of a folder, which are the frames of one camera in their order, with OpenCV's arrays.

    python examples/clean_pictures.py noisy clean

So it goes with frames from anywhere: arrays in, arrays out. The noise is measured while they come, so the first
frame stays as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from rtdenoise import array_from_planes, make_denoiser, planes_from_array


def main() -> None:
    if len(sys.argv) != 3 or not Path(sys.argv[1]).is_dir():
        sys.exit("Name a folder with pictures, and one to write to.")
    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    denoiser = make_denoiser("nano")
    paths = sorted(source.glob("*.png"))
    for path in paths:
        picture = np.asarray(cv2.imread(str(path)), np.uint8)  # (H, W, 3): blue, green, red
        clean = denoiser(planes_from_array(picture, "bgr"))
        cv2.imwrite(str(target / path.name), array_from_planes(clean, "bgr"))
    print(f"{len(paths)} pictures written to {target}")


if __name__ == "__main__":
    main()
