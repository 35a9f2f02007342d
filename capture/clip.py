"""Clips: one recording of one camera as the camera sent it, with a sidecar of facts beside it.

STAMP.mkv|.nut       the packets
STAMP.json           the sidecar: camera, mode, frames, when, controls, series
STAMP.series0.png    the static mask of series 0 (white = still); one for each accepted series
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rtdenoise.arrays import Bytes
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.errors import ClipError
from rtdenoise.files import count_of, number_of, read_json, text_of, write_bytes, write_json
from rtdenoise.frames import Planes, planes_from_frame

from .alike import Alike

VERSION = 1
_INTRA_CODECS = ("mjpeg", "rawvideo")
_MOST = 1e9  # of any measure
_OWN_KEYS = ("version", "camera", "mode", "frames", "series")


@dataclass(frozen=True)
class Series:
    """Consecutive frames of one still scene inside a clip, and how they were judged.

    All figures are of luma. ``first`` counts the clip's decodable frames from 0, ``count`` is the
    number of frames; ``mu`` and ``sigma`` are the mean and standard deviation of the deviation e
    over the series (paper, eq. 5 and 6); ``shift_px`` is the largest shift of a frame against the
    mean; ``drift_levels`` the change of brightness from the first to the last part, in levels of
    255; ``lag1`` the correlation of the noise of neighbouring frames; ``static_fraction`` the share
    of pixels that stand still; ``reason`` says why it was refused, and is empty where it was
    ``accepted``.
    """

    first: int
    count: int
    mu: float
    sigma: float
    shift_px: float
    drift_levels: float
    lag1: float
    static_fraction: float
    accepted: bool
    reason: str = ""

    @property
    def stop(self) -> int:
        """The first frame after the series."""
        return self.first + self.count

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the sidecar."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Series:
        """The inverse of :meth:`to_json`; ``KeyError``, ``TypeError``, ``ValueError`` on damage."""
        measures = ("mu", "sigma", "shift_px", "drift_levels", "lag1", "static_fraction")
        floats = {name: number_of(value[name], -_MOST, _MOST) for name in measures}
        first, count, accepted = (
            count_of(value["first"]),
            count_of(value["count"]),
            value["accepted"],
        )
        if type(accepted) is not bool or count < 1:
            raise ValueError("accepted must be true or false, and a series has frames")
        reason = text_of(value["reason"])
        return cls(first=first, count=count, accepted=accepted, reason=reason, **floats)


@dataclass(frozen=True)
class Clip:
    """One recording and what is known about it.

    ``frames`` counts the frames that decode; ``series`` are in the order of time; ``facts`` is the
    rest of the sidecar: ``started`` (ISO 8601), ``controls`` (what was locked), ``measured_fps``,
    ``damaged_packets`` and the like.
    """

    path: Path
    camera: CameraInfo
    mode: Mode
    frames: int
    series: tuple[Series, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sidecar_path(self) -> Path:
        """Where the facts are."""
        return self.path.with_suffix(".json")

    @property
    def accepted(self) -> tuple[Series, ...]:
        """The series that may train."""
        return tuple(series for series in self.series if series.accepted)

    @classmethod
    def load(cls, path: Path) -> Clip:
        """Reads the sidecar of the clip at ``path``.

        Raises:
            ClipError: the clip or its sidecar is missing, damaged, or of a newer version.
        """
        path = Path(path)
        hint = f"Run rtdenoise capture --camera file:{path} to judge the clip anew."
        if not path.is_file():
            raise ClipError(f"There is no clip at {path}.", "Run rtdenoise capture to record one.")
        sidecar = path.with_suffix(".json")
        value = read_json(sidecar, ClipError, hint)
        version = value.get("version")
        if isinstance(version, int) and version > VERSION:
            raise ClipError(f"{sidecar} was written by a newer rtdenoise.", "Update rtdenoise.")
        try:
            frames = count_of(value["frames"])
            clip = cls(
                path=path,
                camera=CameraInfo.from_json(value["camera"]),
                mode=Mode.from_json(value["mode"]),
                frames=frames,
                series=tuple(Series.from_json(item) for item in value["series"]),
                facts={key: item for key, item in value.items() if key not in _OWN_KEYS},
            )
            # The only one of the facts that is worked with; the others are read anew, or shown.
            for start in value.get("scene_starts", ()):
                count_of(start)
        except (KeyError, TypeError, ValueError) as cause:
            raise ClipError(f"{sidecar} is damaged: a fact is missing or wrong.", hint) from cause
        if any(series.stop > clip.frames for series in clip.series):
            raise ClipError(f"{sidecar} is damaged: a series is longer than the clip.", hint)
        return clip

    def save(self) -> None:
        """Writes the sidecar, whole or not at all.

        Raises:
            StorageError: the folder can't be written.
        """
        own = {
            "version": VERSION,
            "camera": asdict(self.camera),
            "mode": self.mode.to_json(),
            "frames": self.frames,
            "series": [series.to_json() for series in self.series],
        }
        facts = {key: item for key, item in self.facts.items() if key not in _OWN_KEYS}
        write_json(self.sidecar_path, {**own, **facts})

    def read(self, series: Series | None = None, limit: int | None = None) -> Iterator[Planes]:
        """Decodes the frames of ``series`` (None: of the whole clip), at most ``limit`` of them.

        Each has memory of its own. The file is closed when the iterator ends or is closed.

        Raises:
            ClipError: the clip can't be decoded, or ends before the series does.
        """
        first, count = (0, self.frames) if series is None else (series.first, series.count)
        wanted = count if limit is None else min(count, limit)
        got, size = 0, (self.mode.width, self.mode.height)
        for planes in islice(self._decoded(first), wanted):
            if (planes.format.width, planes.format.height) != size:
                raise ClipError(
                    f"{self.path} has {planes.format.width}×{planes.format.height} pixels, and its sidecar says "
                    f"{size[0]}×{size[1]}.",
                    f"Run rtdenoise capture --camera file:{self.path} to judge the clip anew.",
                )
            got += 1
            yield planes
        if got < wanted:
            raise ClipError(
                f"{self.path} ends after {first + got} frames, and its sidecar promises more.",
                f"Run rtdenoise capture --camera file:{self.path} to judge the clip anew.",
            )

    def _decoded(self, first: int) -> Iterator[Planes]:
        """Copies of the frames from number ``first`` on."""
        camera = open_camera(f"file:{self.path}")
        try:
            # Every JPEG or raw packet is a frame of its own, so those before the series need no
            # decoding, unless some are damaged or of another kind: then only decoding tells which.
            facts = self.facts
            even = facts.get("damaged_packets") == 0 and not facts.get("format_changes")
            frames, passed_over = camera.frames(), first
            if self.mode.codec in _INTRA_CODECS and even:
                packets = islice(camera.packets(), first, None)
                frames = (frame for packet in packets for frame in camera.decode(packet))
                passed_over = 0
            for planes in islice(Alike()(frames), passed_over, None):
                yield planes.copy()
        finally:
            camera.close()

    def mask_path(self, index: int) -> Path:
        """Where the static mask of series number ``index`` is."""
        return self.path.with_name(f"{self.path.stem}.series{index}.png")

    def save_mask(self, index: int, mask: NDArray[np.bool_]) -> None:
        """Writes the static mask (H, W) of series number ``index``, whole or not at all.

        Raises:
            StorageError: the folder can't be written.
        """
        _, coded = cv2.imencode(".png", mask.astype(np.uint8) * 255)
        write_bytes(self.mask_path(index), coded.tobytes())

    def static_mask(self, series: Series) -> NDArray[np.bool_]:
        """Which pixels of ``series`` stand still: (H, W), True = still.

        Raises:
            ClipError: the series is none of this clip's, or its mask is missing or damaged.
        """
        if series not in self.series:
            raise ClipError(f"{self.path} has no series that begins at frame {series.first}.")
        path = self.mask_path(self.series.index(series))
        hint = f"Run rtdenoise capture --camera file:{self.path} to judge the clip anew."
        if not path.is_file():
            raise ClipError(f"The static mask {path} is missing.", hint)
        picture = _luma(path, (self.mode.width, self.mode.height))
        if picture is None:
            raise ClipError(f"The static mask {path} is damaged.", hint)
        return np.asarray(picture > 127)


def _luma(path: Path, size: tuple[int, int]) -> Bytes | None:
    """The luma of a picture of that size; None where it is another one or can't be read.

    Not through OpenCV, which makes memory for whatever a damaged header claims, and complains on standard error.
    """
    try:
        camera = open_camera(f"file:{path}")
    except ClipError:
        return None
    with closing(camera), suppress(ClipError):
        if (camera.mode.width, camera.mode.height) == size:
            for frame in camera.frames():
                planes = planes_from_frame(frame)
                return planes.y.copy() if planes.y.shape == size[::-1] else None
    return None
