"""`rtdenoise calibrate`: learns a camera's noise from what was recorded with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtdenoise.errors import RtdenoiseError
from rtdenoise.options import Amount, FilePath, camera_option, device_option

if TYPE_CHECKING:
    from rich.table import Table

    from rtdenoise.cli import Settings

    from .outcome import Outcome
    from .progress import Progress
    from .still_errors import PlaceFigures

_CLASSES = (("flat", "  flat"), ("textured", "  textured"), ("edge", "  edges"))


@click.command(name="calibrate")
@camera_option
@click.option(
    "--network",
    type=click.Choice(["nano", "small", "base", "large", "recursive", "paper"]),
    help="What to make ready: a live network of that size is fine-tuned; recursive needs the noise model only; paper "
    "is trained. Default: the live network that suits this machine.",
)
@click.option(
    "--minutes",
    type=Amount("minutes", most=1e6),
    help="How long to train. Default: 5 for a live network, 10 for paper.",
)
@device_option
@click.option(
    "--clip",
    type=FilePath(),
    help="Use this recording rather than the camera's newest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option(
    "--json-lines",
    is_flag=True,
    help="Print how it goes on, and the figures at the end, as a JSON object per line, for programs.",
)
@click.pass_obj
def command(
    settings: Settings,
    camera: str | None,
    network: str | None,
    minutes: float | None,
    device: str,
    clip: Path | None,
    as_json: bool,
    json_lines: bool,
) -> None:
    """Learn the noise of a camera from still scenes.

    Takes the newest recording of rtdenoise capture, measures how much the camera's noise varies with brightness and
    how it is correlated, and fine-tunes a live network to it, without ever seeing a clean picture. Whether the
    fine-tuned network or the one it came from is better is judged where it has not learned, and the better one is
    kept. A training that is stopped goes on at the next call.

    \b
      rtdenoise calibrate
      rtdenoise calibrate --minutes 20
      rtdenoise calibrate --network paper --minutes 60
      rtdenoise calibrate --camera file:evening.mkv
    """
    if not json_lines:
        from rtdenoise.console import progress, say, show_json

        outcome, files = _calibrated(
            settings, camera, network, minutes, device, clip, progress, say
        )
        if as_json:
            show_json(_figures(outcome, files))
        else:
            _show(outcome, files)
        return
    from . import json_lines as lines

    try:
        outcome, files = _calibrated(
            settings, camera, network, minutes, device, clip, lines.progress, lines.say
        )
    except RtdenoiseError as error:
        lines.failed(error)
        raise
    lines.emit(result=_figures(outcome, files))


def _calibrated(
    settings: Settings,
    camera: str | None,
    network: str | None,
    minutes: float | None,
    device: str,
    clip: Path | None,
    progress: Progress,
    say: Callable[..., None],
) -> tuple[Outcome, list[Path]]:
    """Calibrates, and writes the report; what came of it, and the report's files."""
    from rtdenoise.machine import Machine, machine_path

    from .sources import find_source

    with progress("Looking for still series", None) as ticker:
        source = find_source(camera, clip, settings.home, ticker)
    say("Calibrating [bold]{}[/] with {}", source.clip.camera.name, source.clip.path)

    from .report import write_report
    from .run import calibrate

    try:
        outcome = calibrate(
            source,
            network=network,
            minutes=minutes,
            device=device,
            progress=progress,
            say=say,
            machine=Machine.load(machine_path(settings.home)),
        )
    except KeyboardInterrupt:
        again = "" if network == "recursive" else " Run the same command again to go on."
        say(f"Stopped.{again}")
        raise click.exceptions.Exit(1) from None
    return outcome, write_report(outcome, source.profile.report_folder)


def _figures(outcome: Outcome, files: list[Path]) -> dict[str, Any]:
    return {**outcome.to_json(), "report": [str(path) for path in files]}


def _show(outcome: Outcome, files: list[Path]) -> None:
    from rich.table import Table

    from rtdenoise.console import show

    quality = outcome.quality
    tuning = outcome.fine_tuning
    table = Table(title=f"{outcome.network}: {quality.places}", title_justify="left")
    after = [("after", quality)]
    if tuning is not None:
        after = [("base", tuning.base), ("fine-tuned", tuning.tuned)]
    for heading in ("", "before", *(name for name, _ in after)):
        table.add_column(heading, no_wrap=True)
    table.add_row(
        "PSNR (biased)",
        f"{quality.psnr_before_db:.2f} dB",
        *(f"{q.psnr_after_db:.2f} dB" for _, q in after),
    )
    table.add_row(
        "uPSNR",
        _interval(quality.upsnr_before_db),
        *(_interval(q.upsnr_after_db) for _, q in after),
    )
    for name, title in (*_CLASSES, ("chroma", "chroma")):
        _split_row(table, title, name, [q.split for _, q in after])
    if quality.whole != quality.split:
        for name, title in (("all", "whole picture"), *_CLASSES):
            _split_row(table, title, name, [q.whole for _, q in after])
    if tuning is not None:
        gains = (tuning.base_motion, tuning.tuned_motion)
        table.add_row("synthetic motion", "", *(_signed(g.whole_db) for g in gains))
        table.add_row("  where it moves", "", *(_signed(g.moving_db) for g in gains))
    show(table)
    if tuning is not None:
        show("{}", tuning.sentence)
    marks = {"better": "[green]✓ Better[/]", "worse": "[red]✗ Worse[/]"}
    gain = quality.gain_db
    show(
        f"{marks.get(quality.verdict, 'No clear difference')}: {gain.value:+.2f} dB of uPSNR "
        f"({gain.low:+.2f} … {gain.high:+.2f})"
    )
    for remark in outcome.remarks:
        show("[yellow]![/] {}", remark)
    model = outcome.noise
    at_middle = [float(p.curve.variance(128.0)) ** 0.5 for p in (model.y, model.u, model.v)]
    show("Noise at level 128 (Y, U, V): " + ", ".join(f"{s:.2f}" for s in at_middle) + " levels")
    y = model.y
    lags = ", ".join(f"{lag:+.2f}" for lag in y.temporal_correlation)
    show(
        f"Luma: fixed pattern {_level(y.fixed_pattern_std)}, row flicker {_level(y.row_flicker_std)}, "
        f"correlation between frames {lags}"
    )
    show("Report: {}", files[-1].parent)
    if outcome.network_path:
        show("Network: {}", outcome.network_path)


def _split_row(table: Table, title: str, place: str, after: list[dict[str, PlaceFigures]]) -> None:
    """A row of what was gained in a place, where there is enough of it."""
    found = [figures[place] for figures in after if place in figures]
    if len(found) == len(after):
        before = f"{found[0].before_db.value:.2f} dB"
        gains = (f"{f.after_db.value:.2f} dB ({f.gain_db.value:+.2f})" for f in found)
        table.add_row(title, before, *gains)


def _signed(gain_db: float) -> str:
    return "–" if math.isnan(gain_db) else f"{gain_db:+.2f} dB"


def _level(std: float) -> str:
    return "not measured" if math.isnan(std) else f"{std:.2f}"


def _interval(value: Any) -> str:
    return f"{value.value:.2f} dB ({value.low:.2f} … {value.high:.2f})"
