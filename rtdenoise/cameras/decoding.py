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
        if context.name == "mjpeg":
            context.options = {**context.options, "err_detect": "explode"}
        self._context = context
        self.damaged = 0
        """How many packets could not be decoded so far."""

    def decode(self, packet: av.Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames of one packet, none where it is damaged; without a packet, those that the decoder still holds."""
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            frames = None
        if frames is None or any(frame.is_corrupt for frame in frames):
            self.damaged += 1
            return []
        return frames
