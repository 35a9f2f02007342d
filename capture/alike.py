"""A clip's frames in one format: that of the first, also where a recording changes in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from av.video.frame import VideoFrame

from rtdenoise.frames import PlaneFormat, Planes, convert, planes_from_frame


class Alike:
    """Brings frames to the sub-sampling, range and matrix of the first; leaves those of another size out.

    Scaling would change their noise.
    """

    def __init__(self) -> None:
        self.changes: set[int] = set()
        """The frames, counted from 0, from which on the format is another one than just before."""
        self.left_out = 0
        """How many frames had another size."""
        self.pixel_format = ""
        """FFmpeg's name for the pixels of the first frame."""
        self.format: PlaneFormat | None = None
        """What all frames are brought to."""
        self._count = 0

    def facts(self) -> dict[str, int]:
        """For the clip's sidecar: how often the format changes, and how many frames were left out."""
        return {
            "format_changes": len(self.changes) + (self.left_out > 0),
            "other_size": self.left_out,
        }

    def __call__(self, frames: Iterable[VideoFrame]) -> Iterator[Planes]:
        """The planes of each frame, without a copy where it has the format of the first."""
        before: PlaneFormat | None = None
        for frame in frames:
            planes = planes_from_frame(frame)
            got = planes.format
            if self.format is None:
                self.format, self.pixel_format, before = got, frame.format.name, got
            wanted = self.format
            if (got.width, got.height) != (wanted.width, wanted.height):
                self.left_out += 1
                before = got
                continue
            if got != before:
                self.changes.add(self._count)
            before = got
            self._count += 1
            if got != wanted:
                planes = convert(planes, wanted.chroma, wanted.full_range, wanted.matrix)
            yield planes
