"""Decoding as all cameras need it: one thread, no chatter, damaged packets counted instead of shown."""

from __future__ import annotations

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MOST_PIXELS = 1 << 27
"""Of a picture: 16K video has as many. Headers of a hundred bytes claim more, and memory would be taken for it."""
LIMITS = {"max_pixels": str(MOST_PIXELS)}
"""What keeps FFmpeg's decoders from larger ones."""
_OUTPUT_CORRUPT = (
    8  # AV_CODEC_FLAG_OUTPUT_CORRUPT: frames that lack what they refer to come out, and are marked
)
_SMALLEST_PICTURE = 8  # bytes: less says "the same picture again", and is none


class Decoder:
    """Decodes the packets of one stream.

    JPEG that is cut short or garbled is refused: by default FFmpeg fills up what is missing with grey and says nothing.

    Args:
        context: The decoder of a stream that was opened for reading, before its first packet.
    """

    def __init__(self, context: VideoCodecContext) -> None:
        av.logging.set_level(None)  # many a camera's pictures make FFmpeg complain on every frame
        # Frame threads would hold back as many frames as there are threads.
        context.thread_count = 1
        context.thread_type = "NONE"
        context.options = {**context.options, **LIMITS}
        context.flags |= _OUTPUT_CORRUPT
        if context.name == "mjpeg":
            context.options = {**context.options, "err_detect": "explode"}
        self._context = context
        self.damaged = 0
        """How many packets gave no frame that can be used so far; those without an error are known at the end."""
        self.keeps_incomplete = False
        """Whether frames are given that lack a part of what they refer to, as players show them."""
        self.incomplete = 0
        """How many such frames were given."""
        self._expected = self._frames = 0
        self._whole = self._fields = False

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet, none where it is damaged; without a packet, those that the decoder still holds."""
        if packet is not None:
            self._expected += _gives_a_frame(packet, self._context.name)
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            self.damaged += 1
            self._frames += 1  # accounted for
            return []
        used = [frame for frame in frames if self._usable(frame)]
        self._frames += len(frames)
        self.damaged += len(frames) - len(used)
        self._fields = self._fields or any(frame.interlaced_frame for frame in used)
        if packet is None and not self._fields:  # of which a packet may hold one, and a frame two
            self.damaged += max(self._expected - self._frames, 0)
            self._expected = self._frames
        return used

    def _usable(self, frame: VideoFrame) -> bool:
        if not frame.is_corrupt:
            self._whole = True
            return True
        # Before the first whole frame there is nothing to refer to: such frames are grey.
        if not self.keeps_incomplete or not self._whole:
            return False
        self.incomplete += 1
        return True


def _gives_a_frame(packet: av.Packet[VideoStream], codec: str) -> bool:
    """Whether a packet should become a frame that is shown."""
    if packet.is_discard or packet.size < _SMALLEST_PICTURE:
        return False
    # VP8 has frames that others refer to and nobody sees; bit 4 says which.
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)
