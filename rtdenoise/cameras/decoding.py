"""Decoding that a camera needs: one thread, no chatter, and damaged packets counted instead of shown."""

from __future__ import annotations

import av
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


def prepare(stream: VideoStream) -> None:
    """Sets a stream's decoder up, before its first packet.

    One thread, because frame threads add as many frames of delay. JPEG that is cut short or garbled is refused
    (by default FFmpeg fills up what is missing with grey and says nothing).
    """
    av.logging.set_level(None)
    context = stream.codec_context
    context.thread_count = 1
    context.thread_type = "NONE"
    if context.name == "mjpeg":
        context.options = {**context.options, "err_detect": "explode"}


def decode(stream: VideoStream, packet: av.Packet[VideoStream] | None) -> list[VideoFrame] | None:
    """The frames of one packet, or None where it is damaged; without a packet, what the decoder still holds."""
    try:
        frames = stream.codec_context.decode(packet)
    except av.FFmpegError:
        return None
    return None if any(frame.is_corrupt for frame in frames) else frames
