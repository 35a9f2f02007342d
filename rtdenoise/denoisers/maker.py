"""What `rtdenoise denoise` cleans a recording with: whose camera's profile, which network, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cameras.base import Camera
    from .base import Denoiser
    from .recording import Recorded


@dataclass(frozen=True)
class DenoiserMaker:
    """Makes denoisers for recordings and pictures, by what was said on the command line.

    ``recorded_with`` is the camera that another program recorded them with; None: the one that a recording's own
    sidecar names. The others are as in :func:`rtdenoise.denoisers.make_denoiser`; ``say`` is told what of a
    profile is used, and what isn't.
    """

    network: str | None
    recorded_with: str | None
    home: Path | None
    device: str
    threads: int | None
    any_camera: bool
    tta: bool
    say: Callable[..., None]

    def for_recording(self, recording: Camera) -> Denoiser:
        """The denoiser for a recording that was opened, and is still to be read.

        Raises:
            NetworkError, ProfileError: as :func:`rtdenoise.denoisers.make_denoiser`; there is no such camera.
            ClipError: the recording can't be read.
        """
        from ..cameras.file import FileCamera
        from . import make_denoiser
        from .still import StillDenoiser
        from .streaming import StreamDenoiser

        found = self._profile_for(recording)
        if found.sentence and self.network not in ("none", "paper"):
            self.say("{}", found.sentence)
        denoiser = make_denoiser(
            self.network,
            profile=found.profile,
            camera=found.camera,
            mode=found.mode,
            noise=found.noise,
            device=self.device,
            threads=self.threads,
            any_camera=self.any_camera,
            tta=self.tta,
        )
        picture = isinstance(recording, FileCamera) and recording.is_picture
        if picture and isinstance(denoiser, StreamDenoiser):
            return StillDenoiser(denoiser)
        return denoiser

    def _profile_for(self, recording: Camera) -> Recorded:
        from ..cameras import open_camera
        from ..profile import Profile
        from .recording import Recorded, calibrated_camera, ignored, of_recording

        info, mode = recording.info, recording.mode
        if self.recorded_with is None:
            profile = Profile.of(info, self.home)
            return Recorded(ignored(profile, mode) or "", profile, info, mode)
        profile, camera = calibrated_camera(self.recorded_with, self.home)
        look = open_camera(info.spec)  # read beforehand: what is read is gone
        try:
            return of_recording(profile, camera, look)
        finally:
            look.close()
