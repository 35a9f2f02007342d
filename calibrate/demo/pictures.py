"""The pictures of the demo: the frame split in two, details side by side, the gain as time goes on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from rtdenoise.files import write_bytes

from ..pictures import (
    NOISE_GAIN,
    Rgb,
    difference_picture,
    rgb_picture,
    save_figure,
    save_grid,
    split_picture,
)
from .measure import Comparison, Moment


def draw_split(moment: Moment, path: Path) -> None:
    """The camera's frame on the left, the cleaned one on the right."""
    joined = split_picture(rgb_picture(moment.noisy), rgb_picture(moment.clean))
    done, data = cv2.imencode(".png", np.ascontiguousarray(joined[..., ::-1]))
    assert done
    write_bytes(path, data.tobytes())


def draw_details(moment: Moment, path: Path, size: int = 240) -> None:
    """Two details (the moving subject, the finest still structure), before, after, true, removed, error."""
    noisy, clean, true = (rgb_picture(p) for p in (moment.noisy, moment.clean, moment.truth))
    size = min(size, *(s // 2 for s in noisy.shape[:2]))
    rows = []
    for name, (top, left) in _places(moment, size).items():
        cut = np.s_[top : top + size, left : left + size]
        n, c, t = noisy[cut], clean[cut], true[cut]
        row: list[tuple[str, Rgb]] = [
            (f"{name}: camera", n),
            ("rtdenoise", c),
            ("truth", t),
            (f"removed ×{NOISE_GAIN}", difference_picture(n, c)),
            (f"error ×{NOISE_GAIN}", difference_picture(c, t)),
        ]
        rows.append(row)
    save_grid(rows, path)


def _places(moment: Moment, size: int) -> dict[str, tuple[int, int]]:
    """Where to look closely: the middle of the subject, and the still square with the most fine structure."""
    height, width = moment.truth.y.shape
    places = {}
    rows, columns = np.nonzero(moment.subject)
    if rows.size:
        top = int(np.clip(np.median(rows) - size / 2, 0, height - size))
        left = int(np.clip(np.median(columns) - size / 2, 0, width - size))
        places["moving"] = (top, left)
    best, where = -1.0, (0, 0)
    for top in range(0, height - size + 1, size // 2):
        for left in range(0, width - size + 1, size // 2):
            cut = np.s_[top : top + size, left : left + size]
            if moment.subject[cut].any():
                continue
            luma = moment.truth.y[cut].astype(np.float32)
            structure = float(np.abs(np.diff(luma, axis=1)).mean())
            if structure > best:
                best, where = structure, (top, left)
    places["still"] = where
    return places


def draw_gain(comparison: Comparison, path: Path) -> None:
    """Luma PSNR of each frame, before and after, in the whole picture and in the moving subject."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    axis = figure.add_subplot()
    curves = (
        ("rtdenoise", comparison.clean_db, "tab:green", "-"),
        ("rtdenoise, moving subject", comparison.subject_clean_db, "tab:green", "--"),
        ("camera", comparison.noisy_db, "tab:red", "-"),
        ("camera, moving subject", comparison.subject_noisy_db, "tab:red", "--"),
    )
    for name, values, colour, style in curves:
        if np.isfinite(values).any():
            axis.plot(values, style, color=colour, label=name)
    axis.set(xlabel="frame", ylabel="luma PSNR against the truth [dB]")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, ncols=2)
    save_figure(figure, path)
