"""`rtdenoise evaluate`: methods side by side on one camera's own footage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtdenoise.options import (
    Amount,
    camera_option,
    device_option,
    json_file_option,
    parse_size,
)

if TYPE_CHECKING:
    from rtdenoise.cli import Settings


@click.command(name="evaluate", short_help="Compare methods on your own footage.")
@camera_option
@click.option(
    "--paper",
    is_flag=True,
    help="The paper's protocol: trains every method, an hour in all. A simulated camera films what it takes.",
)
@click.option("--quick", is_flag=True, help="The same made small, in minutes, for a trial.")
@click.option(
    "--minutes",
    type=Amount("min", 24 * 60, 0.01),
    metavar="M",
    help="How long each method learns. Default: 4, with --quick 0.4.",
)
@click.option(
    "--methods",
    metavar="A,B,C",
    help="Which: opencv-nlmeans, opencv-nlmeans-multi, nlmeans, atadenoise, fftdnoiz, bm3d; recursive; nano-base, …; "
    "this camera's networks; with --paper nano-calibrated, … and those that learn. Default: all but bm3d.",
)
@click.option(
    "--frames",
    type=click.IntRange(1, 20),
    help="Frames judged of each series. Default: 4, with --paper 1.",
)
@click.option(
    "--other",
    metavar="C",
    help="With --paper: another camera, for networks that learned on the first one. Default: with a simulated camera, "
    "another one.",
)
@click.option(
    "--size",
    callback=parse_size,
    metavar="WxH",
    help="Of the pictures that a simulated camera films. Default: 1920x1080, with --quick 640x360.",
)
@device_option
@json_file_option
@click.pass_obj
def command(
    settings: Settings,
    camera: str | None,
    paper: bool,
    quick: bool,
    minutes: float | None,
    methods: str | None,
    frames: int | None,
    other: str | None,
    size: tuple[int, int] | None,
    device: str,
    json_path: Path | None,
) -> None:
    """Compare methods on held-out frames of your camera, without a clean picture.

    Each method cleans frames that no training has seen. uPSNR compares the result's luma with noisy frames that come
    later and is free of the bias that PSNR against the series mean has. Other programs' filters run in several
    strengths; which one counts is decided on other frames. With --paper every method of the paper's Table 1 is
    trained on the same series for the same time. A run that was stopped goes on when you start it again.
    """
    from rtdenoise.profile import refuse_profile

    from .protocol import OWN, PAPER, QUICK
    from .run import Request, evaluate

    if json_path is not None:
        refuse_profile(json_path, settings.home)
    learning = paper or quick
    if not learning and (minutes is not None or other is not None or size is not None):
        raise click.UsageError("--minutes, --other and --size go with --paper or --quick.")
    from rtdenoise.console import progress, say, show

    given = {
        "--camera": camera,
        "--paper": paper,
        "--quick": quick,
        "--minutes": minutes,
        "--methods": methods,
        "--frames": frames,
        "--other": other,
        "--size": None if size is None else f"{size[0]}x{size[1]}",
        "--device": None if device == "auto" else device,
    }
    request = Request(
        camera=camera,
        protocol=QUICK if quick else PAPER if paper else OWN,
        methods=None
        if methods is None
        else tuple(filter(None, (n.strip() for n in methods.split(",")))),
        minutes=minutes,
        frames=frames,
        other=other,
        size=size,
        device=device,
        home=settings.home,
        words=("rtdenoise", "evaluate", *_words(given)),
    )
    try:
        result = evaluate(request, progress, say)
    except KeyboardInterrupt:
        say("What is done is kept: the same command goes on from there.")
        raise
    if json_path is not None:
        from rtdenoise.files import write_figures

        if write_figures(json_path, result.to_json()):
            return
    from .table import show_table

    show_table(result)
    show("Report: {}", result.page)


def _words(given: Mapping[str, object]) -> Iterator[str]:
    """The options as a person would type them."""
    for name, value in given.items():
        if value is True:
            yield name
        elif value is not None and value is not False:
            yield from (name, f"{value:g}" if isinstance(value, float) else str(value))
