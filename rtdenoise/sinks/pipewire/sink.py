"""The virtual camera that needs no kernel module, as a sink."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

from ...errors import SinkError
from ...frames import PlaneFormat, Planes, convert
from .stream import VideoSource

NAME = "rtdenoise"
_RETRY_S = 1.0


class PipeWireSink:
    """Sends frames to a camera in the user's PipeWire session, as I420 in BT.601's limited range.

    Of a frame whose width isn't a multiple of 8, or whose height is odd, the last columns and row are left out. It
    doesn't wait between frames, and costs next to nothing while nobody reads it. If the session ends, the camera is
    made again as soon as there is another one.

    Args:
        name: What programs call the camera.
        format: What the frames will be.
        rate_fps: Their nominal rate.
        note: Told in one sentence when the session has ended, and when the camera is there again.

    Raises:
        SinkError: libpipewire is missing, no session answers, or the frames are too small.
    """

    def __init__(
        self,
        name: str,
        *,
        format: PlaneFormat,
        rate_fps: Fraction,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._width, self._height = _shown(format)
        if not self._width or not self._height:
            raise SinkError(f"A frame of {format.width}×{format.height} is too small to be shown.")
        self._label, self._rate, self._note = name, Fraction(rate_fps), note
        self._source: VideoSource | None = self._make()
        self._closed = False
        self._retry_at = 0.0

    def _make(self) -> VideoSource:
        return VideoSource(self._label, self._width, self._height, self._rate)

    @property
    def name(self) -> str:
        """Its name, and that it is PipeWire's."""
        return f"PipeWire ({self._label})"

    @property
    def watched(self) -> bool:
        """Whether a program reads the camera now."""
        return self._source is not None and self._source.watched

    def write(self, planes: Planes) -> None:
        """Shows one frame.

        Raises:
            SinkError: the size has changed, or it is closed.
        """
        if self._closed:
            raise SinkError(f"{self.name} is closed.")
        size = _shown(planes.format)
        if size != (self._width, self._height):
            raise SinkError(
                f"{self.name} shows {self._width}×{self._height}, and a frame of {size[0]}×{size[1]} came.",
                "Start again: a virtual camera keeps its size while it runs.",
            )
        source = self._living()
        if source is None or not source.watched:
            return
        small = convert(planes, "420", False, "bt601")
        height, width = self._height // 2, self._width // 2
        source.send(
            (
                small.y[: self._height, : self._width],
                small.u[:height, :width],
                small.v[:height, :width],
            )
        )

    def _living(self) -> VideoSource | None:
        """The source; made again where the session has ended, None while there is no other one."""
        if self._source is not None and self._source.alive:
            return self._source
        if self._source is not None:
            self._source.close()
            self._source = None
            self._note(
                f"PipeWire has ended, and the camera {self._label} with it. Waiting for it …"
            )
        if time.monotonic() >= self._retry_at:
            try:
                self._source = self._make()
                self._note(
                    f"PipeWire runs again: choose the camera {self._label} again in the call."
                )
            except SinkError:
                self._retry_at = time.monotonic() + _RETRY_S
        return self._source

    def close(self) -> None:
        """Takes the camera away. Safe to call twice."""
        self._closed = True
        if self._source is not None:
            self._source.close()
            self._source = None

    def abort(self) -> None:
        """The same: a virtual camera leaves nothing behind."""
        self.close()


def _shown(format: PlaneFormat) -> tuple[int, int]:
    """The width and height of the part that is shown."""
    return format.width - format.width % 8, format.height - format.height % 2
