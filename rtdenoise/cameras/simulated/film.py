"""What falls on the sensor in each frame: the scene, its moving subject, a pan, and unsteady light."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats
from .scene import Pose, Scene
from .sensor import mosaic, respond

_PAN_ZOOM = 1.2
_PAN_PERIOD_S = 8.0
_MAINS_HZ = 100.0  # light flickers at twice the mains' 50 Hz
_READOUT = 0.9  # part of the frame time that a rolling shutter takes from the first row to the last
_SETTLING_S = 0.3
_WIDEST_STEP = 3.0  # standard deviations


class Film:
    """The light on the mosaic, frame by frame.

    Args:
        scene: What is filmed.
        motion: "still", "subject" or "pan".
        exposure: Factor on the scene's light.
        rate_fps: Frames per second.
        flicker: Depth of the mains flicker, 0 to 1.
        drift: Relative error of the exposure at the first frame.
        steps: Root mean square of the relative change of the light between frames.
        seed: Which steps.
    """

    def __init__(
        self,
        scene: Scene,
        motion: str,
        exposure: float,
        rate_fps: float,
        flicker: float,
        drift: float,
        steps: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._scene = scene
        self._motion = motion
        self._rate_fps = rate_fps
        self._flicker, self._drift = flicker, drift
        self._steps, self._seed = steps, seed
        self._background = respond(scene.background) * np.float32(exposure)
        patch = respond(scene.subject) * np.float32(exposure)
        self._patch = np.dstack([patch, scene.coverage]).astype(np.float32)
        self._empty = mosaic(self._background)
        if motion != "subject":
            self._background = self._with_subject(scene.rest)
            self._empty = mosaic(self._background)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._empty.shape
        return rows, columns

    def light(self, index: int) -> Floats:
        """The mosaic of frame ``index``, (H, W), in parts of full scale; not to be written to."""
        if self._motion == "still":
            return self._empty
        if self._motion == "pan":
            moved = cv2.warpAffine(
                self._background,
                self._pan(index),
                self.shape[::-1],
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            return mosaic(cast("Floats", moved))
        light = self._empty.copy()
        placed = self._place(self._scene.pose(index / self._rate_fps))
        if placed is not None:
            (x0, y0, x1, y1), patch = placed
            part = light[y0:y1, x0:x1]
            part *= 1 - patch[:, :, 3]
            part += mosaic(patch[:, :, :3])
        return light

    def subject_mask(self, index: int, margin: int) -> NDArray[np.bool_]:
        """Where the picture moves in frame ``index``, (H, W), grown by ``margin`` pixels.

        All False in a still film, all True in a pan.
        """
        if self._motion != "subject":
            return np.full(self.shape, self._motion == "pan")
        mask = np.zeros(self.shape, np.uint8)
        placed = self._place(self._scene.pose(index / self._rate_fps))
        if placed is not None:
            (x0, y0, x1, y1), patch = placed
            mask[y0:y1, x0:x1] = patch[:, :, 3] > 0
        size = 2 * margin + 1
        return cv2.dilate(mask, np.ones((size, size), np.uint8)).astype(bool)

    def row_gain(self, index: int) -> Floats | None:
        """Light of each row in frame ``index`` against the normal, (H, 1); None where it is steady."""
        if not self._flicker and not self._drift and not self._steps:
            return None
        rows = self.shape[0]
        time_s = (index + _READOUT * np.arange(rows) / rows) / self._rate_fps
        gain = 1 + self._flicker * np.sin(2 * math.pi * _MAINS_HZ * time_s)
        gain *= 1 + self._drift * math.exp(-index / self._rate_fps / _SETTLING_S)
        if self._steps:  # the difference of two independent gains is a step
            random = np.random.default_rng([self._seed, index, 0x57])
            away = float(np.clip(random.normal(), -_WIDEST_STEP, _WIDEST_STEP))
            gain *= math.exp(self._steps / math.sqrt(2) * away)
        return gain.astype(np.float32)[:, None]

    def _pan(self, index: int) -> NDArray[np.float64]:
        rows, columns = self.shape
        phase = 2 * math.pi * index / self._rate_fps / _PAN_PERIOD_S
        free_x, free_y = columns * (1 - 1 / _PAN_ZOOM), rows * (1 - 1 / _PAN_ZOOM)
        left = free_x / 2 * (1 + math.sin(phase))
        top = free_y / 2 * (1 + 0.5 * math.sin(2 * phase))
        return np.array([[1 / _PAN_ZOOM, 0, left], [0, 1 / _PAN_ZOOM, top]])

    def _place(self, pose: Pose) -> tuple[tuple[int, int, int, int], Floats] | None:
        """The subject's patch at a pose: its even-aligned box in the picture, and (h, w, 4) values."""
        rows, columns = self.shape
        high, wide = self._patch.shape[:2]
        turn = math.radians(pose.turn)
        c, s = math.cos(turn), math.sin(turn)
        half_x = (abs(c) * wide + abs(s) * high) / 2 + 1
        half_y = (abs(s) * wide + abs(c) * high) / 2 + 1
        x0 = max(math.floor(pose.x - half_x) // 2 * 2, 0)
        y0 = max(math.floor(pose.y - half_y) // 2 * 2, 0)
        x1 = min(math.ceil(pose.x + half_x) // 2 * 2 + 2, columns)
        y1 = min(math.ceil(pose.y + half_y) // 2 * 2 + 2, rows)
        if x0 >= x1 or y0 >= y1:
            return None
        mid_x, mid_y = (wide - 1) / 2, (high - 1) / 2
        at_x, at_y = pose.x - x0, pose.y - y0
        move = np.array(
            [[c, -s, at_x - c * mid_x + s * mid_y], [s, c, at_y - s * mid_x - c * mid_y]]
        )
        patch = cv2.warpAffine(self._patch, move, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        return (x0, y0, x1, y1), cast("Floats", patch)

    def _with_subject(self, pose: Pose) -> Floats:
        whole = self._background.copy()
        placed = self._place(pose)
        if placed is not None:
            (x0, y0, x1, y1), patch = placed
            part = whole[y0:y1, x0:x1]
            part *= 1 - patch[:, :, 3:]
            part += patch[:, :, :3]
        return whole
