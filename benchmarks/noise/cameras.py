"""The facts of cameras' noise: its strength in flat places and at edges, its correlation, how steady the light is.

    python -m benchmarks.noise.cameras CLIP… [--json F] [--page docs/real-cameras.md] [--picture docs/real-cameras.png]

A clip is a file, or a simulated camera (``simulated:room?processing=strong``). Nothing but figures is kept or drawn.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibrate.noise.structure import StructureTally
from rtdenoise.cameras import open_camera
from rtdenoise.frames import Planes, planes_from_frame
from rtdenoise.noise.structure import BOUNDS, GROUP_NAMES, StructureNoise

from ..common import fill, table
from .facts import GRADIENTS, GROUPS, Facts, facts, still_mask

_SIMULATED_SIZE = (960, 540)
_MOST_FRAMES = 180
_STRUCTURED = 100  # blocks that aren't nearly flat
_SHOWN = 60  # frames whose brightness is drawn


def frames_of(clip: str, frames: int) -> tuple[str, list[Planes]]:
    """A clip's name, and its first frames."""
    simulated = clip.startswith("simulated")
    spec = clip if simulated else f"file:{clip}"
    camera = open_camera(spec, size=_SIMULATED_SIZE if simulated else None)
    try:
        kept = [planes_from_frame(frame).copy() for frame in islice(camera.frames(), frames)]
    finally:
        camera.close()
    return clip if simulated else Path(clip).stem, kept


def luma_of(frames: list[Planes]) -> NDArray[np.uint8]:
    """The frames' luma, (N, H, W)."""
    return np.stack([frame.y for frame in frames])


def structure(frames: list[Planes]) -> StructureNoise | None:
    """What calibration would find of the noise against structure, with the benchmark's mask."""
    mask, _ = still_mask(luma_of(frames))
    tally = StructureTally()
    tally.add_series(frames, mask)
    return tally.result()


def structure_table(found: dict[str, StructureNoise | None]) -> str:
    """Ratios and blocks per bin, of the clips that aren't flat all over."""
    bounds = [f"{b:g}" for b in BOUNDS]
    bins = [f"<{bounds[0]}", *(f"{a}–{b}" for a, b in pairwise(bounds)), f">{bounds[-1]}"]
    lines: list[list[str]] = []
    for name, noise in found.items():
        if noise is None or sum(noise.counts[3:]) < _STRUCTURED:
            continue
        lines.append([f"`{_short(name)}`", "blocks", *map(str, noise.counts)])
        for group, row in zip(GROUP_NAMES, noise.ratios, strict=True):
            shown = (_number(v) if c else "–" for v, c in zip(row, noise.counts, strict=True))
            lines.append(["", group, *shown])
    return table(["clip", "coefficients", *bins], lines)


def _short(name: str) -> str:
    """A clip's name without its length."""
    return re.sub(r"(?<=[?&])frames=\d+&?", "", name).rstrip("?&")


def tables(found: Iterable[Facts]) -> dict[str, str]:
    """The page's tables, by the name of their marks."""
    every = list(found)
    strength = table(
        ["clip", "size, frames", "still", "edges", "std flat", "std edges", "ratio", *GROUPS],
        (
            [
                _named(f),
                f"{f.size}, {f.frames}",
                f"{f.still:.0%}",
                f"{f.edges:.1%}",
                _number(f.flat_std, 2),
                _number(f.edge_std, 1),
                *(_number(v) for v in (f.ratio, *f.coefficients)),
            ]
            for f in every
        ),
    )
    likeness = table(
        ["clip", "flat", "along edges", "across edges", "lag 1 flat", "lag 1 edges", "steps"],
        (
            [
                _named(f),
                *(_number(v, 2) for v in (f.neighbours, f.along, f.across)),
                *(_number(v, 2, "+") for v in (f.flat_lag1, f.edge_lag1)),
                f"{f.step_rms:.1%} (at most {f.step_max:.1%})",
            ]
            for f in every
        ),
    )
    return {"strength": strength, "likeness": likeness}


def _named(found: Facts) -> str:
    return f"`{_short(found.name)}`"


def _number(value: float | None, digits: int | None = None, sign: str = "") -> str:
    """With so many digits after the point; two digits in all where not told. "–" for nothing."""
    if value is None:
        return "–"
    if digits is None:
        digits = 0 if abs(value) >= 10 else 1
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def draw(path: Path, every: list[Facts]) -> None:
    """Plots of figures, real cameras with full lines, simulated ones with dashed ones."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(13, 10), dpi=92, layout="constrained")
    slopes, coefficients, likeness, light = axes.flat
    middles = [np.sqrt(max(a, 0.35) * min(b, 90.0)) for a, b in pairwise(GRADIENTS)]
    for index, found in enumerate(every):
        real = not found.name.startswith("simulated")
        colour = pyplot.get_cmap("tab20")(index % 20)
        style: dict[str, Any] = {"color": colour, "ls": "-" if real else "--", "marker": "."}
        slopes.plot(middles, _gaps(found.by_gradient), label=_short(found.name), **style)
        if any(v is not None for v in found.coefficients):
            coefficients.plot(GROUPS, _gaps(found.coefficients), **style)
        three = (found.neighbours, found.along, found.across)
        if three[1] is not None:
            likeness.plot(("flat", "along edges", "across edges"), _gaps(three), **style)
        if found.step_max > 0.01:
            light.plot(100 * (np.array(found.gains[:_SHOWN]) - 1), **{**style, "marker": ""})
    for axis, title, across, up in (
        (
            slopes,
            "Noise by structure",
            "rise of the picture [levels per pixel]",
            "variance over flat places'",
        ),
        (
            coefficients,
            "Noise at edges by frequency",
            "DCT coefficients of luma",
            "variance over flat places'",
        ),
        (likeness, "Noise of neighbouring pixels", "", "correlation"),
        (light, "Brightness of frames where it moves by over 1 %", "frame", "difference [%]"),
    ):
        axis.set_title(title, fontsize=11)
        axis.set_xlabel(across)
        axis.set_ylabel(up)
        axis.grid(alpha=0.3)
    slopes.set_xscale("log")
    slopes.set_yscale("log")
    coefficients.set_yscale("log")
    figure.legend(
        *slopes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


def _gaps(values: Iterable[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", metavar="CLIP")
    parser.add_argument("--frames", type=int, default=_MOST_FRAMES, help="at most so many of each")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--page", type=Path, help="the page whose tables to fill in")
    parser.add_argument("--picture", type=Path, help="where to write the plots")
    given = parser.parse_args(arguments)
    every, structures = [], {}
    for clip in given.clips:
        name, frames = frames_of(clip, given.frames)
        every.append(facts(name, luma_of(frames)))
        structures[name] = structure(frames)
    filled = {**tables(every), "structure": structure_table(structures)}
    print("\n\n".join(filled.values()))
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(f) for f in every], indent=1), encoding="utf-8")
    if given.page is not None:
        fill(given.page, filled)
    if given.picture is not None:
        draw(given.picture, every)


if __name__ == "__main__":
    main()
