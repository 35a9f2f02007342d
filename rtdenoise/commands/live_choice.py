"""What `rtdenoise live` cleans with, chosen at once or in another thread while the camera is shown already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cameras.base import CameraInfo, Mode
    from ..denoisers import Denoiser
    from ..profile import Profile
    from ..stream.adaptive import Rung


def choose_for_call(
    network: str | None,
    *,
    profile: Profile,
    camera: CameraInfo,
    mode: Mode,
    device: str,
    threads: int | None,
    any_camera: bool,
    machine: Path,
    measure: bool,
    say: Callable[..., None],
) -> tuple[list[Rung], Denoiser]:
    """The rungs of a call's ladder, and the first one's denoiser.

    Args:
        network: What the person asked for; None: the best that keeps up.
        profile: The camera's; this and all that follows as :func:`rtdenoise.denoisers.make_denoiser` has it.
        camera: The camera.
        mode: Its mode.
        device: Where networks run.
        threads: How many CPU cores cleaning may take; None: the usual number.
        any_camera: Use a network although it was calibrated for another camera.
        machine: Where is written what this machine can do.
        measure: Whether there is time to measure what isn't known of this machine.
        say: Told in a sentence what was chosen, and why; its text is markup.

    Raises:
        NetworkError: there is no such network, or it doesn't fit the camera.
    """
    from ..denoisers import make_denoiser, noise_model_for, uses_noise_model
    from ..denoisers.live_network import LiveNetworkDenoiser
    from ..stream.rungs import rungs_for_call

    first = make_denoiser(
        network,
        profile=profile,
        camera=camera,
        mode=mode,
        device=device,
        threads=threads,
        any_camera=any_camera,
        tta=False,
        realtime=True,
        measure=measure,
        machine=machine,
        say=lambda text: say("{}", text),
    )
    rungs = rungs_for_call(
        network or first.name,
        profile=profile,
        camera=camera,
        mode=mode,
        device=device,
        threads=threads,
        any_camera=any_camera,
        insist=network is not None,
        follows=isinstance(first, LiveNetworkDenoiser),
    )
    if uses_noise_model(first) and noise_model_for(profile, mode) is None:
        say(
            "This camera is not calibrated in this mode: the noise is measured while it runs. "
            "[bold]rtdenoise capture[/] and [bold]rtdenoise calibrate[/] would do better."
        )
    return rungs, first
