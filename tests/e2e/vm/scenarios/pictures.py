"""What a second program sees of known pictures.

python -m tests.e2e.vm.scenarios.pictures SHARE
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.e2e.vm.guest import (
    FED,
    VIRTUAL,
    WEBCAM,
    Run,
    Webcam,
    ended,
    holding,
    interrupted,
    look,
    share_and_pictures,
)

LIVE = ("live", "--output", "virtual:Virtual", "--json")
FEED = """
import sys, numpy as np, pyvirtualcam
frames = np.load(sys.argv[1])
size = frames.shape[2], frames.shape[1] * 2 // 3
with pyvirtualcam.Camera(*size, 20, fmt=pyvirtualcam.PixelFormat.I420, device=sys.argv[2]) as camera:
    print("feeds", flush=True)
    while True:
        for frame in frames:
            camera.send(frame.ravel())
            camera.sleep_until_next_frame()
"""


def seen(share: Path, step: str, *words: str | Path, frames: int, after: str = "") -> None:
    """Another program looks at a call, as soon as it said ``after``."""
    call = Run(share, step, *LIVE, *words)
    if after:
        call.until_said(after)
    ended(look(VIRTUAL, share / f"{step}.npz", frames=frames))
    interrupted(call)


def exact(share: Path) -> None:
    """Bytes that are fed into one v4l2loopback come out of the other."""
    words = [sys.executable, "-c", FEED, str(share / "fed.npy"), str(FED)]
    with holding(words):
        seen(share, "exact", "--camera", FED, "--strength", "0", frames=40)


def main() -> None:
    share, pictures = share_and_pictures()
    exact(share)
    chart = [path for path in pictures if path.name.startswith("chart")]
    garbled = [path for path in pictures if path not in chart]
    with Webcam(share, garbled):
        seen(share, "garbled", "--camera", WEBCAM, "--network", "none", frames=80)
    with Webcam(share, chart):
        seen(share, "chart", "--camera", WEBCAM, frames=90, after="Cleaning with")


if __name__ == "__main__":
    main()
