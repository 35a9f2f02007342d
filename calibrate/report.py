"""Pictures and figures of a calibration, for the profile's report folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.files import write_bytes, write_json

from .noise.figure import draw_noise
from .outcome import Outcome
from .quality import Example
from .trainer import Judgement

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_JPEG_QUALITY = 95
_SIDE = 240  # of the pictures' cut-out, in pixels
_DIFFERENCE_LEVELS = 12.0  # removed noise and error are shown within ± so many levels


def write_report(outcome: Outcome, folder: Path) -> list[Path]:
    """Writes noise.png, pictures.png, before.jpg, after.jpg, loss.png (where something was trained) and report.json.

    Returns:
        The files' paths.

    Raises:
        StorageError: the folder can't be written.
    """
    figures = {
        "noise.png": draw_noise(outcome.noise),
        "pictures.png": draw_example(outcome.example),
    }
    if outcome.trained is not None and outcome.trained.history:
        live = outcome.fine_tuning is not None
        where = "clips with motion" if live else "held-out places"
        loss = "logarithm of the error" if live else "squared error, relative to the noise"
        figures["loss.png"] = draw_loss(outcome.trained.history, where, loss, choose=not live)
    written = []
    for name, figure in figures.items():
        data = io.BytesIO()
        figure.savefig(data, format="png", dpi=110)
        write_bytes(folder / name, data.getvalue())
        written.append(folder / name)
    for name, picture in (("before", outcome.example.before), ("after", outcome.example.after)):
        write_bytes(folder / f"{name}.jpg", _jpeg(picture))
        written.append(folder / f"{name}.jpg")
    if "loss.png" not in figures:
        (folder / "loss.png").unlink(missing_ok=True)
    write_json(folder / "report.json", outcome.to_json())
    return [*written, folder / "report.json"]


def _jpeg(picture: NDArray[np.float32]) -> bytes:
    """A whole frame, (3, H, W) in [0, 1], as a JPEG that shows its noise."""
    levels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    bgr = np.ascontiguousarray(levels.transpose(1, 2, 0)[:, :, ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()


def _figure(width: float, height: float) -> Figure:
    # Not pyplot: it keeps figures alive and may look for a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_loss(
    history: tuple[Judgement, ...], where: str, loss: str, *, choose: bool = True
) -> Figure:
    """The gain where the network doesn't learn, against time, and the training loss.

    Args:
        history: The judgements.
        where: What they were made on, for people.
        loss: What the loss is, for people.
        choose: The best state was kept, not the last.
    """
    figure = _figure(8, 3.6)
    left = figure.subplots()
    minutes = [j.elapsed_s / 60 for j in history]
    gains = [j.gain_db for j in history]
    left.plot(minutes, gains, color="#2b6cb0", marker=".", label=f"gain in {where}")
    best = int(np.argmax(gains)) if choose else len(gains) - 1
    left.plot(minutes[best], gains[best], "o", color="#2b6cb0", mfc="none", ms=11, label="kept")
    left.axhline(0, color="#999999", lw=0.8)
    left.set(title="Training", xlabel="minutes", ylabel="gain over the input (dB)")
    right = left.twinx()
    losses = [j.training_loss for j in history]
    right.plot(minutes, losses, color="#c0392b", alpha=0.6, label="training loss (right axis)")
    right.set_ylabel(loss)
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    left.legend(handles, [str(h.get_label()) for h in handles], fontsize=8, loc="best")
    return figure


def _cut(example: Example) -> tuple[slice, slice]:
    """The square with the most detail, away from what moves: there one sees what a denoiser takes away."""
    height, width = example.mask.shape
    rows, columns = min(_SIDE, height), min(_SIDE, width)
    grey = example.reference.mean(axis=0)
    detail = np.zeros_like(grey)
    detail[1:, 1:] = np.abs(np.diff(grey, axis=0))[:, 1:] + np.abs(np.diff(grey, axis=1))[1:]
    detail = np.where(example.mask, np.minimum(detail, 0.1), -0.02)
    summed = np.pad(detail.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = summed[rows:, columns:] - summed[:-rows, columns:]
    inside = inside - summed[rows:, :-columns] + summed[:-rows, :-columns]
    top, left = (int(i) for i in np.unravel_index(int(inside.argmax()), inside.shape))
    return slice(top, top + rows), slice(left, left + columns)


def draw_example(example: Example) -> Figure:
    """A detail before and after, what was removed, and what of the error is left."""
    rows, columns = _cut(example)

    def shown(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(x[:, rows, columns].transpose(1, 2, 0), 0, 1)

    def difference(x: NDArray[np.float32]) -> NDArray[np.float32]:
        levels = np.where(example.mask, x.mean(axis=0), np.nan) * 255
        return np.asarray(levels[rows, columns], np.float32)

    tall = 2 * (columns.stop - columns.start) < rows.stop - rows.start
    figure = _figure(11, 5.6) if tall else _figure(11, 7.2)
    axes = (figure.subplots(1, 6) if tall else figure.subplots(2, 3)).ravel()
    after = "After" if example.rival is None else f"{example.method.capitalize()} (kept)"
    third = ("Mean of others", example.reference)
    if example.rival is not None:
        third = (example.rival[0].capitalize(), example.rival[1])
    for ax, picture, title in (
        (axes[0], shown(example.before), "Before"),
        (axes[1], shown(example.after), after),
        (axes[2], shown(third[1]), third[0]),
    ):
        ax.imshow(picture, interpolation="nearest")
        ax.set_title(title)
    for ax, levels, title in (
        (axes[3], difference(example.before - example.after), "Removed"),
        (axes[4], difference(example.after - example.reference), "Error after"),
        (axes[5], difference(example.before - example.reference), "Error before"),
    ):
        image = ax.imshow(
            levels,
            cmap="RdBu_r",
            vmin=-_DIFFERENCE_LEVELS,
            vmax=_DIFFERENCE_LEVELS,
            interpolation="nearest",
        )
        ax.set_facecolor("#bbbbbb")
        ax.set_title(title)
    figure.colorbar(image, ax=axes[3:], shrink=0.7, label="levels of 255 (grey: moves)")
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])
    return figure
