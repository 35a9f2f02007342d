"""What the benchmarks share: clips in 4:2:0, timing, one more peer, tables in Markdown pages."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate.peers import Clean
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Planes, convert, frame_from_planes, planes_from_frame
from rtdenoise.noise import NoiseModel

Mask = NDArray[np.bool_]


def in_420(planes: Planes) -> Planes:
    """The frame as most calls take it."""
    return convert(planes, "420", planes.format.full_range)


def frames_of(camera: SimulatedCamera) -> list[Planes]:
    """All frames of a simulated clip in 4:2:0, after JPEG."""
    return [in_420(planes_from_frame(frame)).copy() for frame in camera.frames()]


def forth_and_back(count: int) -> list[int]:
    """Indices of so many frames that, played again and again, never jump."""
    return [*range(count), *range(count - 2, 0, -1)]


def recursive(model: NoiseModel | None) -> Clean:
    """Our recursive filter."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        denoiser = RecursiveDenoiser(model)
        for planes in frames:
            yield denoiser(planes).copy()

    return clean


def opencv_nlmeans_multi(h: float) -> Clean:
    """OpenCV's non-local means over three frames."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        held: deque[tuple[Planes, NDArray[np.uint8]]] = deque(maxlen=3)
        for planes in frames:
            held.append((planes, bgr(planes)))
            if len(held) == 1:
                yield planes  # it needs both neighbours
            if len(held) < 3:
                continue
            pictures = [picture for _, picture in held]
            done = cv2.fastNlMeansDenoisingColoredMulti(pictures, 1, 3, None, h, h, 7, 21)
            frame = av.VideoFrame.from_ndarray(np.asarray(done, np.uint8), format="bgr24")
            back, middle = planes_from_frame(frame.reformat(format="yuvj420p")), held[1][0]
            yield Planes(back.y, back.u, back.v, middle.format, middle.time_s, back.owner)
        if len(held) > 1:
            yield held[-1][0]  # likewise

    return clean


def timed(method: Clean, frames: list[Planes]) -> tuple[list[Planes], float]:
    """The results, and milliseconds per frame of all threads' work as it is used."""
    start = time.perf_counter()
    results = [planes.copy() for planes in method(frames)]
    return results, 1e3 * (time.perf_counter() - start) / len(frames)


def table(head: list[str], lines: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *([str(v) for v in line] for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def fill(page: Path, tables: dict[str, str]) -> None:
    """Puts the tables between the marks ``<!-- NAME -->`` and ``<!-- /NAME -->`` of the page."""
    text = page.read_text(encoding="utf-8")
    for name, body in tables.items():
        start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n{body}\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def peak_memory_mb(pid: int | str = "self") -> float | None:
    """The most memory that a process has had in use, in MB (1e6 bytes); None where the system doesn't tell.

    ``ru_maxrss`` won't do: Linux hands on to a new program what the one that started it had in use.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s*(\d+) kB", lines, re.MULTILINE)
    return int(found.group(1)) * 1024 / 1e6 if found else None


def bgr(planes: Planes) -> NDArray[np.uint8]:
    """The picture for OpenCV, (H, W, 3)."""
    return np.asarray(frame_from_planes(planes).to_ndarray(format="bgr24"), np.uint8)


def before_and_after(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    place: tuple[slice, slice],
) -> NDArray[np.uint8]:
    """A row of crops: before, after, what was removed, what is wrong still (both ×4, around grey)."""
    noisy, clean = before[place], after[place]
    return np.hstack([noisy, clean, magnified(noisy, clean), magnified(clean, truth[place])])


def magnified(one: NDArray[np.uint8], two: NDArray[np.uint8], times: int = 4) -> NDArray[np.uint8]:
    """The difference of two pictures, enlarged around grey."""
    return np.asarray(np.clip(128 + times * (one.astype(int) - two), 0, 255), np.uint8)
