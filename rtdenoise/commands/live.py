"""`rtdenoise live`: the camera's stream, cleaned, as a virtual camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

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
    from fractions import Fraction

    from ..cameras.base import Camera
    from ..cli import Settings
    from ..frames import PlaneFormat
    from ..sinks.base import Sink
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
    from functools import partial

    import cv2

    from ..cameras import open_camera
    from ..cameras.base import remarks_of
    from ..cameras.fitted import FittedCamera
    from ..cameras.kept_controls import SteadySettings
    from ..console import console, say, show_json
    from ..denoisers import Passthrough
    from ..machine import machine_path
    from ..profile import Profile
    from ..sinks import check_outputs, open_sinks
    from ..sinks.base import refuse_overwriting
    from ..stream import LiveLoop
    from ..stream.adaptive import AdaptiveDenoiser, Rung
    from ..stream.brighten import brighten_for
    from ..stream.demand import DemandPolicy
    from ..stream.mains import MainsWatch
    from ..stream.rungs import PICTURE, CallSetting
    from ..stream.watchdog import slow_mode
    from .live_choice import choose_for_call, load_ahead
    from .live_panel import Status

    # The stages run side by side; threads inside each would only take the cores from one another.
    cv2.setNumThreads(1)

    steady: list[SteadySettings] = []

    def note(text: str) -> None:
        say("[yellow]![/] {}", text)

    def open_fitted(spec: str | None) -> Camera:
        opened = open_camera(spec, size=size, rate_fps=fps)
        if not steady:
            known = Profile.of(opened.info, settings.home)
            steady.append(SteadySettings(known.controls_path, known.locked_path))
        try:
            steady[0].opened(opened.info)
        except BaseException:
            opened.close()
            raise
        plain = output_size is None and not mirror
        return opened if plain else FittedCamera(opened, output_size, mirror=mirror)

    # What is wrong with an output is told before a camera lights up and a network is chosen, which takes seconds.
    check_outputs(outputs)
    if network not in ("none", "recursive"):
        load_ahead(device)
    opened = open_fitted(camera)
    try:
        for output in outputs:
            refuse_overwriting(opened.info, output)
        info, mode = opened.info, opened.mode
        profile = Profile.of(info, settings.home)
        slow = slow_mode(mode.codec, mode.width, mode.height, float(mode.rate_fps))
        if slow and fps is None and info.kind == "webcam":
            note(slow)
        # Who looks at a virtual camera sees the camera's picture at once. A film has clean frames only.
        watched = any(output.partition(":")[0] in ("virtual", "pipewire") for output in outputs)
        choose = partial(
            choose_for_call,
            network,
            CallSetting(profile, info, mode, device, threads, any_camera),
            machine=machine_path(settings.home),
            say=say,
            measure=not watched,
        )
        rungs, first = ([Rung(PICTURE, Passthrough)], None) if watched else choose()
        if not watched:
            del rungs[1:]  # a film rather misses frames than that some of them are noisy
    except BaseException:
        opened.close()
        raise

    def open_outputs(layout: PlaneFormat, rate_fps: Fraction) -> Sink:
        facts = getattr(opened, "facts", None)
        sink = open_sinks(outputs, format=layout, rate_fps=rate_fps, note=note, facts=facts)
        say("[bold]{}[/]  {} → {}", info.name, mode, sink.name)  # before, nothing was sure yet
        return sink

    webcam = info.kind == "webcam"
    by_id = webcam and not info.spec.startswith(
        "pipewire:"
    )  # a path may be another camera's by then
    denoiser = AdaptiveDenoiser(
        rungs, 1 / float(mode.rate_fps), first=first, note=note, threads=threads
    )
    if watched:
        denoiser.prepare(choose)
    loop = LiveLoop(
        opened,
        denoiser,
        open_outputs,
        chroma=None if any(output.endswith(".nut") for output in outputs) else "420",
        strength=strength,
        paced=not webcam,
        reopen=partial(open_fitted, info.id if by_id else info.spec)
        if webcam or on_demand
        else None,
        note=note,
        on_demand=DemandPolicy() if on_demand else None,
        finish=brighten_for(brighten, lambda: denoiser.current, lambda: loop.strength),
        look=MainsWatch(lambda hz: note(steady[0].follow_mains(info, hz)))
        if info.kind != "file" and not info.fed_by_program
        else lambda _: None,
    )
    denoiser.dropped = lambda: loop.lost
    with Status(loop, denoiser, f"{info.name}  {mode}", console(stderr=True)) as status:
        report = loop.run(seconds, status.update)
    for remark in remarks_of(opened):
        note(remark)
    if as_json:
        facts = {"camera": info.id, "mode": mode.to_json(), "output": loop.sink_name}
        facts |= {"network": denoiser.name, "engine": getattr(denoiser, "engine_name", "")}
        show_json({**facts, "strength": strength, **report.to_json()})
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
