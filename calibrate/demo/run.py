"""The demo's steps. Each is the command that a user would type, run with its profile in the demo's folder."""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

from capture.clip import Clip
from capture.record import record
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.cli import run as run_command
from rtdenoise.console import progress, say, show, show_json
from rtdenoise.denoisers import make_denoiser
from rtdenoise.errors import RtdenoiseError
from rtdenoise.files import write_json
from rtdenoise.frames import planes_from_frame
from rtdenoise.profile import Profile

from .measure import Comparison, compare

CAMERA = "simulated:desk?noise=high&seed=11"
MOVING = "simulated:desk?noise=high&seed=12&motion=subject"
NETWORK = "nano"
STILL_SECONDS, MOVING_SECONDS, TRAIN_MINUTES = 1.2, 4.0, 0.75


def run_demo(folder: Path, *, quick: bool, as_json: bool, verbose: bool) -> None:
    """Runs the demo and writes its pictures and figures to ``folder``.

    Raises:
        RtdenoiseError: a step failed; the step itself has said why.
    """
    started = time.monotonic()
    home = folder / "home"
    size = "640x360" if quick else "1920x1080"
    minutes = 0.2 if quick else TRAIN_MINUTES
    common = ["--home", str(home), *(["--verbose"] if verbose else [])]

    say(
        f"[bold]rtdenoise demo[/]: a simulated webcam in dim light, {size}. It knows its own truth.\n"
    )
    say("[bold]1. Film a still scene[/], as the camera sends it.")
    still = f"{STILL_SECONDS:g}"
    _step([*common, "capture", "--camera", CAMERA, "--size", size, "--seconds", still])
    say("\n[bold]2. Learn the camera's noise[/] without ever seeing a clean picture.")
    say(
        f"The base network is fine-tuned to this camera for {minutes * 60:.0f} s only; by default it takes five "
        "minutes."
    )
    train = ["--network", NETWORK, "--minutes", f"{minutes:g}", "--device", "cpu"]
    _step([*common, "calibrate", "--camera", _camera_id(size), *train])
    say("\n[bold]3. Clean the stream[/] of a scene in which somebody moves.")
    clip = _film(folder, size)
    live_json = folder / "live.json"
    live = _step(
        [*common, "live", "--camera", f"file:{clip}", "--output", "null", "--json"],
        capture=live_json,
    )
    # A slow machine's call may have to do with the recursive filter; what calibration made is shown all the same.
    comparison = _compare(home, clip, size, NETWORK)
    figures = {
        "size": size,
        "network": NETWORK,
        "live_network": live["network"],
        **{name: round(value, 2) for name, value in comparison.settled().items()},
        "live_rate_fps": live["rate_fps"],
        "live_dropped": live["dropped"],
        "live_stages_ms": live["stages_ms"],
        "seconds": round(time.monotonic() - started, 1),
    }
    pictures = _draw(comparison, folder)
    write_json(folder / "figures.json", figures)
    if as_json:
        show_json(figures)
    else:
        _show(figures, pictures)


def _step(words: list[str], capture: Path | None = None) -> dict[str, Any]:
    """Shows a command, runs it, and stops the demo if it fails; with ``capture`` gives its JSON output."""
    import contextlib
    import io

    shown = [w for w in words if w != "--json"]
    shown = [w for i, w in enumerate(shown) if w != "--home" and shown[max(i - 1, 0)] != "--home"]
    say("[dim]$[/] [cyan]rtdenoise {}[/]", shlex.join(shown))
    output = io.StringIO()
    with contextlib.redirect_stdout(output) if capture else contextlib.nullcontext():
        code = run_command(words)
    if code != 0:
        raise RtdenoiseError(
            f"The demo stopped: its step {shlex.join(words[:5])} … failed.",
            "What it says above tells why.",
        )
    if capture is None:
        return {}
    value: dict[str, Any] = json.loads(output.getvalue())
    write_json(capture, value)
    return value


def _film(folder: Path, size: str) -> Path:
    """Records the moving scene to a file, so that `live` meets a camera that sends at its full rate."""
    camera = open_camera(MOVING, size=_numbers(size))
    path = folder / "moving.mkv"
    path.unlink(missing_ok=True)  # of a demo before: a recording replaces none
    total = MOVING_SECONDS * float(camera.mode.rate_fps)
    try:
        with progress("Filming the moving scene", total) as ticker:
            filmed = record(camera, path, MOVING_SECONDS, tick=ticker.advance)
    finally:
        camera.close()
    # The sidecar says which camera it was, so that its noise model is found.
    Clip(filmed.path, camera.info, camera.mode, filmed.frames, ()).save()
    return filmed.path


def _compare(home: Path, clip: Path, size: str, network: str) -> Comparison:
    """Cleans the clip again frame by frame, none dropped, and compares with the simulated camera's truth."""
    filmed = open_camera(f"file:{clip}")
    truth = open_camera(MOVING, size=_numbers(size))
    assert isinstance(truth, SimulatedCamera)
    denoiser = make_denoiser(
        network,
        profile=Profile.of(filmed.info, home),
        camera=filmed.info,
        mode=filmed.mode,
    )
    total = MOVING_SECONDS * float(filmed.mode.rate_fps)
    try:
        with progress("Comparing with the truth", total) as ticker:
            frames = (planes_from_frame(frame) for frame in filmed.frames())
            return compare(frames, denoiser, truth.truth, truth.subject_mask, ticker.advance)
    finally:
        filmed.close()
        truth.close()


def _draw(comparison: Comparison, folder: Path) -> list[Path]:
    from .pictures import draw_details, draw_gain, draw_split

    assert comparison.last is not None
    paths = [folder / name for name in ("before-after.png", "details.png", "gain.png")]
    draw_split(comparison.last, paths[0])
    draw_details(comparison.last, paths[1])
    draw_gain(comparison, paths[2])
    return paths


def _camera_id(size: str) -> str:
    """What the simulated camera of that size is called; the id stays the same whatever it films."""
    camera = open_camera(CAMERA, size=_numbers(size))
    camera.close()
    return camera.info.id


def _numbers(size: str) -> tuple[int, int]:
    width, height = size.split("x")
    return int(width), int(height)


def _show(figures: dict[str, Any], pictures: list[Path]) -> None:
    from rich.table import Table

    title = f"What the calibrated network {figures['network']} reached, luma PSNR against the truth"
    table = Table(title=title, title_justify="left")
    for column in ("", "camera", "rtdenoise", "gain"):
        table.add_column(column, justify="right" if column else "left")
    for name, prefix in (("whole picture", ""), ("moving subject", "subject_")):
        table.add_row(
            name,
            f"{figures[prefix + 'noisy_db']:.1f} dB",
            f"{figures[prefix + 'clean_db']:.1f} dB",
            f"[bold green]{figures[prefix + 'gain_db']:+.1f} dB[/]",
        )
    show("")
    show(table)
    clean = figures["live_stages_ms"]["clean"]["p50"]
    show(
        f"Live at {figures['size']} with {figures['live_network']}: {figures['live_rate_fps']:.1f} frames/s, "
        f"{figures['live_dropped']} dropped, {clean:.1f} ms to clean a frame. "
        f"All of it took {figures['seconds']:.0f} s.\n"
    )
    show("[bold]Look at[/]")
    for path in pictures:
        show("  {}", path)
    show("\n[bold]Next, with your own camera[/] on a tripod or a pile of books:")
    for line in ("rtdenoise capture --seconds 30", "rtdenoise calibrate", "rtdenoise live"):
        show(f"  [cyan]{line}[/]")
