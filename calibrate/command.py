"""`rtdenoise calibrate`: learns a camera's noise from what was recorded with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtdenoise.errors import RtdenoiseError
from rtdenoise.options import Amount, FilePath, camera_option, device_option

if TYPE_CHECKING:
    from rtdenoise.cli import Settings

    from .outcome import Outcome
    from .progress import Progress


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
            _show(outcome, files[0])
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


def _show(outcome: Outcome, page: Path) -> None:
    from rich.table import Table

    from rtdenoise.console import show

    from . import figures

    quality = outcome.quality
    table = Table(title=f"{outcome.network}: {quality.places}", title_justify="left")
    for heading in ("", "before", *figures.headings(outcome)):
        table.add_column(heading, no_wrap=True)
    for row in figures.rows(outcome):
        table.add_row("  " * row.part + row.title, row.before, *row.after)
    show(table)
    if outcome.fine_tuning is not None:
        show("{}", outcome.fine_tuning.sentence)
    marks = {"better": "[green]✓ Better[/]", "worse": "[red]✗ Worse[/]"}
    show(f"{marks.get(quality.verdict, 'No clear difference')}: {figures.gain(outcome)}")
    for remark in outcome.remarks:
        show("[yellow]![/] {}", remark)
    for sentence in figures.noise(outcome):
        show(sentence)
    show("Report: {}", page)
    if outcome.network_path:
        show("Network: {}", outcome.network_path)
