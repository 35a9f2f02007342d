"""The page and the figures of a calibration, for the profile's report folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup

from rtdenoise import pages
from rtdenoise.arrays import Bytes, Floats
from rtdenoise.files import write_bytes, write_json
from rtdenoise.noise import NoiseModel
from rtdenoise.pages import charts

from . import figures
from .noise.figure import noise_charts
from .outcome import Outcome
from .quality import Example
from .trainer import Judgement

_JPEG_QUALITY = 95
_SIZE = (320, 480)  # of the pictures' cut-out, in rows and columns
_WHOLE_WIDTH = 1280  # of the picture with the mask
_DIFFERENCE_LEVELS = 12.0  # removed noise and error are shown within ± so many levels
_OF_EARLIER_VERSIONS = ("noise.png", "pictures.png", "loss.png")


def write_report(outcome: Outcome, folder: Path) -> list[Path]:
    """Writes report.html, report.json, and one frame of the recording as before.jpg and after.jpg.

    Returns:
        The files' paths, the page first.

    Raises:
        StorageError: the folder can't be written.
    """
    page, data = folder / "report.html", folder / "report.json"
    pages.write_page(page, "calibrate", "calibrate.html", _values(outcome))
    write_json(data, outcome.to_json())
    pictures = []
    for name, picture in (("before", outcome.example.before), ("after", outcome.example.after)):
        pictures.append(folder / f"{name}.jpg")
        write_bytes(pictures[-1], _jpeg(picture))
    for name in _OF_EARLIER_VERSIONS:  # they would show another calibration
        (folder / name).unlink(missing_ok=True)
    return [page, data, *pictures]


def _jpeg(picture: Floats) -> bytes:
    """A whole frame, (3, H, W) in [0, 1], as a JPEG that shows its noise."""
    levels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    bgr = np.ascontiguousarray(levels.transpose(1, 2, 0)[:, :, ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()


def _values(outcome: Outcome) -> dict[str, Any]:
    """What the page's template is given."""
    clip, trained = outcome.source.clip, outcome.trained
    moods = {"better": ("good", "✓ better"), "worse": ("bad", "✗ worse")}
    views, ratio = _views(outcome.example)
    contents = [
        ("gain", "What was gained"),
        ("pictures", "Pictures"),
        ("noise", "Noise"),
        *([("training", "Training")] if trained is not None and trained.history else []),
        ("facts", "Facts"),
    ]
    return {
        "camera": clip.camera.name,
        "contents": contents,
        "network": outcome.network,
        "mood": moods.get(outcome.quality.verdict, ("warn", "no clear difference")),
        "gain": figures.gain(outcome),
        "places": outcome.quality.places,
        "headings": figures.headings(outcome),
        "rows": list(figures.rows(outcome)),
        "sentence": outcome.fine_tuning.sentence if outcome.fine_tuning is not None else "",
        "remarks": outcome.remarks,
        "slider": (pages.View("Before", views[0].source), views[1]),
        "views": views,
        "ratio": ratio,
        "levels": _DIFFERENCE_LEVELS,
        "judged": _judged_places(outcome.example),
        "noise": list(figures.noise(outcome)),
        "noise_charts": noise_charts(outcome.noise),
        "curves": _curves(outcome.noise),
        "training": _training(outcome),
        "facts": list(_facts(outcome)),
    }


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    clip, trained = outcome.source.clip, outcome.trained
    yield "Camera", clip.camera.name
    yield "Mode", str(clip.mode)
    yield "Recording", str(clip.path)
    yield "Frames", f"{sum(s.count for s in clip.accepted)} in {len(clip.accepted)} series"
    if trained is not None:
        yield "Training", f"{trained.steps} steps in {trained.elapsed_s / 60:.1f} minutes"
    yield "Noise model", str(outcome.source.profile.noise_path)
    if outcome.network_path is not None:
        yield "Network", str(outcome.network_path)


def _views(example: Example) -> tuple[list[pages.View], str]:
    """A detail before and after, what was removed, and what of the error is left; and its shape."""
    rows, columns = _cut(example)

    def shown(x: Floats) -> str:
        levels = np.rint(255 * np.clip(x[:, rows, columns], 0, 1))
        return pages.encoded(levels.astype(np.uint8).transpose(1, 2, 0))

    def difference(x: Floats) -> str:
        levels = 255 * x[:, rows, columns].mean(axis=0)
        known = example.mask[rows, columns]
        return pages.encoded(pages.diverging(levels, _DIFFERENCE_LEVELS, known), 90)

    after, rival = "After", example.rival
    if rival is not None:
        after = f"{example.method.capitalize()} (kept)"
    reference = pages.View("Mean of the series", shown(example.reference), "nearly free of noise")
    return [
        pages.View("Before", shown(example.before)),
        pages.View(after, shown(example.after)),
        *([] if rival is None else [pages.View(rival[0].capitalize(), shown(rival[1]))]),
        reference,
        pages.View("Removed", difference(example.before - example.after), "before less after"),
        pages.View("Error before", difference(example.before - example.reference)),
        pages.View("Error after", difference(example.after - example.reference)),
    ], f"{columns.stop - columns.start} / {rows.stop - rows.start}"


def _cut(example: Example) -> tuple[slice, slice]:
    """The part with the most detail, away from what moves: there one sees what a denoiser takes away."""
    height, width = example.mask.shape
    rows, columns = min(_SIZE[0], height), min(_SIZE[1], width)
    grey = example.reference.mean(axis=0)
    detail = np.zeros_like(grey)
    detail[1:, 1:] = np.abs(np.diff(grey, axis=0))[:, 1:] + np.abs(np.diff(grey, axis=1))[1:]
    detail = np.where(example.mask, np.minimum(detail, 0.1), -0.02)
    summed = np.pad(detail.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = summed[rows:, columns:] - summed[:-rows, columns:]
    inside = inside - summed[rows:, :-columns] + summed[:-rows, :-columns]
    top, left = (int(i) for i in np.unravel_index(int(inside.argmax()), inside.shape))
    return slice(top, top + rows), slice(left, left + columns)


def _judged_places(example: Example) -> pages.View:
    """The mean picture, red where nothing was judged."""
    levels: Bytes = np.rint(255 * np.clip(example.reference, 0, 1)).astype(np.uint8)
    marked = pages.overlaid(levels.transpose(1, 2, 0), ~example.mask)
    picture = pages.encoded(pages.shrunk(marked, _WHOLE_WIDTH), 86)
    return pages.View("Where it was judged", picture)


def _curves(noise: NoiseModel) -> list[tuple[int, list[float]]]:
    """The standard deviation of Y, U and V at some levels, for those who read figures rather than curves."""
    tables = [np.sqrt(plane.curve.table()) for plane in (noise.y, noise.u, noise.v)]
    return [(level, [float(t[level]) for t in tables]) for level in range(16, 256, 32)]


def _training(outcome: Outcome) -> list[pages.Chart]:
    """The gain where the network doesn't learn, against time, and the training loss."""
    if outcome.trained is None or not outcome.trained.history:
        return []
    history, live = outcome.trained.history, outcome.fine_tuning is not None
    where = "clips with motion" if live else "held-out places"
    loss = "logarithm of the error" if live else "squared error, relative to the noise"
    return [
        pages.Chart(
            "Gain while training.",
            _gain_curve(history, choose=not live),
            f"In {where}, over the input. The circle is the state that was kept.",
        ),
        pages.Chart("Training loss.", _loss_curve(history, loss), f"It is the {loss}."),
    ]


def _gain_curve(history: tuple[Judgement, ...], *, choose: bool) -> Markup:
    """With ``choose`` the best state was kept, else the last."""
    figure, ax = pages.chart()
    minutes = [j.elapsed_s / 60 for j in history]
    gains = [j.gain_db for j in history]
    ax.plot(minutes, gains, color=charts.ACCENT, marker=".")
    best = int(np.argmax(gains)) if choose else len(gains) - 1
    ax.plot(minutes[best], gains[best], "o", color=charts.ACCENT, mfc="none", ms=11)
    ax.axhline(0, color=charts.MUTED, lw=0.8)
    ax.set(xlabel="minutes", ylabel="gain (dB)")
    return pages.svg(figure, "gain", f"Gain against minutes; {gains[best]:+.2f} dB was kept")


def _loss_curve(history: tuple[Judgement, ...], loss: str) -> Markup:
    figure, ax = pages.chart()
    losses = [j.training_loss for j in history]
    ax.plot([j.elapsed_s / 60 for j in history], losses, color=charts.OTHER, marker=".")
    ax.set(xlabel="minutes", ylabel="loss")
    text = f"{loss} against minutes, from {losses[0]:.3g} to {losses[-1]:.3g}"
    return pages.svg(figure, "loss", text)
