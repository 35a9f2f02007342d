"""Cleaning one file of an archive, in whatever process or machine: everything that it needs is handed over."""

from __future__ import annotations

import errno
import hashlib
import io
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RtdenoiseError, StorageError, writing
from ..version import __version__

if TYPE_CHECKING:
    from ..stream.transcode import TranscodeReport

_FOR_ALL = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
)  # of errors: no other file can be written, either
_unpacking = threading.Lock()
_PROFILE_FILES = ("camera.json", "noise.json", "networks/*.safetensors")


@dataclass(frozen=True)
class How:
    """How files are cleaned: the options of ``rtdenoise denoise``; ``home`` is the folder for profiles."""

    network: str | None
    camera: str | None
    home: str
    device: str
    threads: int
    any_camera: bool
    tta: bool
    strength: float
    seconds: float | None

    def mark(self) -> str:
        """Two files with the same mark are cleaned in the same way; where, doesn't matter."""
        words = (__version__, self.network, self.camera, self.any_camera, self.tta, self.strength)
        return hashlib.sha256(repr((*words, self.seconds)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Job:
    """A file to be cleaned; absolute paths."""

    source: str
    target: str
    how: How


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    ``reason`` says why it was refused, and is empty where it was cleaned; ``ends`` whether the others would fare
    alike, as on a full disk.
    """

    frames: int = 0
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    reason: str = ""
    ends: bool = False


def clean(job: Job, profiles: bytes | None = None) -> Outcome:
    """Cleans a file; never raises for what is wrong with it.

    Args:
        job: The file, and how.
        profiles: What :func:`packed_profiles` gave, where the folder for profiles is another machine's.
    """
    started = time.monotonic()
    remarks: list[str] = []
    try:
        home = Path(job.how.home) if profiles is None else _unpacked(profiles)
        report = _clean(job, home, remarks)
    except RtdenoiseError as error:
        number = getattr(error.__cause__, "errno", None)
        ends = isinstance(error, StorageError) and number in _FOR_ALL
        return Outcome(reason=str(error), ends=ends)
    except MemoryError:
        return Outcome(reason="There is not enough memory for it.")
    except Exception as error:
        return Outcome(reason=f"Something unforeseen happened: {type(error).__name__}: {error}")
    return Outcome(
        report.frames,
        time.monotonic() - started,
        (*remarks, *report.remarks),
        tuple(report.lost),
    )


def _clean(job: Job, home: Path, remarks: list[str]) -> TranscodeReport:
    from ..cameras.file import FileCamera
    from ..denoisers.maker import DenoiserMaker
    from ..stream import transcode

    def say(text: str, *values: object) -> None:
        remarks.append(text.format(*values))

    how = job.how
    maker = DenoiserMaker(
        *(how.network, how.camera, home, how.device, how.threads, how.any_camera),
        tta=how.tta,
        say=say,
    )
    folder = Path(job.target).parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    camera = FileCamera(Path(job.source))
    try:
        denoiser = maker.for_recording(camera)
    except BaseException:
        camera.close()
        raise
    return transcode(camera, denoiser, job.target, strength=how.strength, seconds=how.seconds)


# ---------------------------------------------------------------------- other machines


def packed_profiles(home: Path) -> bytes:
    """What cleaning needs of a folder for profiles: noise and networks, no recordings."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for pattern in _PROFILE_FILES:
            for path in sorted((home / "profiles").glob(f"*/{pattern}")):
                archive.writestr(str(path.relative_to(home)), path.read_bytes())
    return data.getvalue()


_folders: dict[str, tempfile.TemporaryDirectory[str]] = {}


def _unpacked(profiles: bytes) -> Path:
    """The same as a folder of this process, which goes with it."""
    digest = hashlib.sha256(profiles).hexdigest()
    with _unpacking:
        if digest not in _folders:
            folder = tempfile.TemporaryDirectory(prefix="rtdenoise-profiles-")
            with zipfile.ZipFile(io.BytesIO(profiles)) as archive:
                archive.extractall(folder.name)
            _folders[digest] = folder
    return Path(_folders[digest].name)
