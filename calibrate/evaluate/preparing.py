"""Gathers what is compared on: what a simulated camera films for it, or what a person has filmed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from capture.clip import Clip
from rtdenoise.arrays import Mask
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo
from rtdenoise.console import Ticker
from rtdenoise.errors import CameraError, ClipError
from rtdenoise.frames import Planes
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import Profile, profiles
from rtdenoise.version import __version__

from ..noise.measure import measure
from ..sources import FEWEST_FRAMES, find_source, frame_limit
from .filming import film, film_together
from .material import Material, Recorded, gather
from .protocol import Filmed, Protocol, beside_the_paper

_MANY = 10_000  # frames: no limit


@dataclass(frozen=True)
class Prepared:
    """One camera's material; ``folder`` takes all that is found, ``profile`` is the camera's."""

    camera: CameraInfo
    profile: Profile
    folder: Path
    material: Material
    simulated: bool
    remarks: tuple[str, ...] = ()

    @cached_property
    def mark(self) -> str:
        """What is compared on what: changes with the recordings, the frames and the windows."""
        digest = hashlib.sha256(__version__.encode())
        for place in self.material.places:
            clip = place.recorded.clip
            facts = clip.path.stat()
            digest.update(
                repr(
                    (place.name, place.count, place.judged, place.window, place.seen, place.cleaned)
                ).encode()
            )
            digest.update(repr((clip.path.name, facts.st_size, place.recorded.series)).encode())
        return digest.hexdigest()

    def learned_frames(self) -> Iterator[tuple[list[Planes], Mask]]:
        """The frames that may be learned from and their still pixels, one series at a time."""
        for one, count in self._learned:
            yield list(one.clip.read(one.series, count)), one.clip.static_mask(one.series)

    @property
    def _learned(self) -> list[tuple[Recorded, int]]:
        counts = {region.series: region.last for region in self.material.split.training}
        learned = [p.recorded for p in self.material.places if not p.recorded.held]
        return [(one, counts[i]) for i, one in enumerate(learned)]

    def noise(self) -> NoiseModel:
        """The camera's noise, measured on the frames that may be learned from; what was measured before is taken.

        Raises:
            ClipError: nothing stands still.
            StorageError: the folder can't be written.
        """
        path = self.folder / f"noise-{self.mark[:16]}.json"
        if not path.is_file():
            mode = self.material.places[0].recorded.clip.mode
            measure(self.learned_frames(), self.camera.id, str(mode)).save(path)
        # As the file rounds it: a fine-tuning that was stopped goes on only with the very same noise.
        return NoiseModel.load(path)

    def training_clip(self, ticker: Ticker) -> Clip:
        """One clip of nothing but the frames that may be learned from, of a simulated camera."""
        learned = self._learned
        mode = learned[0][0].clip.mode
        return film_together(
            [one for one, _ in learned],
            [count for _, count in learned],
            (mode.width, mode.height),
            self.folder / "clips" / "training.mkv",
            ticker,
        )


def simulated_camera(camera: str | None, home: Path | None) -> str | None:
    """The spec of the simulated camera that a person means; None where it is another one."""
    if camera is None:
        return None
    for profile in profiles(home):
        info = profile.camera()
        if camera in (info.id, info.name):
            return info.spec if info.kind == "simulated" else None
    return camera if camera.partition(":")[0] == "simulated" else None


def film_simulated(
    spec: str,
    protocol: Protocol,
    groups: Sequence[Filmed],
    size: tuple[int, int],
    home: Path | None,
    ticker: Ticker,
    *,
    inside: Path | None = None,
) -> Prepared:
    """Lets a simulated camera film what the protocol wants.

    Args:
        spec: The camera's.
        protocol: How methods are compared.
        groups: What is filmed.
        size: Of the pictures.
        home: Where profiles are.
        ticker: Told of each frame.
        inside: A folder for it, where it is only the other camera of a comparison.

    Raises:
        CameraError: no simulated camera has these options.
        ClipError: a scene was refused.
        StorageError: the profile can't be written.
    """
    opened = open_camera(spec, size=size)
    info = opened.info
    opened.close()
    if opened.mode.width < 2 * FEWEST_FRAMES or info.kind != "simulated":
        raise CameraError(f"{spec} can't film for this.", "Choose a simulated camera.")
    profile = Profile.of(info, home)
    folder = inside or profile.evaluation_folder(protocol.name)
    recorded = film(spec, groups, size, folder / "clips", ticker)
    if inside is None:
        profile.remember(info)
    material = gather(recorded, protocol.judged, protocol.window, _MANY)
    return Prepared(info, profile, folder, material, True)


def own_footage(
    camera: str | None, protocol: Protocol, frames: int | None, home: Path | None
) -> Prepared:
    """What a person has filmed with a camera: the newest clip, or for the paper's protocol all of its clips.

    Raises:
        CameraError, ClipError, ProfileError: there is nothing to compare on.
    """
    source = find_source(camera, None, home)
    clips = [source.clip]
    if protocol.learning:
        clips += list(_others(source.profile, source.clip))
    found = [
        Recorded(f"{clip.path.stem}-{series.first}", "filmed", clip, series)
        for clip in reversed(clips)
        for series in clip.accepted
        if series.count >= FEWEST_FRAMES
    ]
    if not found:
        longest = max((s.count for clip in clips for s in clip.accepted), default=0)
        raise ClipError(
            f"The longest accepted series of {source.clip.path} has {longest} frames, and comparing needs "
            f"{FEWEST_FRAMES}.",
            "Record a longer series with rtdenoise capture.",
        )
    limit = frame_limit(source.clip, 3, len(found))
    judged = protocol.judged if frames is None else frames
    material = gather(found, judged, protocol.window, limit)
    mode = source.clip.mode
    remarks = []
    if protocol.learning:
        shortest = min(place.count for place in material.places)
        remarks.append(beside_the_paper(len(found), shortest, (mode.width, mode.height)))
    if not material.by_scene:
        remarks.append(
            "There are fewer than three scenes, so all is judged in a strip at the right of the picture that nothing "
            "learns from."
        )
    folder = source.profile.evaluation_folder(protocol.name)
    return Prepared(source.clip.camera, source.profile, folder, material, False, tuple(remarks))


def _others(profile: Profile, newest: Clip) -> Iterator[Clip]:
    """The other judged clips of the camera in the same mode."""
    for path in profile.clips():
        if path == newest.path:
            continue
        try:
            clip = Clip.load(path)
        except ClipError:
            continue
        if (
            clip.accepted
            and str(clip.mode) == str(newest.mode)
            and clip.camera.id == newest.camera.id
        ):
            yield clip
