"""A camera whose pictures come in another size, or mirrored: before anything else sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ..frames import fitted, frame_from_planes, mirrored, planes_from_frame
from ..frames.facts import VideoFacts
from ..frames.orientation import UPRIGHT
from .base import Camera, CameraBase, PassesOver, remarks_of

if TYPE_CHECKING:
    Packet = av.Packet[VideoStream]


class FittedCamera(CameraBase):
    """Another camera's frames, scaled and mirrored; its ``mode`` has the new size.

    Packets are the other camera's own. See :func:`rtdenoise.frames.fitted` for how pictures are scaled.

    Args:
        camera: An open camera, which is closed with this one.
        size: (width, height) in pixels, even; None keeps the camera's.
        mirror: Exchange left and right.
    """

    def __init__(
        self, camera: Camera, size: tuple[int, int] | None = None, *, mirror: bool = False
    ) -> None:
        mode = camera.mode
        if size is not None and size != (mode.width, mode.height):
            # Another codec as well: noise that was measured in a mode which the camera has in this size is another.
            mode = replace(mode, codec="scaled", width=size[0], height=size[1])
        super().__init__(camera.info, mode)
        facts: VideoFacts | None = getattr(camera, "facts", None)
        if facts is not None and facts.orientation != UPRIGHT:
            # Size and mirror are meant for what is shown.
            way = facts.orientation
            if size is not None and way.transposed:
                size = (size[1], size[0])
            facts = replace(facts, orientation=replace(way, flip_x=way.flip_x != mirror))
            mirror = False
        self._camera, self._size, self._mirror = camera, size, mirror
        self.facts = facts
        """What a file says about its picture; None where there is nothing to be said."""

    @property
    def damaged_packets(self) -> int:
        """How many packets could not be decoded so far."""
        return self._camera.damaged_packets

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know of what was read so far."""
        return remarks_of(self._camera)

    @property
    def skipped_packets(self) -> int:
        """How many packets were passed over so far."""
        camera = self._camera
        return camera.skipped_packets if isinstance(camera, PassesOver) else 0

    def packets(self) -> Iterator[Packet]:
        """The packets as the camera sends them."""
        return self._camera.packets()

    def newest_packets(self) -> Iterator[Packet]:
        """The packets without the backlog of a reader that was late, where the camera can pass over it."""
        camera = self._camera
        return camera.newest_packets() if isinstance(camera, PassesOver) else camera.packets()

    def decode(self, packet: Packet | None) -> list[VideoFrame]:
        """The frames of one packet, scaled and mirrored."""
        return [self._fit(frame) for frame in self._camera.decode(packet)]

    def _fit(self, frame: VideoFrame) -> VideoFrame:
        planes = planes_from_frame(frame)
        if self._size is not None:
            planes = fitted(planes, self._size)
        if self._mirror:
            planes = mirrored(planes)
        result = frame_from_planes(planes)
        result.pts, result.time_base = frame.pts, frame.time_base
        return result

    def close(self) -> None:
        """Lets the camera go. Safe to call twice."""
        self._camera.close()
