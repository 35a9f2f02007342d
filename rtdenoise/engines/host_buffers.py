"""Buffers in the host's memory for what goes to an accelerator and comes from it: pinned, two in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_Array = NDArray[Any]

_PIECE = 1 << 19  # bytes; smaller ones take longer to start than to copy


class HostBuffers:
    """Two buffers in turn beside one tensor on a device.

    Copies are queued on the stream that is current. On CUDA the buffers are pinned: the device then reads and writes
    them by itself, while the host goes on. Elsewhere copies are done when the call returns.

    Args:
        tensor: On the device, contiguous.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._pinned = tensor.device.type == "cuda"
        self._buffers = [
            torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=self._pinned) for _ in range(2)
        ]
        self._arrays: list[_Array] = [buffer.numpy() for buffer in self._buffers]
        self._events: list[Any] = []
        if self._pinned:
            self._events = [torch.cuda.Event() for _ in range(2)]  # type: ignore[no-untyped-call]
        self._turn = 0

    def send(self, parts: Sequence[_Array]) -> None:
        """Copies arrays of rows, (rows, columns), to the device, one after the other.

        They may change when it returns. While one piece is on its way the next one is brought into pinned memory.
        """
        turn = self._next()
        self._wait(turn)  # the device may not have read what was sent two calls ago
        array = self._arrays[turn].reshape(-1)
        source, target = self._buffers[turn].view(-1), self._tensor.view(-1)
        start = 0
        for part in parts:
            rows, columns = part.shape
            step = max(_PIECE // (columns * part.itemsize), 1)
            for top in range(0, rows, step):
                piece = part[top : top + step]
                stop = start + piece.size
                np.copyto(array[start:stop].reshape(piece.shape), piece)
                target[start:stop].copy_(source[start:stop], non_blocking=self._pinned)
                start = stop
        self._record(turn)

    def fetch(self) -> _Array:
        """What the device has when all that was queued before is done; stays valid until the call after the next."""
        turn = self._next()
        self._buffers[turn].copy_(self._tensor, non_blocking=self._pinned)
        self._record(turn)
        self._wait(turn)
        return self._arrays[turn]

    def _next(self) -> int:
        self._turn ^= 1
        return self._turn

    def _record(self, turn: int) -> None:
        if self._pinned:
            self._events[turn].record()

    def _wait(self, turn: int) -> None:
        if self._pinned:
            self._events[turn].synchronize()  # returns at once where nothing was recorded
