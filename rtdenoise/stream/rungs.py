"""The rungs of a call's ladder: what cleans first, and what is cheaper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..cameras.base import CameraInfo, Mode
from ..denoisers import Denoiser, Passthrough, make_denoiser
from ..profile import Profile
from .adaptive import Rung

PICTURE = "the camera's own picture"


def rungs_for_call(
    first: str,
    *,
    profile: Profile,
    camera: CameraInfo,
    mode: Mode,
    device: str = "auto",
    threads: int | None = None,
    any_camera: bool = False,
    insist: bool = False,
) -> list[Rung]:
    """The ways to clean a camera's stream, the best first.

    After the first come smaller networks, the recursive filter, and at last the camera's own picture.

    Args:
        first: The name of the best, as :func:`rtdenoise.denoisers.make_denoiser` knows it.
        profile: The camera's.
        camera: The camera.
        mode: Its mode.
        device: Where networks run.
        threads: How many CPU cores cleaning may take; None: the usual number.
        any_camera: Use the first although it was calibrated for another camera.
        insist: The first was asked for by name: nothing stands between it and the camera's picture.
    """

    def rung(name: str) -> Rung:
        def make() -> Denoiser:
            return make_denoiser(
                name,
                profile=profile,
                camera=camera,
                mode=mode,
                device=device,
                threads=threads,
                any_camera=any_camera,
                tta=False,
            )

        return Rung(Path(name).stem, make)

    names = [first]
    if not insist and first not in ("recursive", "none"):
        from ..denoisers.choice import candidates  # takes a second: networks need torch

        found = [c.name for c in candidates(profile, camera, mode)]
        names += found[found.index(first) + 1 :] if first in found else []
        names.append("recursive")
    rungs = [rung(name) for name in names]
    picture: Callable[[], Denoiser] = Passthrough
    return rungs if first == "none" else [*rungs, Rung(PICTURE, picture)]
