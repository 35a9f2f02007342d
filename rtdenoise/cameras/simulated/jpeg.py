"""Motion JPEG as webcams send it: every frame a picture of its own, standard Huffman tables."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from ...frames import Planes, frame_from_planes
from ..decoding import Decoder

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


class JpegEncoder:
    """Encodes 4:2:2 full-range frames of one size with a fixed quantiser.

    Args:
        width: Luma pixels, even.
        height: Rows.
        rate_fps: Frames per second; one tick of the packets' time base is one frame.
        quantiser: FFmpeg's scale, 2 (best) to 31.
    """

    def __init__(self, width: int, height: int, rate_fps: Fraction, quantiser: int) -> None:
        self._time_base = 1 / rate_fps
        context = av.CodecContext.create("mjpeg", "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError("FFmpeg's mjpeg encoder is no video encoder")
        context.width, context.height = width, height
        context.pix_fmt = "yuv422p"
        context.color_range = _FULL_RANGE
        context.time_base = self._time_base
        context.thread_count = 1
        context.qmin = context.qmax = quantiser  # the same for every frame, whatever came before it
        context.options = {"huffman": "default"}
        self._context = context
        self._encoded = 0

    def encode(self, planes: Planes, index: int) -> av.Packet[Any]:
        """The packet of frame ``index``."""
        frame = frame_from_planes(planes)
        # The encoder wants times that rise; the caller may ask for any frame again.
        frame.pts, frame.time_base = self._encoded, self._time_base
        self._encoded += 1
        (packet,) = self._context.encode(frame)
        packet.pts = packet.dts = index
        packet.time_base = self._time_base
        packet.duration = 1
        return packet


class JpegDecoder(Decoder):
    """Decodes packets one by one and counts the damaged ones."""

    def __init__(self) -> None:
        context = av.CodecContext.create("mjpeg", "r")
        if not isinstance(context, VideoCodecContext):
            raise TypeError("FFmpeg's mjpeg decoder is no video decoder")
        super().__init__(context)

    def decode(self, packet: av.Packet[Any] | None) -> list[VideoFrame]:
        """The frame in a packet, or nothing where the packet is damaged."""
        if packet is None:
            return []
        frames = super().decode(packet)
        for frame in frames:
            frame.pts, frame.time_base = packet.pts, packet.time_base
        return frames
