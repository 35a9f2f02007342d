"""`rtdenoise bench`: what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import device_option, json_file_option, parse_size

if TYPE_CHECKING:
    from ..bench import Bench, Pass
    from ..cli import Settings


@click.command(name="bench")
@click.option(
    "--size",
    metavar="WxH",
    default="1920x1080",
    show_default=True,
    callback=parse_size,
    help="Size of the frames.",
)
@device_option
@json_file_option
@click.pass_obj
def command(settings: Settings, size: tuple[int, int], device: str, json_path: Path | None) -> None:
    """Measure what this machine can do.

    Sends frames of the simulated camera through the live loop, as fast as they go: decoded, cleaned by the recursive
    filter and by each live network on each device that is there, and thrown away. What is found is kept, and live and
    calibrate choose by it. Close other programs, or leave those open that run during a call.

    \b
      rtdenoise bench
      rtdenoise bench --size 1280x720
    """
    import cv2

    from ..bench import measure, steps
    from ..console import progress
    from ..files import write_figures
    from ..machine import Machine, machine_path
    from ..networks.device import devices, pick_device
    from ..profile import refuse_profile

    cv2.setNumThreads(1)  # as in a call: the stages run side by side
    if json_path is not None:
        refuse_profile(json_path, settings.home)
    names = devices() if device == "auto" else [pick_device(device).type]
    path = machine_path(settings.home)
    known = Machine.load(path)
    with progress("Measuring", steps(names), "steps") as ticker:
        bench = measure(size, names, known, ticker)
    known.save(path)
    if json_path is None or not write_figures(json_path, bench.to_json()):
        _show(bench)


def _show(bench: Bench) -> None:
    from rich.table import Table

    from ..bench import RATE_FPS
    from ..console import plain, show
    from ..machine import SPARE, facts

    machine = facts()
    width, height = bench.size
    cores = f"{machine['cores']} core" + ("s" if machine["cores"] != 1 else "")
    title = f"{width}×{height} on {machine['cpu']}, {cores}"
    table = Table(title=plain(title), title_justify="left", title_style="bold")
    for heading in ("", "device"):
        table.add_column(heading, no_wrap=True)
    for heading in ("still, ms", "moving, ms", "whole path", "with ⅓ to spare", f"{RATE_FPS} fps"):
        table.add_column(heading, justify="right", no_wrap=True)
    kilobytes = f"decode MJPEG, {bench.packet_bytes / 1000:.0f} kB"
    table.add_row(kilobytes, "cpu", f"{bench.decode.p50_ms:.1f} / {bench.decode.p95_ms:.1f}")
    for method in bench.methods:
        marks = [method.spare_fps >= RATE_FPS, method.rate_fps >= RATE_FPS]
        mark = "[green]✓[/]" if marks[0] else "[yellow]just[/]" if marks[1] else "[red]✗[/]"
        table.add_row(
            method.name,
            plain(method.hardware or method.device),
            _times(method.scenes["still"]),
            _times(method.scenes["moving"]),
            f"{method.rate_fps:.1f} fps",
            f"{method.spare_fps:.1f} fps",
            mark,
        )
    for time in bench.paper:
        keeps = "[green]✓[/]" if time.frame_s * RATE_FPS <= SPARE else "[red]✗[/]"
        figure = f"~{time.frame_s * 1e3:.0f}"
        device = plain(time.hardware or time.device)
        table.add_row("paper (from one tile)", device, figure, figure, "", "", keeps)
    show(table)
    show("Cleaning per frame, median / 95 %, in the live loop with decoding beside it.")
    show("The paper's network: one view of a frame, estimated from one tile.")
    for command_name, (_, reason) in bench.choices.items():
        show("[bold]rtdenoise {}[/]: {}", command_name, reason)


def _times(scene: Pass) -> str:
    return f"{scene.clean.p50_ms:.1f} / {scene.clean.p95_ms:.1f}"
