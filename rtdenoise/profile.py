"""Profiles: everything that is known about one camera on disk.

HOME/profiles/CAMERA-ID/
    camera.json              name, kind, how to open it
    controls.json            the settings that its user wants to keep
    settings.json            how its user wants it used
    locked.json              while it is filmed: what puts its settings back
    clips/STAMP.mkv|.nut     recordings as the camera sent them, each with STAMP.json beside it
    noise.json               the noise model
    networks/NAME.safetensors
    training/NAME/           what an interrupted calibration goes on from
    report/                  pictures and figures of the last calibration
    evaluations/NAME/        what `rtdenoise evaluate` found, and what an interrupted one goes on from
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from .cameras.base import CameraInfo
from .errors import ProfileError, StorageError
from .files import read_json, same_file, write_json

_LONGEST_NAME = 200  # letters
CLIP_SUFFIXES = (".mkv", ".nut")


def data_home(home: Path | None) -> Path:
    """The folder for profiles: ``home``, or the user's data directory."""
    return home if home is not None else Path(platformdirs.user_data_dir("rtdenoise", False))


@dataclass(frozen=True)
class Profile:
    """One camera's folder. Nothing is made on disk before something is written."""

    folder: Path

    @classmethod
    def of(cls, camera: CameraInfo, home: Path | None = None) -> Profile:
        """The profile of ``camera`` in ``home`` (see :func:`data_home`), whether or not it exists yet."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", camera.id).strip("-.") or "camera"
        if len(name) > _LONGEST_NAME:  # of which a file system would take no folder
            digest = hashlib.sha256(camera.id.encode("utf-8", "replace")).hexdigest()
            name = f"{name[:_LONGEST_NAME]}-{digest[:8]}"
        return cls(data_home(home) / "profiles" / name)

    @property
    def clips_folder(self) -> Path:
        """Where recordings are."""
        return self.folder / "clips"

    @property
    def noise_path(self) -> Path:
        """The noise model's file."""
        return self.folder / "noise.json"

    @property
    def controls_path(self) -> Path:
        """The settings that the camera's user wants to keep."""
        return self.folder / "controls.json"

    @property
    def settings_path(self) -> Path:
        """How the camera's user wants it used; see :mod:`rtdenoise.camera_settings`."""
        return self.folder / "settings.json"

    @property
    def locked_path(self) -> Path:
        """What puts the camera's settings back after a recording; there while one runs, or after it was killed."""
        return self.folder / "locked.json"

    @property
    def report_folder(self) -> Path:
        """Pictures and figures of the last calibration."""
        return self.folder / "report"

    def network_path(self, network: str) -> Path:
        """The file of the network of that name."""
        return self.folder / "networks" / f"{network}.safetensors"

    def training_folder(self, network: str) -> Path:
        """What an interrupted calibration of that network goes on from."""
        return self.folder / "training" / network

    def evaluation_folder(self, name: str) -> Path:
        """What a comparison of methods found, and what an interrupted one goes on from."""
        return self.folder / "evaluations" / name

    def new_clip_path(self, suffix: str) -> Path:
        """A fresh path for a recording; names sort by time."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for n in range(1, 1000):
            path = self.clips_folder / (f"{stamp}{suffix}" if n == 1 else f"{stamp}-{n}{suffix}")
            if not path.exists():
                return path
        raise ProfileError(f"{self.clips_folder} holds too many clips of one second.")

    def clips(self) -> list[Path]:
        """The recordings, newest first (those that have a sidecar)."""
        if not self.clips_folder.is_dir():
            return []
        found = [p for p in self.clips_folder.iterdir() if p.suffix in CLIP_SUFFIXES]
        whole = [p for p in found if p.is_file() and p.with_suffix(".json").exists()]
        return sorted(whole, key=lambda p: (p.stat().st_mtime, p.name), reverse=True)

    def networks(self) -> list[Path]:
        """The network files, newest first."""
        # A link may lead nowhere.
        found = [p for p in (self.folder / "networks").glob("*.safetensors") if p.is_file()]
        return sorted(found, key=lambda p: (p.stat().st_mtime, p.name), reverse=True)

    def remember(self, camera: CameraInfo) -> None:
        """Writes down which camera this is."""
        write_json(self.folder / "camera.json", asdict(camera))

    def camera(self) -> CameraInfo:
        """Which camera this is.

        Raises:
            ProfileError: it was never written, or is damaged.
        """
        hint = "Run rtdenoise capture again for this camera."
        value = read_json(self.folder / "camera.json", ProfileError, hint)
        try:
            return CameraInfo.from_json(value)
        except (KeyError, TypeError, ValueError) as cause:
            raise ProfileError(f"{self.folder / 'camera.json'} is damaged.", hint) from cause


def refuse_profile(output: Path, home: Path | None = None) -> None:
    """Refuses a file for figures that is one of a profile's own: a clip, its facts, a network, the noise model.

    Raises:
        StorageError: it is, also by another name of it.
    """
    folder = data_home(home)
    if output.is_file() and folder.is_dir():
        same = same_file(output, (path for path in folder.rglob("*") if path.is_file()))
        if same is not None:
            raise StorageError(
                f"{output} is {same}, which belongs to a camera.", "Name another file."
            )


def profiles(home: Path | None = None) -> list[Profile]:
    """All profiles, the most recently used first; ``home`` None: in the user's data directory."""
    folder = data_home(home) / "profiles"
    if not folder.is_dir():
        return []
    found = [Profile(p) for p in folder.iterdir() if (p / "camera.json").exists()]
    return sorted(found, key=lambda p: p.folder.stat().st_mtime, reverse=True)
