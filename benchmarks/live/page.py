"""What the page on live networks shows: tables, crops of one clip, and how noise shrinks over time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from rtdenoise.frames import Planes

from ..common import before_and_after, bgr, table
from .clips import GROWTH, BenchClip
from .ours import Run
from .peers import Best, Figures

CROP = (300, 400)  # rows and columns


def keys_of(runs: list[Run]) -> list[tuple[str, str]]:
    """Our methods with their noise models, in order."""
    return list(dict.fromkeys((r.method, r.model) for r in runs))


def mine(runs: list[Run], key: tuple[str, str]) -> list[Run]:
    """The runs of one of our methods."""
    return [r for r in runs if (r.method, r.model) == key]


def summary_table(lines: list[dict[str, Any]]) -> str:
    """The means over the clips."""
    keys = ["whole", "subject", "still", "above_whole", "above_subject"]
    keys += ["above_short_whole", "above_short_subject"]
    head = ["method", "whole dB", "subject dB", "rest dB", "above best: whole", "subject"]
    head += ["above best but 33 frames: whole", "subject"]

    def cells(line: dict[str, Any]) -> list[str]:
        shown = [f"{line[k]:{'+' if 'above' in k else ''}.2f}" if k in line else "" for k in keys]
        return [line["method"], *shown]

    return table(head, map(cells, lines))


def sizes_table(runs: list[Run], kmac: dict[str, float | None]) -> str:
    """Size, PSNR, operations and time of ours, with the measured noise model."""
    lines = []
    for key in keys_of(runs):
        if key[1] == "measured":
            found = mine(runs, key)
            whole, subject = (
                np.mean([getattr(r.figures, name) for r in found]) for name in ("whole", "subject")
            )
            operations = kmac.get(key[0])
            ms = np.mean([r.ms for r in found])
            lines.append(
                [
                    key[0],
                    "" if operations is None else f"{operations:.2f}",
                    f"{whole:.2f}",
                    f"{subject:.2f}",
                    f"{ms:.0f}",
                ]
            )
    return table(["network", "kMAC per pixel", "whole dB", "subject dB", "ms (CPU)"], lines)


def best_peer(found: list[Best], but: str = "") -> tuple[Best, Best]:
    """The peers that are best in the whole frame and in the subject, all but one."""
    others = [best for best in found if best.peer != but]
    whole = max(others, key=lambda best: best.figures.whole)
    return whole, max(others, key=lambda best: best.subject_db)


def clips_table(
    clips: list[BenchClip], noisy: dict[str, Figures], peers: dict[str, list[Best]], runs: list[Run]
) -> str:
    """Whole frame / subject in dB for every clip: noisy, the best peers, and ours."""

    def cell(figures: Figures) -> str:
        return f"{figures.whole:.2f} / {figures.subject:.2f}"

    lines = []
    for one in clips:
        whole, subject = best_peer(peers[one.name])
        lines.append(
            [
                one.name.replace("-", ", "),
                cell(noisy[one.name]),
                f"{whole.figures.whole:.2f} ({whole.peer}, {whole.strength:g})",
                f"{subject.subject_db:.2f} ({subject.peer}, {subject.subject_strength:g})",
                *(
                    cell(r.figures)
                    for key in keys_of(runs)
                    for r in mine(runs, key)
                    if r.clip == one.name
                ),
            ]
        )
    head = ["clip", "noisy", "best peer, whole", "best peer, subject"]
    return table([*head, *(f"{key[0]}, {key[1]}" for key in keys_of(runs))], lines)


def peers_table(clips: list[BenchClip], peers: dict[str, list[Best]]) -> str:
    """Whole frame / subject in dB for every clip and peer, with its best strengths for both."""
    head = ["clip", *(best.peer for best in next(iter(peers.values())))]

    def cell(best: Best) -> str:
        strengths = f"{best.strength:g}, {best.subject_strength:g}"
        return f"{best.figures.whole:.2f} / {best.subject_db:.2f} ({strengths})"

    lines = ([c.name.replace("-", ", "), *map(cell, peers[c.name])] for c in clips)
    return table(head, lines)


def growth_means(runs: list[Run], figure: str) -> dict[str, NDArray[np.float64]]:
    """Per method, (len(GROWTH),): the mean over the clips of ``truth_db`` or ``mean_db``."""
    return {
        f"{key[0]}, {key[1]}": np.mean(
            [[getattr(g, figure) for g in r.growth] for r in mine(runs, key)], axis=0
        )
        for key in keys_of(runs)
    }


def growth_table(runs: list[Run]) -> str:
    """By how many dB the noise of what stands still has shrunk, mean over the clips."""
    lines = []
    for figure, against in (("mean_db", "mean of many frames"), ("truth_db", "truth")):
        for name, values in growth_means(runs, figure).items():
            lines.append([name, against, *(f"{v:.1f}" for v in values)])
    return table(["method", "against", *(f"frame {i}" for i in GROWTH)], lines)


def growth_plot(runs: list[Run], path: Path) -> None:
    """The same as curves: solid for what changes from frame to frame, dashed against the truth."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    colours: dict[str, Any] = {}
    for quantity, style in (("mean_db", "-"), ("truth_db", "--")):
        for name, values in growth_means(runs, quantity).items():
            label = name if style == "-" else None
            (line,) = axes.plot(
                GROWTH, values, style, marker=".", label=label, color=colours.get(name)
            )
            colours[name] = line.get_color()
    axes.set_xlabel("frame")
    axes.set_ylabel("noise removed where nothing moves, dB")
    axes.set_title("Solid: noise that changes from frame to frame. Dashed: all error.", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def crops(clip: BenchClip, index: int, shown: dict[str, Planes], path: Path) -> None:
    """Rows: subject and a still part, for each method. Columns: before, after, removed, error (both ×4)."""
    before, right = bgr(clip.frame(index)), bgr(clip.truth(index))
    rows = []
    for planes in shown.values():
        after = bgr(planes)
        for place in (
            _busiest(clip, index, clip.subject(index)),
            _busiest(clip, index, clip.quiet),
        ):
            rows.append(before_and_after(before, after, right, place))
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


def _busiest(clip: BenchClip, index: int, mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The crop that holds most of the mask's detail."""
    truth = clip.truth(index).y
    detail = np.abs(cv2.Laplacian(truth, cv2.CV_32F)) * mask
    height, width = (min(n, whole) for n, whole in zip(CROP, truth.shape, strict=True))
    sums = cv2.boxFilter(np.minimum(detail, 20) + 4 * mask, -1, (width, height))
    inside = sums[height // 2 : truth.shape[0] - height // 2 + 1]
    inside = inside[:, width // 2 : truth.shape[1] - width // 2 + 1]
    top, left = divmod(int(np.argmax(inside)), inside.shape[1])
    top, left = min(top, truth.shape[0] - height), min(left, truth.shape[1] - width)
    return slice(top, top + height), slice(left, left + width)
