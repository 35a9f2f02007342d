"""`rtdenoise capture`: films still scenes with a camera and judges what came."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtdenoise.options import Rate, Seconds, camera_option, parse_size

if TYPE_CHECKING:
    from rtdenoise.cameras.base import Camera
    from rtdenoise.cli import Settings
    from rtdenoise.profile import Profile

    from .clip import Clip
    from .record import Recording


@click.command(name="capture")
@click.option(
    "--seconds",
    type=Seconds(),
    default=30.0,
    show_default=True,
    help="How long to film, all scenes together.",
)
@camera_option
@click.option("--size", metavar="WxH", callback=parse_size, help="Ask the camera for this size.")
@click.option("--fps", type=Rate(), help="The rate to ask the camera for.")
@click.option(
    "--scenes",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Film so many scenes; you point the camera elsewhere in between.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.pass_obj
def command(
    settings: Settings,
    seconds: float,
    camera: str | None,
    size: tuple[int, int] | None,
    fps: float | None,
    scenes: int,
    as_json: bool,
) -> None:
    """Film a still scene and judge what came.

    Put the camera on a tripod or a shelf, point it at a scene where nothing moves, and start. The frames are
    stored as the camera sends them, split into series of one still scene, and each series is accepted or
    refused with the reason.

    \b
      rtdenoise capture --seconds 30
      rtdenoise capture --scenes 3 --seconds 60
      rtdenoise capture --camera file:evening.mkv
    """
    from rtdenoise.cameras import open_camera
    from rtdenoise.cameras.kept_controls import SteadySettings
    from rtdenoise.profile import Profile

    opened = open_camera(camera, size=size, rate_fps=fps)
    with contextlib.closing(opened):
        profile = Profile.of(opened.info, settings.home)
        SteadySettings(profile.controls_path, profile.locked_path).opened(opened.info)
        path = _recorded_before(opened, profile)
        recording = None
        if path is None:
            recording = _record(opened, profile, seconds, scenes)
            path = recording.path
    clip = _judge(path, opened, recording)
    page = _write_page(clip)
    if as_json:
        _show_json(clip, page)
    else:
        _show_table(clip, page)
    if not clip.accepted:
        raise _nothing_accepted(clip)


def _recorded_before(camera: Camera, profile: Profile) -> Path | None:
    """The clip that a ``file:`` camera plays, if it lies in its camera's profile: it is judged anew."""
    if camera.info.kind != "file":
        return None
    path = Path(camera.info.spec.removeprefix("file:"))
    inside = path.parent == profile.clips_folder.resolve()
    return profile.clips_folder / path.name if inside else None


def _record(camera: Camera, profile: Profile, seconds: float, scenes: int) -> Recording:
    """Films, with a progress bar, and says how it went."""
    from rtdenoise.cameras.base import remarks_of
    from rtdenoise.console import progress, say

    from .clip import Clip
    from .guidance import words
    from .meter import Reading
    from .record import record, suffix_for

    live = camera.info.kind == "webcam"
    say("[bold]{}[/]: {}", camera.info.name, camera.mode)
    if live:
        say(
            "Filming begins when nothing moves. Keep camera and scene still. Ctrl-C ends the recording early and "
            "keeps it."
        )
    if scenes > 1 and not live:
        say("There is nothing to point elsewhere here: it is recorded in one piece.")
    label = f"Filming {scenes} scenes" if live and scenes > 1 else "Recording"
    with progress(label, _expected_frames(camera, seconds)) as ticker:
        path = profile.new_clip_path(suffix_for(camera))

        def lead(reading: Reading) -> None:
            ticker.advance(0, words(reading))

        try:
            recording = record(
                camera,
                path,
                seconds,
                scenes=scenes,
                tick=ticker.advance,
                tell=say,
                journal=profile.locked_path,
                watch=lead if live else None,
            )
        finally:
            if path.exists():  # also what was kept when the disk became full
                profile.remember(camera.info)
    path = recording.path
    # The clip counts from here on, even if judging is interrupted.
    Clip(path, camera.info, camera.mode, recording.frames, facts=recording.facts()).save()
    rate = f" at {recording.measured_fps:.1f} frames/s" if recording.measured_fps else ""
    say("Recorded {} frames in {:.1f} s{}: {}", recording.frames, recording.seconds, rate, path)
    if recording.stopped == "interrupted":
        say("[yellow]Stopped early; what was recorded is kept and judged.[/]")
    elif recording.stopped == "lost":
        say("[yellow]{}[/] What was recorded is kept and judged.", recording.lost_because)
    for remark in remarks_of(camera):
        say("[yellow]![/] {}", remark)
    if recording.left_out:
        say(
            "[yellow]![/] {} frames of another size or kind than the first were left out.",
            recording.left_out,
        )
    wanted = float(camera.mode.rate_fps)
    if live and recording.measured_fps and recording.measured_fps < 0.9 * wanted:
        say(
            f"[yellow]The camera delivers {recording.measured_fps:.1f} instead of {wanted:g} frames/s."
            "[/] More light, or a fixed exposure, brings it back to speed."
        )
    return recording


def _expected_frames(camera: Camera, seconds: float) -> float:
    """How many frames the recording will have: a file may end earlier."""
    wanted = seconds * float(camera.mode.rate_fps)
    frames = getattr(camera, "frame_count", None) or getattr(camera, "length", None)
    return min(wanted, float(frames)) if isinstance(frames, int) else wanted


def _judge(path: Path, camera: Camera, recording: Recording | None) -> Clip:
    from rtdenoise.console import progress, say

    from .series import judge_clip

    try:
        with progress("Judging", recording.frames if recording else None) as ticker:
            if recording is None:
                return judge_clip(path, ticker=ticker)
            facts = recording.facts()
            return judge_clip(path, camera.info, camera.mode, facts=facts, ticker=ticker)
    except KeyboardInterrupt:
        say("[yellow]{} is kept; rtdenoise capture --camera file:{} judges it.[/]", path, path)
        raise


def _write_page(clip: Clip) -> Path:
    from .page import page_path, write_page

    path = page_path(clip)
    write_page(clip, path)
    return path


def _show_json(clip: Clip, page: Path) -> None:
    from dataclasses import asdict

    from rtdenoise.console import show_json

    show_json(
        {
            "clip": str(clip.path),
            "camera": asdict(clip.camera),
            "mode": clip.mode.to_json(),
            "frames": clip.frames,
            "accepted": len(clip.accepted),
            "series": [series.to_json() for series in clip.series],
            "facts": dict(clip.facts),
            "page": str(page),
        }
    )


def _show_table(clip: Clip, page: Path) -> None:
    from rich.table import Table

    from rtdenoise.console import say, show

    from .page import remarks
    from .session import told

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in ("series", "frames", "μ", "σ", "shift px", "drift", "lag-1", "still"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, s in enumerate(clip.series, 1):
        measured = s.mu > 0
        figures = (
            f"{s.mu:.4f}",
            f"{s.sigma:.4f}",
            f"{s.shift_px:.2f}",
            f"{s.drift_levels:.2f}",
            f"{s.lag1:.2f}",
            f"{s.static_fraction:.0%}",
        )
        table.add_row(
            "[green]✓[/]" if s.accepted else "[red]✗[/]",
            str(number),
            f"{s.first}–{s.stop - 1}",
            *(figures if measured else ("",) * len(figures)),
        )
    show(table)
    for number, s in enumerate(clip.series, 1):
        if not s.accepted:
            show("[red]✗[/] series {}: {}", number, s.reason)
    for remark in remarks(clip):
        say("[yellow]![/] {}", remark)
    changed = told(clip.facts)
    if changed:
        show("while it was filmed: {}", changed)
    show("clip   {}", clip.path)
    show("page   {}", page)
    if clip.accepted:
        total = sum(series.count for series in clip.accepted)
        show(f"{total} frames in {len(clip.accepted)} series are fit. Next: rtdenoise calibrate")


def _nothing_accepted(clip: Clip) -> Exception:
    from rtdenoise.errors import ClipError

    longest = max(clip.series, key=lambda series: series.count)
    return ClipError(
        f"No series of {clip.path} is fit for calibrating (the clip is kept): {longest.reason}"
    )
