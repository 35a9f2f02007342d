"""A camera whose frames somebody else sees as well, when they are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rtdenoise.cameras.base import Camera, CameraBase, remarks_of
from rtdenoise.frames import Planes, planes_from_frame

if TYPE_CHECKING:
    Packet = av.Packet[VideoStream]


class SeenCamera(CameraBase):
    """Another camera, as it is.

    Args:
        camera: An open camera, which is closed with this one.
        show: Given each frame, in the thread that decodes it.
    """

    def __init__(self, camera: Camera, show: Callable[[Planes], None]) -> None:
        super().__init__(camera.info, camera.mode)
        self._camera, self._show = camera, show

    @property
    def template(self) -> VideoStream | None:
        """The other camera's."""
        return self._camera.template

    @property
    def remarks(self) -> tuple[str, ...]:
        """The other camera's."""
        return remarks_of(self._camera)

    @property
    def damaged_packets(self) -> int:
        """The other camera's."""
        return self._camera.damaged_packets

    def packets(self) -> Iterator[Packet]:
        """The other camera's."""
        return self._camera.packets()

    def decode(self, packet: Packet | None) -> list[VideoFrame]:
        """The other camera's."""
        frames = self._camera.decode(packet)
        for frame in frames:
            self._show(planes_from_frame(frame))
        return frames

    def close(self) -> None:
        """Closes the other camera. Safe to call twice."""
        self._camera.close()
