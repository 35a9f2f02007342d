"""Denoisers: planes in, planes out, with state that they can reset.

``make_denoiser`` turns what a person says (``--network NAME``, or nothing) into one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ..arrays import Bytes
from ..cameras.base import CameraInfo, Mode
from ..cameras.controls import present_gain
from ..errors import NetworkError
from ..frames import Planes
from ..noise import NoiseModel
from ..profile import Profile
from .base import Denoiser
from .passthrough import Passthrough

__all__ = [
    "Denoiser",
    "Passthrough",
    "blend",
    "make_denoiser",
    "noise_model_for",
    "uses_noise_model",
]


def make_denoiser(
    name: str | None = None,
    *,
    profile: Profile | None = None,
    camera: CameraInfo | None = None,
    mode: Mode | None = None,
    noise: NoiseModel | None = None,
    device: str = "auto",
    threads: int | None = None,
    any_camera: bool = False,
    tta: bool = True,
    realtime: bool = False,
    measure: bool = True,
    machine: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Denoiser:
    """The denoiser that a person asked for.

    A program that just has frames needs no more than ``make_denoiser("nano")``: the noise is then measured while they
    come. For frames of a camera that was calibrated, ``make_denoiser(camera=camera.info, mode=camera.mode)`` gives what
    was calibrated for it.

    Args:
        name: "none", "recursive", the name of a network in the profile or, where it has none of that name, of a base
            network that comes with the package ("nano", …), or the path of a network's file. None: see
            :func:`rtdenoise.denoisers.choice.default_network`; where no camera is given, the largest base network.
        profile: The camera's profile, for its noise model and networks; None: the one in the user's data directory.
        camera: The camera whose frames are to be cleaned; None: nothing is known of it, and any network may be used.
        mode: Its mode, which is given with it; a network and a noise model are made for one.
        noise: The camera's noise; None: the profile's, or else it is measured while frames come.
        device: "auto", "cpu", "cuda", "mps" or "xpu", for networks.
        threads: How many CPU cores live networks and the recursive filter may take; None: see
            :func:`rtdenoise.engines.default_threads`.
        any_camera: Use a network although it was calibrated for another camera or mode.
        tta: For the paper's network: the mean over the eight flips and rotations (eq. 10).
        realtime: Where no name is given, choose one that keeps up with the camera.
        measure: For that, measure what isn't known of this machine.
        machine: The file of what was measured on this machine; None: nothing is known, and nothing kept.
        say: Told what was chosen so, and why.

    Raises:
        NetworkError: no such network, or a damaged file, or one of another camera.
        ProfileError: the noise model is damaged.
        ValueError: only one of ``camera`` and ``mode`` is given, or a profile without them.
    """
    if (camera is None) != (mode is None) or (profile is not None and camera is None):
        raise ValueError("camera and mode go together, and a profile needs both")
    if name == "none":
        return Passthrough()
    if camera is not None and mode is not None:
        profile = profile or Profile.of(camera)
        if name is None:
            from .choice import default_network

            name = default_network(
                profile,
                camera,
                mode,
                device,
                threads=threads,
                realtime=realtime,
                measure=measure,
                machine=machine,
                say=say,
            )
    elif name is None:
        from ..networks.shipped import shipped_sizes

        name = ["recursive", *shipped_sizes()][-1]

    def known_noise() -> NoiseModel | None:
        if noise is not None or profile is None or mode is None:
            return noise
        return noise_model_for(profile, mode, camera)

    if name == "recursive":
        from .recursive import RecursiveDenoiser

        return RecursiveDenoiser(known_noise(), threads=threads != 1)
    from ..networks.card import check_camera, load_weights, read_card

    path = _network_path(name, profile, camera)
    if read_card(path).kind == "paper":
        from .paper import PaperDenoiser

        return PaperDenoiser(
            path, device=device, tta=tta, camera=camera, mode=mode, any_camera=any_camera
        )
    from .live_network import LiveNetworkDenoiser

    network, card = load_weights(path)
    if camera is not None and mode is not None:
        check_camera(card, camera, mode, any_camera)
    return LiveNetworkDenoiser(network, known_noise(), device, name=path.stem, threads=threads)


def _network_path(name: str, profile: Profile | None, camera: CameraInfo | None) -> Path:
    """The file of a network: named itself, or of the profile, or one that comes with the package.

    Raises:
        NetworkError: there is no such network.
    """
    from ..networks.shipped import base_network_path, shipped_sizes

    path = Path(name)
    if path.suffix == ".safetensors":
        return path
    own = [] if profile is None else [profile.network_path(name)]
    for path in (*own, base_network_path(name)):
        if path.exists():
            return path
    calibrated = [] if profile is None else [p.stem for p in profile.networks()]
    known = dict.fromkeys(["recursive", *calibrated, *shipped_sizes()])
    suited = "" if camera is None else f" for {camera.name}"
    hint = "Choose one of these, or name a .safetensors file."
    if name == "paper":
        hint = "Make it with rtdenoise calibrate --network paper."
    raise NetworkError(
        f"There is no network {name!r}{suited} (there are: {', '.join(known)}).", hint
    )


def noise_model_for(
    profile: Profile, mode: Mode, camera: CameraInfo | None = None
) -> NoiseModel | None:
    """The profile's noise model, if it has one and it was measured in ``mode``; else None.

    Of a webcam that was measured at several gains the one that is nearest to its present gain counts.

    The noise of another mode (another size or pixel format) is another noise: the camera scales and codes
    its picture differently.
    """
    if not profile.noise_path.exists():
        return None
    model = NoiseModel.load(profile.noise_path)
    if model.mode not in ("", str(mode)):
        return None
    if camera is None or not model.others:
        return model
    return model.at_gain(present_gain(camera))


def uses_noise_model(denoiser: Denoiser) -> bool:
    """Whether a denoiser goes by the camera's noise, measured or estimated, frame after frame."""
    if isinstance(denoiser, Passthrough):
        return False
    if denoiser.name == "recursive":
        return True
    from .live_network import LiveNetworkDenoiser

    return isinstance(denoiser, LiveNetworkDenoiser)


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
