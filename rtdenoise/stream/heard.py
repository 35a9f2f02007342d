"""The packets of a recording that are played: MP4's edit lists leave some out without removing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
from av.audio.stream import AudioStream


def heard(packets: Iterable[av.Packet[Any]]) -> Iterator[av.Packet[Any]]:
    """All packets but those of sound that was cut away.

    The last one before each that is heard stays: decoders of AAC and others start from it.
    """
    before: dict[int, av.Packet[Any]] = {}
    for packet in packets:
        index = packet.stream.index
        if packet.is_discard and isinstance(packet.stream, AudioStream):
            before[index] = packet
            continue
        start = before.pop(index, None)
        if start is not None and packet.size:
            yield start
        yield packet
