"""Cleans frames in a loop of one's own, with OpenCV for everything else.

    python examples/opencv_loop.py film.mp4 clean.mp4
    python examples/opencv_loop.py 0            # the first webcam, in a window; q ends it

The denoiser measures the noise while frames come. One that was calibrated knows it from the first frame on: give
make_denoiser the camera's profile (see train_on_series.py).
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

from rtdenoise import array_from_planes, make_denoiser, planes_from_array


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("Name a film or the number of a webcam, and a film to write.")
    source = sys.argv[1]
    film = cv2.VideoCapture(int(source) if source.isdecimal() else source)
    if not film.isOpened():
        sys.exit(f"OpenCV can't open {source}.")
    denoiser = make_denoiser("nano")
    writer, frames = None, 0
    while True:
        read, picture = film.read()  # (H, W, 3): blue, green, red
        if not read:
            break
        clean = array_from_planes(
            denoiser(planes_from_array(np.asarray(picture, np.uint8), "bgr")), "bgr"
        )
        frames += 1
        if len(sys.argv) > 2:
            if writer is None:
                rate = film.get(cv2.CAP_PROP_FPS) or 30.0
                size = (clean.shape[1], clean.shape[0])
                writer = cv2.VideoWriter(sys.argv[2], cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
            writer.write(clean)
            continue
        cv2.imshow("clean", clean)
        if cv2.waitKey(1) == ord("q"):
            break
    film.release()
    if writer is not None:
        writer.release()
    print(f"{frames} frames cleaned")


if __name__ == "__main__":
    main()
