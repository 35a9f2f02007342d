"""What a USB webcam says of itself: its descriptors (USB 3.0, USB Video Class 1.1) and its controls."""

from __future__ import annotations

import struct
from dataclasses import dataclass

VENDOR, PRODUCT, SERIAL, NAME, MAKER = 0x1D6B, 0x0102, "0001", "Software Webcam", "Test"
ENDPOINT = 0x81
PAYLOAD_BYTES = 32 * 1024  # of one transfer
CLOCK_HZ = 48_000_000
SENSOR, PROCESSING, STREAM = 1, 2, 3  # the parts that the camera is made of
CONTROL_INTERFACE, STREAM_INTERFACE = 0, 1
_VIDEO = 14
_CONFIGURATION, _STRING, _INTERFACE, _ENDPOINT, _ASSOCIATION, _BOS = 2, 3, 4, 5, 11, 15
_CAPABILITY, _CLASS, _COMPANION = 16, 0x24, 0x30


@dataclass
class Control:
    """A setting: its bit in the part's announcement, bytes on the wire, bounds and value."""

    name: str
    bit: int
    size: int
    low: int
    high: int
    step: int
    value: int


def controls() -> dict[tuple[int, int], Control]:
    """(part, selector) → control, as they are when the plug goes in."""
    return {
        (SENSOR, 2): Control("exposure_auto", 1, 1, 0, 8, 9, 8),  # modes 1 and 8: manual, aperture
        (SENSOR, 3): Control("exposure_auto_priority", 2, 1, 0, 1, 1, 0),
        (SENSOR, 4): Control("exposure_absolute", 3, 4, 3, 2047, 1, 250),
        (PROCESSING, 1): Control("backlight_compensation", 8, 2, 0, 1, 1, 0),
        (PROCESSING, 2): Control("brightness", 0, 2, 0, 255, 1, 128),
        (PROCESSING, 3): Control("contrast", 1, 2, 0, 255, 1, 128),
        (PROCESSING, 4): Control("gain", 9, 2, 0, 255, 1, 0),
        (PROCESSING, 5): Control("power_line_frequency", 10, 1, 0, 2, 1, 2),
        (PROCESSING, 10): Control("white_balance_temperature", 6, 2, 2000, 6500, 1, 4000),
        (PROCESSING, 11): Control("white_balance_temperature_auto", 12, 1, 0, 1, 1, 1),
    }


def _announced(part: int, size: int) -> bytes:
    bits = sum(1 << c.bit for (owner, _), c in controls().items() if owner == part)
    return bits.to_bytes(size, "little")


def _descriptor(kind: int, layout: str = "", *values: int | bytes) -> bytes:
    body = struct.pack("<" + layout, *values)
    return bytes([len(body) + 2, kind]) + body


def _headed(header: str, values: tuple[int, ...], parts: bytes, tail: tuple[int, ...]) -> bytes:
    """A class header, which has the length of itself and of the parts behind it in the middle."""
    layout = f"<BB{header}H{'I' if tail[0] > 255 else 'B'}{'B' * (len(tail) - 1)}"
    size = struct.calcsize(layout) + 1
    body = struct.pack(layout, _CLASS, *values, size + len(parts), *tail)
    return bytes([size]) + body + parts


def _streaming(sizes: list[tuple[int, int]], rate_fps: int) -> bytes:
    """The stream's formats: MJPEG in these sizes."""
    interval = 10_000_000 // rate_fps
    formats = _descriptor(_CLASS, "9B", 6, 1, len(sizes), 1, 1, 0, 0, 0, 0)
    for index, (width, height) in enumerate(sizes, 1):
        pixels = width * height
        formats += _descriptor(
            _CLASS, "3BHH4IBI", 7, index, 0, width, height,
            pixels, pixels * 2 * rate_fps, pixels * 2, interval, 1, interval,
        )  # fmt: skip
    formats += _descriptor(_CLASS, "4B", 13, 1, 1, 4)  # BT.709 primaries, BT.601 matrix
    return _headed("B", (1, 1), formats, (ENDPOINT, 0, STREAM, 0, 0, 0, 1, 0))


def _controlling() -> bytes:
    """Sensor → processing → stream."""
    parts = _descriptor(
        _CLASS, "BBHBBHHHB3s", 2, SENSOR, 0x0201, 0, 0, 0, 0, 0, 3, _announced(SENSOR, 3)
    )
    parts += _descriptor(
        _CLASS, "BBBHB2sBB", 5, PROCESSING, SENSOR, 0, 2, _announced(PROCESSING, 2), 0, 0
    )
    parts += _descriptor(_CLASS, "BBHBBB", 3, STREAM, 0x0101, 0, PROCESSING, 0)
    return _headed("H", (1, 0x0110), parts, (CLOCK_HZ, 1, STREAM_INTERFACE))


def descriptors(sizes: list[tuple[int, int]], rate_fps: int) -> dict[int, bytes]:
    """Kind → what is answered to a request for it."""
    interfaces = (
        _descriptor(_ASSOCIATION, "6B", CONTROL_INTERFACE, 2, _VIDEO, 3, 0, 0)
        + _descriptor(_INTERFACE, "7B", CONTROL_INTERFACE, 0, 0, _VIDEO, 1, 0, 0)
        + _controlling()
        + _descriptor(_INTERFACE, "7B", STREAM_INTERFACE, 0, 1, _VIDEO, 2, 0, 0)
        + _streaming(sizes, rate_fps)
        + _descriptor(_ENDPOINT, "BBHB", ENDPOINT, 2, 1024, 0)  # 2: bulk
        + _descriptor(_COMPANION, "BBH", 15, 0, 0)
    )
    configuration = _descriptor(_CONFIGURATION, "H5B", 9 + len(interfaces), 2, 1, 0, 0x80, 50)
    capabilities = _descriptor(_CAPABILITY, "BI", 2, 2) + _descriptor(
        _CAPABILITY, "BBHBBH", 3, 0, 0x0E, 2, 0, 0
    )
    device = (0x0300, 0xEF, 2, 1, 9, VENDOR, PRODUCT, 0x0100, 1, 2, 3, 1)
    return {
        1: _descriptor(1, "H4B3H4B", *device),
        _CONFIGURATION: configuration + interfaces,
        _BOS: _descriptor(_BOS, "HB", 5 + len(capabilities), 2) + capabilities,
    }


def string(index: int) -> bytes | None:
    """The text with this number; 0: the languages there are (English)."""
    texts = (MAKER, NAME, SERIAL)
    if index == 0:
        return _descriptor(_STRING, "H", 0x0409)
    if index > len(texts):
        return None
    text = texts[index - 1].encode("utf-16-le")
    return _descriptor(_STRING, f"{len(text)}s", text)
