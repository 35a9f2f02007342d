"""The nine simulated clips that the live networks are judged on, kept in a folder between runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calibrate.noise.measure import measure
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.noise import NoiseModel

from ..common import Mask, frames_of, in_420

SCENES = ("desk", "room", "street")
NOISES = ("low", "medium", "high")
COUNT = 65
JUDGED = (30, 34, 38)
"""Frames that every method is judged on, counted from 0."""
GROWTH = (1, 5, 10, 20, 30, 45, 60)
"""Frames at which it is told how much noise is left in what stands still."""

# Nothing else uses this sensor or these seeds: no network was trained, no setting chosen on them.
_SENSOR, _SEED = 77, 9001
_CALIBRATION_SEED, _CALIBRATION_FRAMES = 9101, 20
_MEAN_SEED, _MEAN_FRAMES = 9201, 24  # frames in each of two independent means
_MARGIN = 17  # pixels around what moves: JPEG's blocks carry movement that far


@dataclass(frozen=True)
class BenchClip:
    """One clip in a folder: frames and truths as 4:2:0 bytes, what moves, and the camera's noise."""

    name: str
    noise: str
    folder: Path

    @cached_property
    def noisy(self) -> NDArray[np.uint8]:
        """(T, H·3/2, W)."""
        return np.asarray(np.load(self.folder / "noisy.npy", mmap_mode="r"))

    @property
    def format(self) -> PlaneFormat:
        """Full-range BT.601 4:2:0."""
        rows, columns = self.noisy.shape[1:]
        return PlaneFormat(columns, rows * 2 // 3, "420", full_range=True, matrix="bt601")

    def frame(self, index: int) -> Planes:
        """Frame ``index`` as the camera delivers it."""
        return unpacked(self.noisy[index], self.format, index / 30)

    def frames(self) -> Iterator[Planes]:
        """All frames in order."""
        return (self.frame(i) for i in range(len(self.noisy)))

    def truth(self, index: int) -> Planes:
        """The truth, for frames in ``JUDGED`` and ``GROWTH``."""
        return unpacked(np.load(self.folder / f"truth-{index}.npy"), self.format, index / 30)

    def subject(self, index: int) -> Mask:
        """(H, W): where the moving subject is in frame ``index``."""
        return self._mask(f"subject-{index}")

    @cached_property
    def quiet(self) -> Mask:
        """(H, W): where nothing moves in the whole clip."""
        return self._mask("quiet")

    @cached_property
    def means(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two (H, W) luma means of independent frames in which the subject stands still."""
        return np.load(self.folder / "mean-0.npy"), np.load(self.folder / "mean-1.npy")

    @cached_property
    def model(self) -> NoiseModel:
        """The camera's noise, measured on another scene: anew each time, as calibration does it now."""
        data = np.load(self.folder / "calibration.npy", mmap_mode="r")
        series = [unpacked(frame, self.format, i / 30) for i, frame in enumerate(data)]
        return measure([(series, np.ones(series[0].y.shape, bool))], "simulated", "")

    def _mask(self, name: str) -> Mask:
        shape = (self.format.height, self.format.width)
        bits = np.unpackbits(np.load(self.folder / f"{name}.npy"), count=shape[0] * shape[1])
        return bits.reshape(shape).astype(bool)


def packed(planes: Planes) -> NDArray[np.uint8]:
    """The three planes of 4:2:0 below each other: (H·3/2, W)."""
    flat = [plane.ravel() for plane in (planes.y, planes.u, planes.v)]
    return np.concatenate(flat).reshape(planes.format.height * 3 // 2, planes.format.width)


def unpacked(data: NDArray[np.uint8], format_: PlaneFormat, time_s: float) -> Planes:
    """Back from :func:`packed`, without a copy."""
    flat = data.reshape(-1)
    area = format_.width * format_.height
    y = flat[:area].reshape(format_.height, format_.width)
    u = flat[area : area * 5 // 4].reshape(format_.chroma_shape)
    v = flat[area * 5 // 4 :].reshape(format_.chroma_shape)
    return Planes(y, u, v, format_, time_s)


def clip(scene: str, noise: str, size: tuple[int, int], cache: Path) -> BenchClip:
    """The clip, rendered where the folder does not have it yet."""
    name = f"{scene}-{noise}"
    found = BenchClip(name, noise, cache / "clips" / f"{name}-{size[0]}x{size[1]}")
    if not found.folder.exists():
        part = found.folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _render(scene, noise, size, part)
        part.rename(found.folder)
    return found


def _render(scene: str, noise: str, size: tuple[int, int], folder: Path) -> None:
    number = 3 * SCENES.index(scene) + NOISES.index(noise)

    def camera(scene: str, motion: str, frames: int, seed: int) -> SimulatedCamera:
        options = f"noise={noise}&motion={motion}&frames={frames}&seed={seed}&sensor={_SENSOR}"
        return open_simulated(f":{scene}?{options}", size=size)

    moving = camera(scene, "subject", COUNT, _SEED + number)
    np.save(folder / "noisy.npy", np.stack([packed(p) for p in frames_of(moving)]))
    touched = np.zeros((size[1], size[0]), bool)
    for index in range(COUNT):
        mask = moving.subject_mask(index)
        touched |= mask
        if index in JUDGED or index in GROWTH:
            np.save(folder / f"truth-{index}.npy", packed(in_420(moving.truth(index))))
            np.save(folder / f"subject-{index}.npy", np.packbits(mask))
    kernel = np.ones((2 * _MARGIN + 1,) * 2, np.uint8)
    wide = cv2.dilate(touched.astype(np.uint8), kernel) > 0
    np.save(folder / "quiet.npy", np.packbits(~wide))
    for half in range(2):
        still = camera(scene, "still", _MEAN_FRAMES, _MEAN_SEED + 2 * number + half)
        total = np.zeros((size[1], size[0]), np.float32)
        for planes in frames_of(still):
            total += planes.y
        np.save(folder / f"mean-{half}.npy", total / _MEAN_FRAMES)
    other = SCENES[(SCENES.index(scene) + 1) % len(SCENES)]
    calibration = camera(other, "still", _CALIBRATION_FRAMES, _CALIBRATION_SEED + number)
    np.save(folder / "calibration.npy", np.stack([packed(p) for p in frames_of(calibration)]))
