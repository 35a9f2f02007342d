"""A USB webcam made of software, for the virtual machine: its kernel's own uvcvideo drives it.

    python -m tests.e2e.vm.webcam PLUG JPEG ...

It plays the JPEG files round and round at 30 frames/s: those of the size that a program chose. While the file PLUG
is missing it is unplugged. It prints "plugged", "unplugged", and "set NAME VALUE" for each control that is set.
The wire is USB over IP (the kernel's Documentation/usb/usbip_protocol.rst), of which only the device's end is here.
"""

from __future__ import annotations

import itertools
import re
import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from .uvc import CLOCK_HZ, PAYLOAD_BYTES, STREAM_INTERFACE, controls, descriptors, string

RATE_FPS = 30
_ATTACH = Path("/sys/devices/platform/vhci_hcd.0/attach")
_SUBMIT, _UNLINK, _SUBMITTED, _UNLINKED = 1, 2, 3, 4  # messages
_SET_CURRENT, _GET_CURRENT, _GET_LENGTH, _GET_INFO = 0x01, 0x81, 0x85, 0x86  # requests of a class
_GET_DESCRIPTOR, _OF_CLASS = 6, 0x60
_STALL, _CONNECTION_RESET = -32, -104
_SUPER_SPEED = 5
_PROBE_BYTES = 34

Size = tuple[int, int]


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def jpeg_size(data: bytes) -> Size:
    """Width and height, by the frame's header."""
    header = re.search(rb"\xff[\xc0-\xc2]..\x08(....)", data, re.DOTALL)
    assert header is not None
    height, width = struct.unpack(">HH", header[1])
    return width, height


class Webcam:
    """A webcam from the moment when its plug goes in until it is pulled.

    Args:
        pictures: The JPEG files for each size, one after the other for ever.
    """

    def __init__(self, pictures: Mapping[Size, Iterator[bytes]]) -> None:
        self._pictures = pictures
        self._sizes = sorted(pictures, reverse=True)
        self._size = self._sizes[0]
        self._descriptors = descriptors(self._sizes, RATE_FPS)
        self._controls = controls()
        self._transfers: deque[int] = deque()  # those that wait for a piece of a picture
        self._pieces: deque[bytes] = deque()
        self._next_s = 0.0
        self._odd = False
        self.wire, kernel = socket.socketpair()
        with kernel:
            _ATTACH.write_text(f"0 {kernel.fileno()} 65538 {_SUPER_SPEED}")

    def close(self) -> None:
        """Pulls the plug."""
        self.wire.close()

    def answer(self) -> None:
        """Takes one message of the kernel's.

        Raises:
            ConnectionError: the kernel let the device go.
        """
        header = self._receive(48)
        message, number, _, inward, endpoint, other, length = struct.unpack_from(">6Ii", header)
        if message == _UNLINK:
            waiting = other in self._transfers
            if waiting:
                self._transfers.remove(other)
            status = _CONNECTION_RESET if waiting else 0
            self.wire.sendall(struct.pack(">5Ii24x", _UNLINKED, number, 0, 0, 0, status))
        elif endpoint:
            self._transfers.append(number)
        else:
            sent = b"" if inward else self._receive(length)
            data = self._control(header[40:], sent)
            if data is None:
                self._submitted(number, status=_STALL)
            elif inward:
                self._submitted(number, data[:length])
            else:
                self._submitted(number, taken=len(sent))

    def play(self) -> float:
        """Fills the transfers that wait with what there is of a picture; how many seconds there is time."""
        while self._transfers:
            if not self._pieces:
                now = time.monotonic()
                if now < self._next_s:
                    return self._next_s - now
                # On time, but after a pause no faster than ever.
                self._next_s = max(self._next_s, now - 1 / RATE_FPS) + 1 / RATE_FPS
                self._cut(next(self._pictures[self._size]))
            self._submitted(self._transfers.popleft(), self._pieces.popleft())
        return 0.2

    def _cut(self, picture: bytes) -> None:
        """A picture in payloads, each with its header: the picture's parity, and a flag on the last."""
        room = PAYLOAD_BYTES - 2
        self._odd = not self._odd
        for begin in range(0, len(picture), room):
            flags = 0x80 | self._odd | (2 if begin + room >= len(picture) else 0)
            self._pieces.append(bytes([2, flags]) + picture[begin : begin + room])

    def _receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.wire.recv(size - len(data))
            if not piece:
                raise ConnectionError("the kernel let the device go")
            data += piece
        return bytes(data)

    def _submitted(
        self, number: int, data: bytes = b"", *, status: int = 0, taken: int = 0
    ) -> None:
        size = len(data) or taken
        header = struct.pack(">5Iii20x", _SUBMITTED, number, 0, 0, 0, status, size)
        self.wire.sendall(header + data)

    def _control(self, setup: bytes, sent: bytes) -> bytes | None:
        """The answer to a request at endpoint 0; None where there is no such thing."""
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        if not kind & _OF_CLASS:
            if request != _GET_DESCRIPTOR:
                return b""
            return string(value & 255) if value >> 8 == 3 else self._descriptors.get(value >> 8)
        if index & 255 == STREAM_INTERFACE:
            return self._negotiate(request, value >> 8, sent)
        control = self._controls.get((index >> 8, value >> 8))
        if control is None:
            return None
        if request == _SET_CURRENT:
            control.value = int.from_bytes(sent, "little")
            say("set", control.name, control.value)
            return b""
        if request == _GET_LENGTH:
            return control.size.to_bytes(2, "little")
        if request == _GET_INFO:
            return b"\3"  # can be asked and set
        default = controls()[index >> 8, value >> 8].value
        facts = {
            0x81: control.value,
            0x82: control.low,
            0x83: control.high,
            0x84: control.step,
            0x87: default,
        }
        return facts[request].to_bytes(control.size, "little")

    def _negotiate(self, request: int, selector: int, sent: bytes) -> bytes:
        """Which size is played: the kernel probes (1), then commits (2)."""
        if request == _SET_CURRENT:
            if 1 <= sent[3] <= len(self._sizes):
                self._size = self._sizes[sent[3] - 1]
            if selector == 2:
                self._pieces.clear()
            return b""
        if request == _GET_LENGTH:
            return _PROBE_BYTES.to_bytes(2, "little")
        if request == _GET_INFO:
            return b"\3"
        width, height = self._size
        place = self._sizes.index(self._size) + 1
        agreed = struct.pack(
            "<HBBI10xII", 1, 1, place, 10_000_000 // RATE_FPS, width * height * 2, PAYLOAD_BYTES
        )
        return agreed + struct.pack("<I4x", CLOCK_HZ)


def main() -> None:
    plug = Path(sys.argv[1])
    files: dict[Size, list[bytes]] = {}
    for name in sys.argv[2:]:
        data = Path(name).read_bytes()
        files.setdefault(jpeg_size(data), []).append(data)
    pictures = {size: itertools.cycle(of_size) for size, of_size in files.items()}
    plug.touch()
    while True:
        webcam = Webcam(pictures)
        say("plugged")
        while plug.exists():
            if select.select([webcam.wire], [], [], min(webcam.play(), 0.2))[0]:
                webcam.answer()
        webcam.close()
        say("unplugged")
        while not plug.exists():
            time.sleep(0.1)
        time.sleep(1)  # the kernel cleans up


if __name__ == "__main__":
    main()
