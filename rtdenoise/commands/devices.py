"""`rtdenoise devices`: the cameras and virtual cameras of this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..options import camera_option

if TYPE_CHECKING:
    from ..cameras.discovery import FoundCamera
    from ..cli import Settings


@click.command(name="devices")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for scripts.")
@camera_option
@click.option(
    "--keep-controls",
    is_flag=True,
    help="Write down how the camera is set (exposure, gain, white balance, focus, mains frequency); it is set so "
    "again at every start and whenever it comes back.",
)
@click.option("--forget-controls", is_flag=True, help="Leave the camera's settings alone again.")
@click.pass_obj
def command(
    settings: Settings | None,
    as_json: bool,
    camera: str | None,
    keep_controls: bool,
    forget_controls: bool,
) -> None:
    """List the cameras with their modes, and the virtual cameras.

    What stands in the column "--camera" works after --camera: the path, the name, a part of the name, or the id.

    \b
      rtdenoise devices
      rtdenoise devices --json
      rtdenoise devices --keep-controls
    """
    if keep_controls or forget_controls:
        if keep_controls and forget_controls:
            raise click.UsageError("--keep-controls and --forget-controls exclude each other.")
        _controls(settings, camera, keep_controls)
        return
    if camera is not None:
        raise click.UsageError("--camera goes with --keep-controls or --forget-controls.")
    from ..cameras import find_cameras
    from ..console import show_json

    found, denied = find_cameras(), _denied()
    if as_json:
        show_json(as_dict(found, denied))
    else:
        _show(found, denied)


def _controls(settings: Settings | None, camera: str | None, keep: bool) -> None:
    """Keeps or forgets one camera's settings."""
    from ..cameras.choice import find_camera
    from ..cameras.kept_controls import keep_settings
    from ..console import say
    from ..errors import CameraError
    from ..profile import Profile

    if not sys.platform.startswith("linux"):
        raise CameraError(
            "Only on Linux are a camera's settings kept.",
            "Elsewhere the maker's program keeps them.",
        )
    info = find_camera(camera).info
    profile = Profile.of(info, settings.home if settings else None)
    if not keep:
        profile.controls_path.unlink(missing_ok=True)
        say("The settings of {} are left as they are from now on.", info.name)
        return
    kept = keep_settings(info, profile.controls_path)
    profile.remember(info)
    told = ", ".join(f"{name}={value}" for name, value in kept.items())
    say("Kept for {}: {}.", info.name, told)


def _denied() -> list[str]:
    """The device nodes for which there is no permission."""
    from ..cameras import discovery

    if not sys.platform.startswith("linux"):
        return []
    return [node.path for node in discovery.video_nodes() if node.denied]


def as_dict(found: list[FoundCamera], denied: list[str]) -> dict[str, Any]:
    """What ``--json`` prints."""
    from ..sinks.virtual import virtual_devices

    cameras: list[dict[str, Any]] = [
        {
            "id": camera.info.id,
            "name": camera.info.name,
            "kind": camera.info.kind,
            "path": camera.info.spec,
            "real": camera.real,
            "modes": [{**mode.to_json(), "text": str(mode)} for mode in camera.modes],
        }
        for camera in found
    ]
    cameras.append(
        {
            "id": "simulated",
            "name": "Simulated camera",
            "kind": "simulated",
            "path": "simulated",
            "real": False,
            "modes": [],
        }
    )
    virtual = [
        {
            "path": device.path,
            "label": device.label,
            "exclusive_caps": device.exclusive,
            "in_use": device.busy,
            "fed_by": list(device.producers),
        }
        for device in virtual_devices()
    ]
    return {
        "cameras": cameras,
        "virtual_cameras": virtual,
        "pipewire": _pipewire(),
        "no_permission": denied,
    }


def _pipewire() -> bool:
    """Whether a virtual camera can be made in PipeWire."""
    if not sys.platform.startswith("linux"):
        return False
    from ..pipewire.session import look

    return look().works


def _show(found: list[FoundCamera], denied: list[str]) -> None:
    from rich.table import Table

    from ..cameras.modes import describe_modes
    from ..console import plain, say, show
    from ..sinks.virtual import MODPROBE, virtual_devices

    table = Table(title="Cameras", title_justify="left", title_style="bold", show_lines=True)
    table.add_column("--camera", no_wrap=True)
    table.add_column("name and id")
    table.add_column("modes", ratio=1)
    for camera in found:
        modes = describe_modes(camera.modes).split("; ") if camera.modes else ["not told"]
        mark = "" if camera.real else "  [dim]test picture or loopback[/]"
        table.add_row(
            plain(camera.info.spec),
            f"{plain(camera.info.name)}{mark}\n[dim]{plain(camera.info.id)}[/]",
            "\n".join(modes),
        )
    table.add_row("simulated", "Simulated camera\n[dim]always there[/]", "MJPG 1920×1080 @ 30")
    show(table)
    if denied:
        say(
            "[yellow]![/] There is no permission to open {}. "
            "Run [bold]sudo usermod -aG video $USER[/], log out and in again.",
            ", ".join(denied),
        )
    elif not any(camera.real for camera in found):
        say("No webcam is plugged in. [bold]rtdenoise demo[/] shows everything without one.")
    devices, pipewire = virtual_devices(), _pipewire()
    if devices or pipewire:
        outputs = Table(title="Virtual cameras", title_justify="left", title_style="bold")
        outputs.add_column("--output", no_wrap=True)
        outputs.add_column("path", no_wrap=True)
        outputs.add_column("state", ratio=1)
        for device in devices:
            state = "free"
            if device.busy:
                state = f"in use by {plain(' and '.join(device.producers) or 'another program')}"
            if not device.exclusive:
                state += " [yellow](browsers don't see it: no exclusive_caps)[/]"
            outputs.add_row(f"virtual:{plain(device.label)}", device.path, state)
        if pipewire:
            state = "made when it is used; seen by programs that ask PipeWire for cameras"
            outputs.add_row("pipewire", "–", state)
        show(outputs)
    elif not sys.platform.startswith("linux"):
        say(
            "The virtual camera is that of OBS; [bold]rtdenoise doctor[/] looks whether it is there."
        )
    elif not denied:  # else it may be one of those
        say(
            f"There is no virtual camera, and no PipeWire session to make one in. To make one: [bold]{MODPROBE}[/]"
        )
