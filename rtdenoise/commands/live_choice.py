"""What `rtdenoise live` cleans with, chosen at once or in another thread while the camera is shown already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

if TYPE_CHECKING:
    from ..cameras.base import CameraInfo, Mode
    from ..denoisers import Denoiser
    from ..profile import Profile
    from ..stream.adaptive import Rung


class Choice:
    """Chooses a denoiser and what is cheaper.

    Args:
        network: What the person asked for; None: the best that keeps up.
        machine: Where is written what this machine can do.
        say: Told in a sentence what was chosen, and why; its text is markup.
        profile: The camera's; this and all that follows as :func:`rtdenoise.denoisers.make_denoiser` has it.
        camera: The camera.
        mode: Its mode.
        device: Where networks run.
        threads: How many CPU cores cleaning may take; None: the usual number.
        any_camera: Use a network although it was calibrated for another camera.
        measure: Whether there is time to measure what isn't known of this machine.
    """

    def __init__(
        self,
        network: str | None,
        *,
        machine: Path,
        say: Callable[[str], None],
        profile: Profile,
        camera: CameraInfo,
        mode: Mode,
        device: str,
        threads: int | None,
        any_camera: bool,
        measure: bool,
    ) -> None:
        self._network, self._machine, self._say = network, machine, say
        self._profile, self._mode, self._measure = profile, mode, measure
        self._facts: dict[str, Any] = {
            "profile": profile,
            "camera": camera,
            "mode": mode,
            "device": device,
            "threads": threads,
            "any_camera": any_camera,
        }

    def __call__(self) -> tuple[list[Rung], Denoiser]:
        """The rungs of a call's ladder, and the first one's denoiser.

        Raises:
            NetworkError: there is no such network, or it doesn't fit the camera.
        """
        from ..denoisers import make_denoiser, noise_model_for, uses_noise_model
        from ..denoisers.live_network import LiveNetworkDenoiser
        from ..stream.rungs import rungs_for_call

        first = make_denoiser(
            self._network,
            **self._facts,
            tta=False,
            realtime=True,
            measure=self._measure,
            machine=self._machine,
            say=lambda text: self._say(escape(text)),
        )
        rungs = rungs_for_call(
            self._network or first.name,
            **self._facts,
            insist=self._network is not None,
            follows=isinstance(first, LiveNetworkDenoiser),
        )
        known = noise_model_for(self._profile, self._mode)
        if uses_noise_model(first) and known is None:
            self._say(
                "This camera is not calibrated in this mode: the noise is measured while it runs. "
                "[bold]rtdenoise capture[/] and [bold]rtdenoise calibrate[/] would do better."
            )
        return rungs, first
