"""What a call is cleaned with, chosen at once or in another thread while the camera is shown already."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NetworkError

if TYPE_CHECKING:
    from ..denoisers import Denoiser
    from .adaptive import Rung
    from .rungs import CallSetting


def choose_for_call(
    network: str | None,
    setting: CallSetting,
    *,
    machine: Path,
    measure: bool,
    say: Callable[..., None],
) -> tuple[list[Rung], Denoiser]:
    """The rungs of a call's ladder, and the first one's denoiser.

    Args:
        network: What the person asked for; None: the best that keeps up.
        setting: What the denoisers are made for.
        machine: Where is written what this machine can do.
        measure: Whether there is time to measure what isn't known of this machine.
        say: Told in a sentence what was chosen, and why; its text is markup.

    Raises:
        NetworkError: there is no such network, or it doesn't fit the camera.
    """
    from ..denoisers import noise_model_for, uses_noise_model
    from ..denoisers.live_network import LiveNetworkDenoiser
    from .rungs import rungs_for_call

    first = setting.make(
        network,
        realtime=True,
        measure=measure,
        machine=machine,
        say=lambda text: say("{}", text),
    )
    rungs = rungs_for_call(
        network or first.name,
        setting,
        insist=network is not None,
        follows=isinstance(first, LiveNetworkDenoiser),
    )
    if uses_noise_model(first) and noise_model_for(setting.profile, setting.mode) is None:
        say(
            "This camera is not calibrated in this mode: the noise is measured while it runs. "
            "[bold]rtdenoise capture[/] and [bold]rtdenoise calibrate[/] would do better."
        )
    return rungs, first


def load_ahead(device: str) -> None:
    """Begins to load what networks need on an accelerator, which takes a second, while the camera is opened.

    Compiled code on a CPU needs nothing of the kind.
    """

    def load() -> None:
        with suppress(ImportError, OSError, NetworkError):  # told where it is used
            from ..denoisers.choice import runs_compiled

            if not runs_compiled(device):
                importlib.import_module("rtdenoise.engines.torch_engine")

    threading.Thread(target=load, name="load", daemon=True).start()
