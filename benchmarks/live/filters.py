"""The recursive filter beside its peers, on the same frames in one run.

    python -m benchmarks.live.filters --footage ../shared/data --page docs/recursive-filter.md

(i) the simulated camera's desk at 1920×1080 with a moving subject and high noise, luma PSNR against
the truth; (ii) real footage of a fixed camera, unsupervised PSNR in RGB over the pixels that stand
still. The noise model comes from other frames than those that are judged: of another scene of the
same simulated camera, and of the first third of the footage. Pictures show the simulated camera
only; of real footage the page has numbers.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate.metrics import psnr_db, upsnr_db
from calibrate.noise.measure import measure
from calibrate.peers import Clean, ffmpeg_filter, opencv_nlmeans
from capture.mask import static_mask
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.frames import Planes, planes_from_frame, rgb_tensor
from rtdenoise.noise import NoiseModel

from ..common import (
    before_and_after,
    bgr,
    fill,
    frames_of,
    in_420,
    opencv_nlmeans_multi,
    recursive,
    table,
    timed,
)

DESK = ":desk?noise=high&motion=subject&frames=32&seed=77"
STILL = ":room?noise=high&motion=still&frames=20&seed=78"
# Frames after a judged one that it is compared with: atadenoise looks four frames ahead.
APART = (5, 6, 7)
FIRST_JUDGED = 12  # frames before it are for filters with a memory to get going


@dataclass(frozen=True)
class Method:
    """A way of cleaning; ``frames`` is how many of the desk's frames it is given."""

    name: str
    setting: str
    clean: Clean
    frames: int


@dataclass(frozen=True)
class Row:
    """One line of the table for the desk."""

    method: str
    setting: str
    psnr_db: float
    subject_db: float
    still_db: float
    gain_db: float
    ms: float
    frames: int


# Strengths per filter: for the desk at high noise, and for the footage, which has less.
STRONG = {
    "atadenoise": (0.02, 0.05, 0.1, 0.2),
    "fftdnoiz": (8, 16, 32, 48, 64),
    "nlmeans": (4, 6, 8, 10),
    "bm3d": (12, 30, 60, 100),
    "OpenCV nlmeans": (4, 8, 12),
    "OpenCV nlmeans multi": (4, 8, 12),
}
GENTLE = {
    "atadenoise": (0.02, 0.05, 0.1, 0.2),
    "fftdnoiz": (2, 4, 6, 8, 12),
    "nlmeans": (1, 1.5, 2, 3),
    "bm3d": (2, 4, 8, 12),
    "OpenCV nlmeans": (1, 2, 3),
    "OpenCV nlmeans multi": (1, 2),
}


def methods(
    model: NoiseModel, strengths: dict[str, tuple[float, ...]], quick: int, slow: int
) -> list[Method]:
    """All of them; quick ones get ``quick`` frames, slow ones ``slow`` and their neighbours."""

    def ffmpeg(name: str, value: float) -> tuple[str, Clean, int]:
        if name == "atadenoise":
            planes = ":".join(f"{p}a={value}:{p}b={2 * value}" for p in range(3))
            return f"a={value}", ffmpeg_filter(name, f"s=9:{planes}"), quick
        options, frames = {
            "fftdnoiz": (f"sigma={value}:prev=1:next=1", slow + 2),
            "nlmeans": (f"s={value}", slow),
            "bm3d": (f"sigma={value}:bstep=8", slow),
        }[name]
        return options, ffmpeg_filter(name, options), frames

    found = [
        Method("recursive", "measured model", recursive(model), quick),
        Method("recursive", "own estimate", recursive(None), quick),
    ]
    for name, values in strengths.items():
        for value in values:
            if name == "OpenCV nlmeans":
                found.append(Method(name, f"h={value}", opencv_nlmeans(value), slow))
            elif name == "OpenCV nlmeans multi":
                found.append(Method(name, f"h={value}", opencv_nlmeans_multi(value), slow + 2))
            else:
                found.append(Method(name, *ffmpeg(name, value)))
    return found


def judge_desk(size: tuple[int, int], slow: int) -> tuple[list[Row], dict[str, Any]]:
    still = frames_of(open_simulated(STILL, size=size))
    model = measure([(still, np.ones(still[0].y.shape, bool))], "simulated", "")
    camera = open_simulated(DESK, size=size)
    noisy = frames_of(camera)
    count = len(noisy)
    truths = {i: in_420(camera.truth(i)) for i in range(FIRST_JUDGED, count)}
    subjects = {i: camera.subject_mask(i) for i in range(FIRST_JUDGED, count)}

    def row(method: Method, results: dict[int, Planes], ms: float) -> Row:
        judged = [i for i in results if i in truths]
        figures = [
            (
                psnr_db(results[i].y, truths[i].y),
                psnr_db(results[i].y, truths[i].y, subjects[i]),
                psnr_db(results[i].y, truths[i].y, ~subjects[i]),
                psnr_db(results[i].y, truths[i].y) - psnr_db(noisy[i].y, truths[i].y),
            )
            for i in judged
        ]
        whole, subject, rest, gain = (round(float(v), 2) for v in np.mean(figures, axis=0))
        figures_db = (whole, subject, rest, gain)
        return Row(method.name, method.setting, *figures_db, round(ms, 1), len(judged))

    rows = [row(Method("noisy", "", lambda f: iter(f), count), dict(enumerate(noisy)), 0.0)]
    kept: dict[str, Any] = {"noisy": noisy[-1], "truth": truths[count - 1]}
    for method in methods(model, STRONG, count, slow):
        first = 0 if method.frames >= count else FIRST_JUDGED
        given = noisy[first : first + method.frames]
        results, ms = timed(method.clean, given)
        found = {first + i: planes for i, planes in enumerate(results)}
        if method.frames < count and method.frames > slow:
            # The neighbours that a filter over time needs are not judged.
            edges = (first, first + len(given) - 1)
            found = {i: p for i, p in found.items() if i not in edges or len(given) < 3}
        rows.append(row(method, found, ms))
        print(rows[-1], flush=True)
        if method.name == "recursive" and method.setting == "measured model":
            kept["clean"] = results[-1]
    return rows, kept


def best(rows: list[Row]) -> list[Row]:
    """The best setting of each method; both of ours."""
    chosen: dict[str, Row] = {}
    for row in rows:
        key = row.method + (row.setting if row.method == "recursive" else "")
        if key not in chosen or row.psnr_db > chosen[key].psnr_db:
            chosen[key] = row
    return list(chosen.values())


def judge_footage(path: Path, slow: int) -> list[dict[str, Any]]:
    """Unsupervised PSNR: the result for a frame against three later ones that no filter saw."""
    with av.open(str(path)) as clip:
        frames = [in_420(planes_from_frame(f)).copy() for f in clip.decode(video=0)]
    third = len(frames) // 3
    mask = static_mask(np.stack([p.y for p in frames]))
    model = measure([(frames[:third], mask)], path.stem, "")
    judged = list(range(third + 8, len(frames) - APART[-1], 4))

    def rgb(planes: Planes) -> NDArray[np.uint8]:
        picture = rgb_tensor(planes).numpy() * 255
        return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)

    references = [np.stack([rgb(frames[i + k]) for i in judged]) for k in APART]

    def figure(results: list[Planes]) -> Any:
        return upsnr_db(np.stack([rgb(results[i]) for i in judged]), references, mask)

    before = figure(frames)
    lines = [{"method": "noisy", "setting": "", "upsnr_db": before, "ms": 0.0}]
    for method in methods(model, GENTLE, len(frames), slow):
        results, ms = timed(method.clean, frames)
        found = figure(results)
        lines.append(
            {
                "method": method.name,
                "setting": method.setting,
                "upsnr_db": found,
                "ms": round(ms, 2),
            }
        )
        print(lines[-1], flush=True)
    return lines


def pictures(kept: dict[str, Any], folder: Path) -> None:
    """Crops: before, after, what was removed, what is wrong still (both ×4, around grey)."""
    folder.mkdir(parents=True, exist_ok=True)
    noisy, clean, truth = kept["noisy"], kept["clean"], kept["truth"]

    before, after, right = bgr(noisy), bgr(clean), bgr(truth)
    rows, columns = before.shape[:2]
    height, width = min(360, rows), min(480, columns)
    tiles = []
    for top, left in ((rows // 3, columns // 2 - width // 2), (rows // 5, columns // 16)):
        place = (slice(top, top + height), slice(left, left + width))
        tiles.append(before_and_after(before, after, right, place))
    picture = np.vstack(tiles)
    scale = 1600 / picture.shape[1]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "recursive-filter.jpg"), small, [cv2.IMWRITE_JPEG_QUALITY, 85])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, help="folder with parking.mkv")
    parser.add_argument("--page", type=Path, help="write the tables into this Markdown page")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--slow-frames", type=int, default=1, help="frames for the slow filters")
    parser.add_argument("--size", default="1920x1080")
    options = parser.parse_args(arguments)
    width, height = (int(v) for v in options.size.split("x"))
    rows, kept = judge_desk((width, height), options.slow_frames)
    lines: list[dict[str, Any]] = []
    if options.footage is not None and (options.footage / "parking.mkv").exists():
        lines = judge_footage(options.footage / "parking.mkv", options.slow_frames)
    desk = table(
        [
            "method",
            "best setting",
            "whole dB",
            "subject dB",
            "still part dB",
            "gain dB",
            "ms",
            "frames",
        ],
        (asdict(row).values() for row in best(rows)),
    )
    print(desk)
    footage = _footage_table(lines)
    print(footage)
    if options.json is not None:
        values = {"desk": [asdict(row) for row in rows], "parking": lines}
        options.json.write_text(json.dumps(values, indent=2) + "\n")
    if options.page is not None:
        pictures(kept, options.page.parent)
        fill(options.page, {"desk": desk, "footage": footage})


def _footage_table(lines: list[dict[str, Any]]) -> str:
    if not lines:
        return "(not measured)"
    chosen: dict[str, dict[str, Any]] = {}
    for line in lines:
        key = line["method"] + (line["setting"] if line["method"] == "recursive" else "")
        if key not in chosen or line["upsnr_db"].value > chosen[key]["upsnr_db"].value:
            chosen[key] = line
    start = lines[0]["upsnr_db"].value

    def cells(line: dict[str, Any]) -> list[Any]:
        value, low, high = line["upsnr_db"]
        figure = f"{value:.2f} ({low:.2f} to {high:.2f})"
        return [line["method"], line["setting"], figure, f"{value - start:+.2f}", line["ms"]]

    return table(
        ["method", "best setting", "uPSNR dB (95 %)", "gain dB", "ms"], map(cells, chosen.values())
    )


if __name__ == "__main__":
    main()
