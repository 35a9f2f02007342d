"""The page of a judged clip: density curves as in the paper's Fig. 1 and 2, what stands still, and each verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from rtdenoise import pages
from rtdenoise.arrays import Bytes, Floats
from rtdenoise.console import counted
from rtdenoise.frames import rgb_frame
from rtdenoise.pages import charts

from .clip import Clip, Series
from .remarks import words_of
from .session import told
from .verdict import LAG1_LIMIT, LEAST_STATIC_FRACTION, SHIFT_LIMIT_PX, SIGMA_LIMIT

_MEAN_FRAMES = 20
_MOST_SCENES = 6
_WIDTH = 1280  # of a picture in the page
# A series whose frames all deviate alike would be a needle; it is drawn with at least this σ.
_LEAST_DRAWN = 2e-5
_SHOWN_STD = 24.0  # levels that the noise's standard deviation becomes
_QUALITY = 86  # of JPEG


def page_path(clip: Clip) -> Path:
    """Where the page is."""
    return clip.path.with_suffix(".html")


def write_page(clip: Clip, path: Path) -> None:
    """Writes what a person may want to know about a clip that was judged.

    Raises:
        ClipError: the clip can't be read.
        StorageError: ``path`` can't be written.
    """
    values = {
        "camera": clip.camera.name,
        "clip": clip,
        "facts": list(_facts(clip)),
        "limits": {
            "sigma": SIGMA_LIMIT,
            "shift": SHIFT_LIMIT_PX,
            "lag1": LAG1_LIMIT,
            "still": LEAST_STATIC_FRACTION,
        },
        "contents": [
            ("series", "Series"),
            ("deviation", "Deviation"),
            ("pictures", "Pictures"),
            ("facts", "Facts"),
        ],
        "frames": sum(series.count for series in clip.accepted),
        "remarks": list(remarks(clip)),
        "charts": _charts(clip),
        "scenes": list(_scenes(clip)),
        "ratio": f"{clip.mode.width} / {clip.mode.height}",
        "most_scenes": _MOST_SCENES,
    }
    pages.write_page(path, "capture", "capture.html", values)


def remarks(clip: Clip) -> Iterator[str]:
    """What is worth saying of the clip beside why a series was refused, each with its cure."""
    refused = {series.reason for series in clip.series}
    yield from (words for words in words_of(clip.facts) if words not in refused)
    damaged = int(clip.facts.get("damaged_packets", 0))
    if damaged:
        yield f"{counted(damaged, 'damaged frame')} {'was' if damaged == 1 else 'were'} left out."
    others = int(clip.facts.get("other_size", 0))
    if others:
        yield (
            f"{others} frames of another size than the first were left out: to use them, cut the recording "
            "where its size changes."
        )


def _facts(clip: Clip) -> Iterator[tuple[str, str]]:
    yield "Camera", clip.camera.name
    yield "Mode", str(clip.mode)
    yield "Frames", str(clip.frames)
    facts = clip.facts
    changed = told(facts)
    if changed:
        yield "While it was filmed", changed
    rate = facts.get("measured_fps")
    if isinstance(rate, (int, float)) and rate:
        yield "Measured rate", f"{rate:.1f} frames/s"
    if facts.get("started"):
        yield "Filmed", str(facts["started"])
    controls = facts.get("controls")
    if isinstance(controls, dict) and controls:
        yield "Settings", ", ".join(f"{name} {value}" for name, value in controls.items())
    yield "Recording", str(clip.path)


def _charts(clip: Clip) -> list[pages.Chart]:
    measured = [(n, s) for n, s in enumerate(clip.series, 1) if s.count > 1 and s.mu > 0]
    if not measured:
        return []
    return [
        pages.Chart(
            "How far frames lie from their mean.",
            _densities(measured),
            "The normal density N(μ, σ) of each series' deviations e: the narrower, the steadier. "
            "Green is fit, red is not.",
        ),
        pages.Chart(
            "How evenly they do, along the clip.",
            _sigmas(clip.frames, measured),
            f"σ of each series against the limit of {SIGMA_LIMIT}.",
        ),
    ]


def _densities(measured: list[tuple[int, Series]]) -> Markup:
    figure, curves = pages.chart()
    low = min(s.mu - 5 * _drawn(s) for _, s in measured)
    high = max(s.mu + 5 * _drawn(s) for _, s in measured)
    x = np.linspace(max(low, 0.0), high, 400)
    for number, series in measured:
        sigma = _drawn(series)
        # Each curve gets points of its own around its peak, which may be narrower than a pixel.
        own = np.union1d(x, series.mu + sigma * np.linspace(-5, 5, 101))
        density = np.exp(-0.5 * ((own - series.mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        style = "-" if series.accepted else "--"
        curves.plot(own, density, style, color=_colour(series), linewidth=1.6)
        place = (series.mu, float(density.max()))
        curves.annotate(
            str(number), place, xytext=(0, 2), textcoords="offset points", ha="center", fontsize=9
        )
    peaks = [1 / (_drawn(s) * np.sqrt(2 * np.pi)) for _, s in measured]
    if max(peaks) > 30 * min(peaks):
        curves.set_yscale("log")
        curves.set_ylim(min(peaks) / 30, max(peaks) * 2)
    else:
        curves.set_ylim(0, max(peaks) * 1.08)
    curves.set_xlim(max(low, 0.0), high)  # a deviation is never negative
    curves.locator_params(axis="x", nbins=5)
    curves.set_xlabel("deviation e of a frame from its series' mean")
    curves.set_ylabel("density of N(μ, σ)")
    told = "; ".join(f"number {n}: μ {s.mu:.4f}, σ {s.sigma:.4f}" for n, s in measured)
    return pages.svg(figure, "densities", f"Density curves of {len(measured)} series: {told}")


def _sigmas(frames: int, measured: list[tuple[int, Series]]) -> Markup:
    from matplotlib.ticker import NullFormatter

    figure, axes = pages.chart()
    for number, series in measured:
        sigma = _drawn(series)
        axes.hlines(sigma, series.first, series.stop, color=_colour(series), linewidth=4)
        axes.annotate(
            str(number),
            ((series.first + series.stop) / 2, sigma),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    axes.axhline(SIGMA_LIMIT, color=charts.MUTED, linestyle="--", linewidth=1)
    axes.annotate(
        f"limit {SIGMA_LIMIT}",
        (1.0, SIGMA_LIMIT),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
    )
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    drawn = [_drawn(s) for _, s in measured]
    axes.set_ylim(min(drawn) / 2, max(SIGMA_LIMIT, *drawn) * 4)
    axes.set_xlim(0, max(frames, 1))
    axes.set_xlabel("frame of the clip")
    axes.set_ylabel("σ")
    over = sum(s.sigma > SIGMA_LIMIT for _, s in measured)
    text = f"σ along the clip; {over} of {len(measured)} series above the limit {SIGMA_LIMIT}"
    return pages.svg(figure, "sigmas", text)


def _colour(series: Series) -> str:
    return charts.GOOD if series.accepted else charts.BAD


def _drawn(series: Series) -> float:
    return max(series.sigma, _LEAST_DRAWN)


@dataclass(frozen=True)
class Scene:
    """A series in pictures."""

    number: int
    series: Series
    views: tuple[pages.View, ...]


def _scenes(clip: Clip) -> Iterator[Scene]:
    """Those that are fit, and where none is, the longest: it shows what went wrong. Six at most."""
    shown = clip.accepted[:_MOST_SCENES]
    if not shown:
        shown = tuple(sorted(clip.series, key=lambda series: -series.count)[:1])
    for series in shown:
        mean, one, count = _mean(clip, series)
        picture = np.rint(mean).astype(np.uint8)
        views = [_view("Mean", picture, f"of {counted(count, 'frame')}")]
        if count > 1:
            views.append(_residual(one, mean))
        if series.accepted:
            marked = pages.overlaid(picture, ~clip.static_mask(series))
            views.append(_view("Still mask", marked, "what moves is red, and left out"))
        yield Scene(clip.series.index(series) + 1, series, tuple(views))


def _mean(clip: Clip, series: Series) -> tuple[Floats, Bytes, int]:
    """The mean of the first frames, (H, W, 3), the last of them, and how many they are."""
    total, frame, count = None, None, 0
    for planes in clip.read(series, _MEAN_FRAMES):
        frame = np.asarray(rgb_frame(planes).to_ndarray(), np.uint8)
        total = frame.astype(np.float32) if total is None else total + frame
        count += 1
    assert total is not None
    assert frame is not None
    return np.asarray(total / np.float32(count), np.float32), frame, count


def _view(title: str, picture: Bytes, note: str) -> pages.View:
    return pages.View(title, pages.encoded(pages.shrunk(picture, _WIDTH), _QUALITY), note)


def _residual(frame: Bytes, mean: Floats) -> pages.View:
    """A frame less the mean, as strong as it takes to see its noise."""
    difference = frame.astype(np.float32) - mean
    # Halved by taking every second pixel, not by means: these would take the noise away.
    step = -(-difference.shape[1] // _WIDTH)
    difference = difference[::step, ::step]
    # By the median: what moves is no noise.
    std = 1.48 * float(np.median(np.abs(difference)))
    factor = float(np.clip(np.rint(_SHOWN_STD / max(std, 1e-6)), 1, 32))
    picture = pages.encoded(pages.amplified(difference, factor), _QUALITY)
    return pages.View("Residual", picture, f"one frame less the mean, {factor:.0f} times as strong")
