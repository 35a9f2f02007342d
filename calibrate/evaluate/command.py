"""`rtdenoise evaluate`: methods side by side on one camera's own footage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtdenoise.options import camera_option, device_option, json_file_option

if TYPE_CHECKING:
    from rtdenoise.cli import Settings

DEFAULT = "recursive,nano,small,base,large,paper,opencv-nlmeans,nlmeans,atadenoise"


@click.command(name="evaluate", short_help="Compare methods on your own footage.")
@camera_option
@click.option(
    "--methods",
    default=DEFAULT,
    show_default=True,
    metavar="A,B,C",
    help="Which: recursive, live networks, other networks of this camera, opencv-nlmeans, nlmeans, atadenoise, "
    "fftdnoiz, bm3d.",
)
@click.option(
    "--frames", type=click.IntRange(1, 20), default=4, show_default=True, help="Frames judged."
)
@device_option
@json_file_option
@click.pass_obj
def command(
    settings: Settings,
    camera: str | None,
    methods: str,
    frames: int,
    device: str,
    json_path: Path | None,
) -> None:
    """Compare methods on held-out frames of your camera, without a clean picture.

    Each method cleans frames that no training has seen. uPSNR compares the result's luma with noisy frames that come
    later and is free of the bias that PSNR against the series mean has. The gain is split into flat places, textured
    ones and edges. Other programs' filters run in several
    strengths, and their best counts.
    """
    from rtdenoise.profile import refuse_profile

    from .run import evaluate
    from .table import show_table

    if json_path is not None:
        refuse_profile(json_path, settings.home)
    result = evaluate(
        camera,
        methods=[name.strip() for name in methods.split(",") if name.strip()],
        frames=frames,
        device=device,
        home=settings.home,
        named=methods != DEFAULT,
    )
    if json_path is not None:
        from rtdenoise.files import write_figures

        if write_figures(json_path, result.to_json()):
            return
    show_table(result)
