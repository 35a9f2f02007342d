"""`rtdenoise live`: the camera's stream, cleaned, as a virtual camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..options import (
    Rate,
    Seconds,
    camera_option,
    device_option,
    network_options,
    parse_brighten,
    parse_size,
    strength_option,
    threads_option,
)

if TYPE_CHECKING:
    from ..cli import Settings
    from ..stream import LiveReport


@click.command(name="live")
@camera_option
@click.option(
    "--output",
    "outputs",
    multiple=True,
    default=("virtual",),
    show_default=True,
    metavar="O",
    help="virtual, virtual:LABEL, pipewire, pipewire:NAME, a file name (.mp4, .mkv, .mov, .avi, .nut), or null to "
    "measure only; several times for several at once.",
)
@network_options
@strength_option
@click.option("--size", metavar="WxH", callback=parse_size, help="Ask the camera for this size.")
@click.option("--fps", type=Rate(), help="Ask the camera for this rate.")
@click.option(
    "--on-demand",
    is_flag=True,
    help="While no program reads the virtual camera, clean nothing, and after a few seconds release the camera.",
)
@click.option(
    "--output-size",
    metavar="WxH",
    callback=parse_size,
    help="Scale to this size, before cleaning; bars where the shape differs.",
)
@click.option("--mirror", is_flag=True, help="Exchange left and right.")
@click.option(
    "--brighten",
    callback=parse_brighten,
    default="0",
    metavar="auto|0..1",
    help="Lift shadows; auto: as far as it is dark and the measured noise allows.",
)
@click.option("--seconds", type=Seconds(), help="Stop after so long.")
@device_option
@threads_option
@click.option("--json", "as_json", is_flag=True, help="Print what was measured as JSON at the end.")
@click.pass_obj
def command(
    settings: Settings,
    camera: str | None,
    outputs: tuple[str, ...],
    network: str | None,
    any_camera: bool,
    strength: float,
    size: tuple[int, int] | None,
    fps: float | None,
    on_demand: bool,
    output_size: tuple[int, int] | None,
    mirror: bool,
    brighten: float | str,
    seconds: float | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Clean a camera's stream in real time and publish it.

    Without --network the live network that was calibrated for the camera cleans it, or else one that suits any
    camera, as far as this machine keeps up with the camera; the recursive filter is the last resort. For a camera
    that was never calibrated the noise is measured while it runs. Ctrl-C ends it.

    What is set for a camera in rtdenoise app (size, rate, virtual camera, strength, …) is taken where no option here
    says otherwise.

    \b
      rtdenoise live                                    your camera, to the virtual camera
      rtdenoise live --output evening.mp4 --seconds 60  to a file
      rtdenoise live --strength medium                  leave some of the noise in
      rtdenoise live --on-demand                        dark while nobody looks
      rtdenoise live --output virtual --output a.mp4    a call, and a film of it
      rtdenoise live --output-size 1280x720 --mirror    smaller, as in a mirror
      rtdenoise live --brighten auto                    lift the shadows of a dark room
      rtdenoise live --output null                      only measure
    """
    from ..console import console, say, show_json
    from ..stream.call import Call, CallOptions
    from ..stream.kept import options_as_kept
    from .live_panel import Status

    options = CallOptions(
        camera=camera,
        outputs=outputs,
        network=network,
        any_camera=any_camera,
        strength=strength,
        size=size,
        fps=fps,
        on_demand=on_demand,
        output_size=output_size,
        mirror=mirror,
        brighten=brighten,
        device=device,
        threads=threads,
    )
    source = click.get_current_context().get_parameter_source
    given = [name for name in vars(options) if source(name) is not ParameterSource.DEFAULT]
    options, remarks = options_as_kept(options, given, settings.home)
    for remark in remarks:
        say("{}", remark)
    call = Call(options, settings.home, say=say, note=lambda text: say("[yellow]![/] {}", text))
    loop, denoiser, mode = call.loop, call.denoiser, call.mode
    with Status(loop, denoiser, f"{call.info.name}  {mode}", console(stderr=True)) as status:
        report = call.run(seconds, status.update)
    if as_json:
        facts = {"camera": call.info.id, "mode": mode.to_json(), "output": loop.sink_name}
        facts |= {"network": denoiser.name, "engine": getattr(denoiser, "engine_name", "")}
        show_json({**facts, "strength": options.strength, **report.to_json()})
    else:
        _show(report, loop.sink_name)


def _show(report: LiveReport, sink: str) -> None:
    from rich.table import Table

    from ..console import plain, show

    table = Table(title=f"{report.frames_out} frames → {plain(sink)}", title_justify="left")
    for column in ("stage", "median", "95 %"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    for name, (p50, p95) in report.stages_ms.items():
        table.add_row(name, f"{p50:.1f} ms", f"{p95:.1f} ms")
    show(table)
    extra = f", {report.damaged} damaged" if report.damaged else ""
    extra += f", camera lost and found {report.reconnects}×" if report.reconnects else ""
    show(
        f"{report.rate_fps:.1f} frames/s over {report.seconds:.1f} s, {report.dropped} dropped{extra} "
        f"({report.ended})"
    )
