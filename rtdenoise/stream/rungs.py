"""The rungs of a call's ladder: what cleans first, and what is cheaper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cameras.base import CameraInfo, Mode
from ..denoisers import Denoiser, Passthrough, make_denoiser
from ..profile import Profile
from .adaptive import Rung

PICTURE = "the camera's own picture"


@dataclass(frozen=True)
class CallSetting:
    """What a call's denoisers are made for.

    Args:
        profile: The camera's.
        camera: The camera.
        mode: Its mode.
        device: Where networks run.
        threads: How many CPU cores cleaning may take; None: the usual number.
        any_camera: Use a network although it was calibrated for another camera.
    """

    profile: Profile
    camera: CameraInfo
    mode: Mode
    device: str = "auto"
    threads: int | None = None
    any_camera: bool = False

    def make(self, name: str | None, **more: Any) -> Denoiser:
        """A denoiser by its name; ``more`` as :func:`rtdenoise.denoisers.make_denoiser` has it.

        Raises:
            NetworkError: there is no such network, or it doesn't fit the camera.
        """
        return make_denoiser(
            name,
            profile=self.profile,
            camera=self.camera,
            mode=self.mode,
            device=self.device,
            threads=self.threads,
            any_camera=self.any_camera,
            tta=False,
            **more,
        )


def rungs_for_call(
    first: str, setting: CallSetting, *, insist: bool = False, follows: bool = False
) -> list[Rung]:
    """The ways to clean a camera's stream, the best first.

    After the first come smaller networks, the smallest without following what moves, the recursive filter, and at last
    the camera's own picture. The recursive filter is left out where networks run as compiled code: it takes longer than
    ``nano`` then (at 960×540 28 ms against 9 ms).

    Args:
        first: The name of the best, as :func:`rtdenoise.denoisers.make_denoiser` knows it.
        setting: What they are made for.
        insist: The first was asked for by name: no other stands between it and the camera's picture.
        follows: The first is a live network, which follows what moves.
    """

    def rung(name: str, follow: bool = True) -> Rung:
        def make() -> Denoiser:
            denoiser = setting.make(name)
            if isinstance(denoiser, LiveNetworkDenoiser):
                denoiser.follows = follow
            return denoiser

        return Rung(Path(name).stem + ("" if follow else " without following what moves"), make)

    from ..denoisers.live_network import LiveNetworkDenoiser

    names = [first]
    if not insist and first not in ("recursive", "none"):
        from ..denoisers.choice import candidates

        found = [c.name for c in candidates(setting.profile, setting.camera, setting.mode)]
        names += found[found.index(first) + 1 :] if first in found else []
    rungs = [rung(name) for name in names]
    if follows:
        rungs.append(rung(names[-1], follow=False))
    if not insist and first not in ("recursive", "none") and not _compiled(setting.device):
        rungs.append(rung("recursive"))
    picture: Callable[[], Denoiser] = Passthrough
    return rungs if first == "none" else [*rungs, Rung(PICTURE, picture)]


def _compiled(device: str) -> bool:
    """Whether networks run as compiled code, on this machine's processor."""
    from ..engines.native_library import compiled_kind
    from ..networks.device import pick_kind

    return pick_kind(device) == "cpu" and bool(compiled_kind())
