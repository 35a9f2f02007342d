"""`rtdenoise denoise`: a file, cleaned into another file, as fast as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..options import Seconds, device_option, network_options, strength_option, threads_option

if TYPE_CHECKING:
    from ..cameras.base import Camera
    from ..cli import Settings
    from ..denoisers import Denoiser
    from ..denoisers.maker import DenoiserMaker
    from ..stream.transcode import TranscodeReport


@click.command(name="denoise")
@click.argument("source", metavar="IN")
@click.argument("output", metavar="OUT")
@click.option(
    "--recursive",
    is_flag=True,
    help="IN and OUT are folders: each recording and picture below IN is cleaned by itself, on all cores. The same "
    "command goes on where it was stopped.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="With --recursive: how many files at a time. Default: one for each core.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="With --recursive: on the Dask cluster whose scheduler is there, such as tcp://192.168.1.10:8786.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="With --recursive: print what became of each file as JSON.",
)
@click.option(
    "--camera",
    "recorded_with",
    metavar="C",
    help="The calibrated camera that another program recorded IN with: its id, its name, or a part of that.",
)
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
    recursive: bool,
    jobs: int | None,
    cluster: str | None,
    as_json: bool,
    recorded_with: str | None,
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

    Raw files (DNG, NEF, CR2, …) are developed first, always alike, with the extra rtdenoise[raw].

    A folder of pictures of one size is a film. Where OUT is a folder too (there already, or with a slash at its end),
    each picture is cleaned by itself. The noise of a single picture is estimated from its flat places; a picture
    that has none is left as it is.

    Without --network the live network that was calibrated for the camera cleans it, or else the largest one that comes
    with rtdenoise, however long that takes. --camera says which camera that is, where another program recorded it.

    \b
      rtdenoise denoise evening.mkv clean.mp4
      rtdenoise denoise evening.mkv clean.mp4 --network paper
      rtdenoise denoise photo.jpg clean.png --strength 0.7
      rtdenoise denoise photos/ clean/
      rtdenoise denoise --recursive recordings/ clean/
      rtdenoise denoise call.mp4 clean.mp4 --camera C920
      ffmpeg -i in.ts -f nut - | rtdenoise denoise - - | ffplay -
    """
    from ..console import counted, markup, say, show
    from ..denoisers.maker import DenoiserMaker
    from ..profile import data_home
    from ..stream.removal import why_nothing
    from .denoise_folder import denoise_folder, wants_folder
    from .pipes import file_from, file_to, is_standard_output

    if not recursive and (jobs is not None or cluster is not None or as_json):
        raise click.UsageError("--jobs, --cluster and --json go with --recursive.")
    if recursive:
        from .denoise_archive import How, denoise_archive

        how = How(
            *(
                network,
                recorded_with,
                str(data_home(settings.home).resolve()),
                device,
                threads or 1,
            ),
            *(any_camera, tta, strength, seconds),
        )
        denoise_archive(source, output, how, jobs=jobs, cluster=cluster, as_json=as_json)
        return
    maker = DenoiserMaker(
        network, recorded_with, settings.home, device, threads, any_camera, tta=tta, say=say
    )
    if wants_folder(source, output):
        denoise_folder(source, output, maker, strength)
        return
    with file_from(source) as given, file_to(output) as target:
        camera = _open(given)
        report, denoiser = _clean(camera, target, maker, strength, seconds, shown=output)
    notes = [f"{counted(report.frames, 'frame')} in {report.seconds:.1f} s"]
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
    if strength > 0 and (why := why_nothing(denoiser, report.removed_std, report.frames)):
        say("{}", why)


def _clean(
    camera: Camera,
    output: str,
    maker: DenoiserMaker,
    strength: float,
    seconds: float | None,
    *,
    shown: str,
) -> tuple[TranscodeReport, Denoiser]:
    """Cleans with a progress bar; ``shown`` is what the person calls the output."""
    from ..console import progress, say
    from ..stream import transcode

    try:
        denoiser = maker.for_recording(camera)
    except BaseException:
        camera.close()
        raise
    total = getattr(camera, "frame_count", None)
    if seconds is not None:
        most = round(seconds * camera.mode.rate_fps)
        total = min(total or most, most)
    try:
        with progress(f"Cleaning with {denoiser.name}", total) as ticker:
            report = transcode(
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
    return report, denoiser


def _open(source: str) -> Camera:
    import os
    import re

    from ..cameras import open_camera
    from ..errors import ClipError
    from ..files import user_path

    path = user_path(source)
    there = os.path.exists(path)
    if there and not (os.path.isfile(path) or os.path.isdir(path)):
        if source.startswith("/dev/video"):
            raise ClipError(
                f"{source} is a device.", f"Clean it with rtdenoise live --camera {source}."
            )
        raise ClipError(f"{source} is a device, and no recording.", "Name a file.")
    if not there and re.match(r"(file:|simulated($|[:?]))", source):
        return open_camera(source)
    return open_camera(f"file:{source}")
