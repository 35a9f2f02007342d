"""When the packets of a copied stream come, in the ticks of the file that they go to: never before the last one.

Where recordings were put together, the sound of one may last longer than its picture, so the next one's begins before
that. Containers refuse packets that come before the last one, and most those that come at once with it: such packets
are moved by as little as the container can say, until the times have caught up. Matroska takes those that come at once,
and has to: its ticks of 1 ms are longer than packets of TrueHD, which could never catch up.

``.avi``, and ``.mov`` where samples are stored as they are, say no times: sound is played without a pause, from the
first packet on, and would drift away from the picture. There a packet is left out where the sound is late by as much,
and silence is put in where it would be early.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.format import Flags
from av.stream import Stream

from ..errors import SinkError
from .audio_holders import audio_codec

CURE = "Name an output that ends in .mkv or .nut."
"""For times that a file can't say."""
IN_STEP_S = 0.08
"""By how much sound may be late without anyone noticing."""
_MOST_SKIPPED = 60_000  # ticks of .avi, which FFmpeg fills with empty packets; it refuses more
_MOST_SILENCE_S = 600.0
_SILENT = ("pcm_s", "pcm_f")  # whose samples are 0 then
# .avi counts their bytes, and packets of all others.
_COUNTED_IN_BYTES = ("pcm_", "adpcm_", "wma")


class CopiedTimes:
    """Gives the packets of one stream their times.

    Args:
        target: The stream that they go to; its file's header is written.
        suffix: That file's suffix.
    """

    def __init__(self, target: Stream, suffix: str) -> None:
        assert target.time_base is not None
        self._target, self._suffix = target, suffix
        self._tick_s: Fraction = target.time_base
        self._sound = isinstance(target, AudioStream)
        strict = Flags.ts_nonstrict not in Flags(target.container.format.flags)
        # Two subtitles may come at once anywhere.
        self._least = int(self._sound and strict)  # ticks from one packet to the next
        self._codec = audio_codec(target) if isinstance(target, AudioStream) else ""
        pcm = self._codec.startswith("pcm_")
        self._timeless = self._sound and (suffix == ".avi" or (suffix == ".mov" and pcm))
        self._block = 0.0  # bytes that are played in a tick; 0: a packet
        if self._timeless and self._codec.startswith(_COUNTED_IN_BYTES):
            self._block = float((getattr(target, "bit_rate", 0) or 0) * self._tick_s / 8)
        self._last: int | None = None
        self._played = 0.0  # ticks up to the end of the last packet, where times aren't said
        self.left_out_s = 0.0
        """How much sound had no place any more."""

    def place(self, packet: av.Packet[Any]) -> list[av.Packet[Any]]:
        """Sets the times of a packet; gives what is to be stored: it, nothing, or silence and it.

        Raises:
            SinkError: it comes after a pause that the file can't say.
        """
        if packet.dts is None or packet.time_base is None:
            return [packet]
        scale = packet.time_base / self._tick_s
        given = float(packet.dts * scale)
        before: list[av.Packet[Any]] = []
        if self._timeless and self._last is not None:
            lasts = self._length(packet.size)
            if self._played - given >= lasts:
                self.left_out_s += lasts * float(self._tick_s)
                return []
            before = self._silence(given)
        dts = round(given)
        begins = float(dts)
        if self._last is not None:
            dts = max(dts, self._last + self._least)
            # How long a block of ADPCM or WMA lasts is known to so many digits: that must not add up over hours.
            exact = self._block and self._codec.startswith("pcm_")
            begins = self._played if exact else given if self._block else float(dts)
        packet.pts = None if packet.pts is None else round(packet.pts * scale) + dts - round(given)
        packet.dts = self._last = dts
        packet.duration = round((packet.duration or 0) * scale)
        packet.time_base = self._tick_s
        self._played = begins + self._length(packet.size)
        return [*before, packet]

    def _length(self, size: int) -> float:
        """How many ticks so many bytes are played for."""
        return size / self._block if self._block else 1.0

    def _silence(self, until: float) -> list[av.Packet[Any]]:
        """What fills the time up to a packet, in ticks, as far as that takes anything."""
        pause = until - self._played
        pause_s = pause * float(self._tick_s)
        if not self._block:  # FFmpeg fills it
            if pause > _MOST_SKIPPED:
                raise _pause_error("sound", pause_s, self._suffix)
            return []
        if pause_s <= IN_STEP_S:
            return []
        if pause_s > _MOST_SILENCE_S or not self._codec.startswith(_SILENT):
            raise _pause_error("sound", pause_s, self._suffix)
        silence: av.Packet[Any] = av.Packet(bytes(round(pause) * round(self._block)))
        silence.stream, silence.time_base = self._target, self._tick_s
        silence.pts = silence.dts = self._last = max(round(self._played), (self._last or 0) + 1)
        silence.duration = round(pause)
        self._played += round(pause)
        return [silence]


def measure_blocks(recording: InputContainer, streams: Sequence[AudioStream]) -> None:
    """Corrects the bit rate of ADPCM: files say of it what they like, and .avi takes its times from it.

    Args:
        recording: The file of ``streams``, opened for this only.
        streams: Whose codec contexts are told.
    """
    waiting = {s.index: s for s in streams if audio_codec(s).startswith("adpcm_")}
    if not waiting:
        return
    with suppress(av.FFmpegError):
        for packet in recording.demux([recording.streams[index] for index in waiting]):
            frames: list[Any] = packet.decode() if packet.stream.index in waiting else []
            samples = sum(frame.samples for frame in frames)
            if samples:
                stream = waiting.pop(packet.stream.index)
                stream.codec_context.bit_rate = round(
                    8 * packet.size * stream.sample_rate / samples
                )
            if not waiting:
                return


def refuse_picture_pause(suffix: str, ticks: int, tick_s: Fraction) -> None:
    """Refuses a pause of the picture, in the file's ticks.

    Raises:
        SinkError: .avi can't say it.
    """
    if suffix == ".avi" and ticks > _MOST_SKIPPED:
        raise _pause_error("picture", float(ticks * tick_s), suffix)


def _pause_error(what: str, seconds: float, suffix: str) -> SinkError:
    """The error for a pause of the picture or the sound that the file can't say."""
    return SinkError(
        f"The {what} pauses for {seconds:.1f} s, which a file that ends in {suffix} can't say.",
        CURE,
    )
