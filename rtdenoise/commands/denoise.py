"""`rtdenoise denoise`: a file, cleaned into another file, as fast as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..options import Seconds, device_option, network_options, strength_option, threads_option

if TYPE_CHECKING:
    from pathlib import Path

    from ..cameras.base import Camera
    from ..cli import Settings
    from ..stream.transcode import TranscodeReport


@click.command(name="denoise")
@click.argument("source", metavar="IN")
@click.argument("output", metavar="OUT")
@network_options
@click.option(
    "--tta/--no-tta",
    default=True,
    show_default=True,
    help="For the paper's network: the mean over eight flips and rotations, which takes eight times as long.",
)
@strength_option
@click.option(
    "--seconds",
    type=Seconds(),
    help="Clean only so much of the beginning.",
)
@device_option
@threads_option
@click.pass_obj
def command(
    settings: Settings,
    source: str,
    output: str,
    network: str | None,
    any_camera: bool,
    tta: bool,
    strength: float,
    seconds: float | None,
    device: str,
    threads: int | None,
) -> None:
    """Clean a recording or a picture: IN to OUT.

    IN is a video, a picture, a folder of pictures, or a camera such as simulated:desk?frames=60. How OUT is
    stored follows from its name: .mp4, .mov, .mkv (H.264, close to transparent; HEVC where IN has 10 bits), .avi
    (MJPEG), .nut (bit for bit), .png or .jpg (one picture). Audio is copied as it is. OUT is written whole or not at
    all.

    What IN says about itself (rotation, colours, subtitles, chapters, titles, …) goes along; what OUT can't hold is
    said.

    - is standard input, or standard output as Matroska; named pipes work too. Both are kept in the folder for temporary
    files: cleaning begins when all has come, and what was made is sent when it is whole.

    Without --network the live network that was calibrated for the camera cleans it, or else the largest one that comes
    with rtdenoise, however long that takes.

    \b
      rtdenoise denoise evening.mkv clean.mp4
      rtdenoise denoise evening.mkv clean.mp4 --network paper
      rtdenoise denoise photo.jpg clean.png --strength 0.7
      ffmpeg -i in.ts -f nut - | rtdenoise denoise - - | ffplay -
    """
    from ..console import markup, say, show
    from .pipes import file_from, file_to, is_standard_output

    with file_from(source) as given, file_to(output) as target:
        camera = _open(given)
        report = _clean(
            camera,
            target,
            settings.home,
            network=network,
            any_camera=any_camera,
            tta=tta,
            strength=strength,
            seconds=seconds,
            device=device,
            threads=threads,
            shown=output,
        )
    notes = [f"{report.frames} frames in {report.seconds:.1f} s"]
    notes[0] += f" ({report.frames / max(report.seconds, 1e-9):.1f} frames/s)"
    if report.damaged:
        notes.append(f"{report.damaged} damaged left out")
    if report.audio_packets:
        notes.append("audio copied")
    for remark in report.remarks:
        say("[yellow]![/] {}", remark)
    if report.lost:
        say("Not carried over: {}.", ", ".join(report.lost))
    done = markup("[green]✓[/] {}: {}", output, ", ".join(notes))
    if is_standard_output(output):
        say(done)
    else:
        show(done)


def _clean(
    camera: Camera,
    output: str,
    home: Path | None,
    *,
    network: str | None,
    any_camera: bool,
    tta: bool,
    strength: float,
    seconds: float | None,
    device: str,
    threads: int | None,
    shown: str,
) -> TranscodeReport:
    """Cleans with a progress bar; ``shown`` is what the person calls the output."""
    from ..console import progress, say
    from ..denoisers import make_denoiser
    from ..profile import Profile
    from ..stream import transcode

    try:
        denoiser = make_denoiser(
            network,
            profile=Profile.of(camera.info, home),
            camera=camera.info,
            mode=camera.mode,
            device=device,
            threads=threads,
            any_camera=any_camera,
            tta=tta,
        )
    except BaseException:
        camera.close()
        raise
    total = getattr(camera, "frame_count", None)
    if seconds is not None:
        most = round(seconds * camera.mode.rate_fps)
        total = min(total or most, most)
    try:
        with progress(f"Cleaning with {denoiser.name}", total) as ticker:
            return transcode(
                camera,
                denoiser,
                output,
                strength=strength,
                seconds=seconds,
                advance=ticker.advance,
            )
    except KeyboardInterrupt:
        say("Stopped; {} was not written.", shown)
        raise click.exceptions.Exit(1) from None


def _open(source: str) -> Camera:
    import re

    from ..cameras import open_camera
    from ..errors import ClipError
    from ..files import user_path

    path = user_path(source)
    if path.is_file() or path.is_dir():
        return open_camera(f"file:{source}")
    if path.exists():
        if source.startswith("/dev/video"):
            raise ClipError(
                f"{source} is a device.", f"Clean it with rtdenoise live --camera {source}."
            )
        raise ClipError(f"{source} is a device, and no recording.", "Name a file.")
    if re.match(r"(file:|simulated($|[:?]))", source):
        return open_camera(source)
    raise ClipError(f"There is no file {source}.", "Check the path.")
