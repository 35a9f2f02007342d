"""Denoisers: planes in, planes out, with state that they can reset.

``make_denoiser`` turns what a person says (``--network NAME``, or nothing) into one.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ..cameras.base import CameraInfo, Mode
from ..errors import NetworkError
from ..frames import Bytes, Planes
from ..noise import NoiseModel
from ..profile import Profile
from .base import Denoiser
from .passthrough import Passthrough

__all__ = ["Denoiser", "Passthrough", "blend", "make_denoiser"]


def make_denoiser(
    name: str | None,
    *,
    profile: Profile,
    camera: CameraInfo,
    mode: Mode,
    device: str = "auto",
    any_camera: bool = False,
    tta: bool = True,
) -> Denoiser:
    """The denoiser that a person asked for.

    Args:
        name: "none", "recursive", the name of a network in the profile, or the path of a network's file.
            None means "recursive", which keeps up with any camera.
        profile: The camera's profile, for its noise model and networks.
        camera: The camera whose frames are to be cleaned.
        mode: Its mode; a network and a noise model are made for one.
        device: "auto", "cpu", "cuda", "mps" or "xpu", for networks.
        any_camera: Use a network although it was calibrated for another camera or mode.
        tta: For the paper's network: the mean over the eight flips and rotations (eq. 10).

    Raises:
        NetworkError: no such network, or a damaged file, or one of another camera.
        ProfileError: the noise model is damaged.
    """
    if name == "none":
        return Passthrough()
    if name is None or name == "recursive":
        from .recursive import RecursiveDenoiser

        return RecursiveDenoiser(noise_model_for(profile, mode))
    path = Path(name)
    if path.suffix != ".safetensors":
        path = profile.network_path(name)
        if not path.exists():
            raise NetworkError(
                f"There is no network {name!r} for {camera.name}{_known(profile)}.",
                f"Make it with rtdenoise calibrate --network {name}, or name a .safetensors file.",
            )
    from .network import NetworkDenoiser

    return NetworkDenoiser(
        path, device=device, tta=tta, camera=camera, mode=mode, any_camera=any_camera
    )


def noise_model_for(profile: Profile, mode: Mode) -> NoiseModel | None:
    """The profile's noise model, if it has one and it was measured in ``mode``; else None.

    The noise of another mode (another size or pixel format) is another noise: the camera scales and codes
    its picture differently.
    """
    if not profile.noise_path.exists():
        return None
    model = NoiseModel.load(profile.noise_path)
    return model if model.mode in ("", str(mode)) else None


def blend(noisy: Planes, clean: Planes, strength: float) -> Planes:
    """Goes ``strength`` (0…1) of the way from the camera's frame to the cleaned one.

    0 gives ``noisy`` itself, bit for bit; 1 gives ``clean`` itself.
    """
    if strength <= 0:
        return noisy
    if strength >= 1:
        return clean

    def mix(a: Bytes, b: Bytes) -> Bytes:
        if a.size == 0:
            return a
        mixed: Bytes = np.asarray(cv2.addWeighted(a, 1 - strength, b, strength, 0.0), np.uint8)
        return mixed

    y, u, v = mix(noisy.y, clean.y), mix(noisy.u, clean.u), mix(noisy.v, clean.v)
    return Planes(y, u, v, noisy.format, noisy.time_s)


def _known(profile: Profile) -> str:
    names = ", ".join(path.stem for path in profile.networks())
    return f" (there are: recursive, {names})" if names else ""
