"""Small pictures of the running call, before and after, for pages that look at it.

The call's writer thread hands over each frame's planes by reference, and only while a page is connected. All work is
done here in a thread of lower priority: it takes the newest frame, at most so many a second, and a page that is slow
gets fewer.

A message is the length of its header (32 bits, little-endian), the header as JSON, and the JPEGs one after the other.
"""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from rtdenoise.arrays import Bytes
from rtdenoise.frames import Planes, convert

from .grain import Grain, measure_grain

View = Literal["split", "removed"]

RATE_FPS = 20.0
MOST_WIDTH = 960
"""Of a picture that isn't shown pixel for pixel."""
_UNDER_WAY = 2  # pictures that a page hasn't drawn yet
_QUALITY = 88
REMOVED_GAIN = 4
"""Removed noise is shown so many times enlarged, around mid-grey."""
_GRAIN_EVERY_S = 1.0
_NICE = 10


@dataclass(frozen=True)
class Shown:
    """What a page wants to see.

    ``width`` is how many pixels it has for the picture; ``crop`` (x, y, width, height) is the part of the frame, None
    the whole.
    """

    view: View = "split"
    width: int = MOST_WIDTH
    crop: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class _Pair:
    camera: Planes
    published: Planes
    arrived: float  # time.monotonic()


class Viewer:
    """One page's share of the preview.

    Args:
        send: Given each message, in the preview's thread.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self.shown: Shown | None = None
        """What it wants to see; None: nothing now."""
        self.under_way = 0
        """How many pictures were sent that it hasn't drawn yet."""

    @property
    def ready(self) -> bool:
        """Whether it takes another picture."""
        return self.shown is not None and self.under_way < _UNDER_WAY


class Preview:
    """Makes the pictures, in a thread of its own.

    Args:
        rate_fps: At most so many a second.
    """

    def __init__(self, rate_fps: float = RATE_FPS) -> None:
        self._interval_s = 1 / rate_fps
        self._condition = threading.Condition()
        self._viewers: list[Viewer] = []
        self._newest: _Pair | None = None
        self._closed = False
        self._grain_due = 0.0
        self._thread: threading.Thread | None = None
        self.grain: Grain | None = None
        """The last measurement of noise, before and after; None: none since the call began."""

    @property
    def looked_at(self) -> bool:
        """Whether a page shows the call's picture now."""
        return any(viewer.shown is not None for viewer in tuple(self._viewers))

    def offer(self, camera: Planes, published: Planes, arrived: float) -> None:
        """Takes a frame of the call, as it was and as it was published; returns at once."""
        if self._viewers:
            with self._condition:
                self._newest = _Pair(camera, published, arrived)
                self._condition.notify()

    def forget(self) -> None:
        """The call has ended: its frames are let go."""
        with self._condition:
            self._newest = self.grain = None

    def add(self, viewer: Viewer) -> None:
        """A page is there."""
        with self._condition:
            self._viewers.append(viewer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
                self._thread.start()

    def remove(self, viewer: Viewer) -> None:
        """A page is gone."""
        with self._condition:
            self._viewers.remove(viewer)
            if not self._viewers:
                self._newest = None

    def show(self, viewer: Viewer, shown: Shown | None) -> None:
        """A page wants to see something else; None: nothing now."""
        with self._condition:
            viewer.shown = shown
            self._condition.notify()

    def drawn(self, viewer: Viewer) -> None:
        """A page has drawn a picture."""
        with self._condition:
            viewer.under_way = max(0, viewer.under_way - 1)
            self._condition.notify()

    def close(self) -> None:
        """Ends the thread."""
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=5.0)

    # --- the preview's thread ---

    def _run(self) -> None:
        with suppress(AttributeError, OSError):  # the call comes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        due = 0.0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or self._wanted())
                if self._closed:
                    return
                wait_s = due - time.monotonic()
                if wait_s > 0 and self._condition.wait_for(lambda: self._closed, wait_s):
                    return
                pair, self._newest = self._newest, None
                ready = [viewer for viewer in self._viewers if viewer.ready]
                for viewer in ready:
                    viewer.under_way += 1
            if pair is None:
                continue
            now = time.monotonic()
            # Regular steps: a frame that came a little late doesn't put off all that follow.
            due = max(due + self._interval_s, now)
            self._send(pair, ready)
            if now >= self._grain_due:
                self._grain_due = now + _GRAIN_EVERY_S
                self.grain = measure_grain(pair.camera.y, pair.published.y) or self.grain

    def _wanted(self) -> bool:
        if self._newest is None:
            return False
        return any(v.ready for v in self._viewers) or time.monotonic() >= self._grain_due

    def _send(self, pair: _Pair, viewers: list[Viewer]) -> None:
        made: dict[Shown, bytes] = {}
        for viewer in viewers:
            shown = viewer.shown or Shown()
            if shown not in made:
                made[shown] = message(pair.camera, pair.published, pair.arrived, shown)
            viewer.send(made[shown])


def message(camera: Planes, published: Planes, arrived: float, shown: Shown) -> bytes:
    """The message for one frame.

    Args:
        camera: The frame as the camera sent it.
        published: As it was published.
        arrived: When it arrived, by ``time.monotonic()``.
        shown: What is wanted of it.
    """
    crop = place(shown.crop, camera.format.width, camera.format.height)
    pictures = [small(planes, crop, shown.width) for planes in (camera, published)]
    if shown.view == "removed":
        pictures = [removed(*pictures)]
    parts = [jpeg(pictures[0])]
    if len(pictures) > 1:  # where nothing is cleaned, both are one
        parts.append(parts[0] if camera is published else jpeg(pictures[1]))
    header: dict[str, Any] = {
        "time": time.time() - (time.monotonic() - arrived),
        "size": [camera.format.width, camera.format.height],
        "crop": list(crop),
        "view": shown.view,
        "parts": [len(part) for part in parts],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def place(
    crop: tuple[int, int, int, int] | None, width: int, height: int
) -> tuple[int, int, int, int]:
    """The part of a frame that is meant: inside of it, and even where chroma has half as many samples."""
    if crop is None:
        return 0, 0, width, height
    x, y, w, h = crop
    w, h = min(max(w, 16), width), min(max(h, 16), height)
    x, y = min(max(x, 0), width - w), min(max(y, 0), height - h)
    return x - x % 2, y - y % 2, w, h


def small(
    planes: Planes, crop: tuple[int, int, int, int], width: int
) -> tuple[Bytes, Bytes, Bytes]:
    """Y, Cb and Cr of a part, in full range and BT.601 as JPEG has them, each (rows, columns), at most ``width``."""
    if not planes.format.full_range or planes.format.matrix != "bt601":
        planes = convert(planes, planes.format.chroma, True, "bt601")
    x, y, w, h = crop
    scale = min(1.0, width / w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    luma = _scaled(planes.y[y : y + h, x : x + w], size)
    if planes.format.chroma == "gray":
        neutral = np.full_like(luma, 128)
        return luma, neutral, neutral
    rows, columns = planes.u.shape
    across, down = planes.format.width / columns, planes.format.height / rows
    place_ = (
        slice(int(y / down), int(np.ceil((y + h) / down))),
        slice(int(x / across), int(np.ceil((x + w) / across))),
    )
    u, v = (_scaled(plane[place_], size) for plane in (planes.u, planes.v))
    return luma, u, v


def _scaled(plane: Bytes, size: tuple[int, int]) -> Bytes:
    if (plane.shape[1], plane.shape[0]) == size:
        return plane
    # Averaging areas costs more, and is needed only where pixels would be passed over.
    much = plane.shape[1] > 2 * size[0]
    way = cv2.INTER_AREA if much else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=way), np.uint8)


def removed(
    before: tuple[Bytes, Bytes, Bytes], after: tuple[Bytes, Bytes, Bytes]
) -> tuple[Bytes, Bytes, Bytes]:
    """What was taken away, enlarged around mid-grey."""
    gain = REMOVED_GAIN
    y, u, v = (
        np.asarray(cv2.addWeighted(a, gain, b, -gain, 128), np.uint8)
        for a, b in zip(before, after, strict=True)
    )
    return y, u, v


def jpeg(picture: tuple[Bytes, Bytes, Bytes]) -> bytes:
    """Y, Cb and Cr as a JPEG."""
    y, u, v = picture
    bgr = cv2.cvtColor(cv2.merge([y, v, u]), cv2.COLOR_YCrCb2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
