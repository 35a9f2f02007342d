"""`rtdenoise demo`: capture, calibrate and live on the simulated camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtdenoise.options import FilePath

if TYPE_CHECKING:
    from rtdenoise.cli import Settings


@click.command(name="demo", short_help="Show all of it on the simulated camera.")
@click.option(
    "--folder",
    type=FilePath(file_okay=False),
    default=Path("rtdenoise-demo"),
    show_default=True,
    help="Where the clips, the networks, the pictures and the report go.",
)
@click.option(
    "--quick", is_flag=True, help="A small picture and a few seconds of training: a minute in all."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.pass_obj
def command(settings: Settings, folder: Path, quick: bool, as_json: bool) -> None:
    """Show all of it on the simulated camera, which knows its own noise-free truth.

    Films a still scene in dim light, learns the camera's noise, and cleans the stream of a scene in which
    somebody moves. Ends with pictures, the gain against the truth, and what to type next.
    """
    from .run import run_demo

    run_demo(folder, quick=quick, as_json=as_json, verbose=settings.verbose)
