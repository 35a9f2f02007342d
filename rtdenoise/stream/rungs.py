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

    After the first come smaller networks, and then less of the smallest. Where compiled code runs it, it becomes a
    temporal filter only, for what it cleans in space is two thirds of its step: of 12 dB what stands still loses 1,
    what moves 1 to 2. (Without following, what moves loses more, and no more time is saved.) Then it doesn't follow
    what moves, either. Where PyTorch runs it, it doesn't follow, and then comes the recursive filter, which takes
    longer than compiled networks do. At last the camera's own picture.

    Args:
        first: The name of the best, as :func:`rtdenoise.denoisers.make_denoiser` knows it.
        setting: What they are made for.
        insist: The first was asked for by name: no other stands between it and the camera's picture.
        follows: The first is a live network, which follows what moves.
    """

    def rung(name: str, *, spatial: bool = True, follow: bool = True) -> Rung:
        def make() -> Denoiser:
            denoiser = setting.make(name)
            if isinstance(denoiser, LiveNetworkDenoiser):
                denoiser.spatial, denoiser.follows = spatial, follow
            return denoiser

        title = Path(name).stem
        title += "" if spatial else ", temporal only"
        title += "" if follow else " without following what moves"
        return Rung(title, make)

    from ..denoisers.choice import candidates, runs_compiled
    from ..denoisers.live_network import LiveNetworkDenoiser

    names = [first]
    if not insist and first not in ("recursive", "none"):
        found = [c.name for c in candidates(setting.profile, setting.camera, setting.mode)]
        names += found[found.index(first) + 1 :] if first in found else []
    rungs = [rung(name) for name in names]
    compiled = runs_compiled(setting.device)
    if follows and compiled:
        rungs.append(rung(names[-1], spatial=False))
    if follows:
        rungs.append(rung(names[-1], spatial=not compiled, follow=False))
    if not insist and first not in ("recursive", "none") and not compiled:
        rungs.append(rung("recursive"))
    picture: Callable[[], Denoiser] = Passthrough
    return rungs if first == "none" else [*rungs, Rung(PICTURE, picture)]
