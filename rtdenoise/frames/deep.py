"""Frames of more than 8 bits: what was cleaned in 8 bits is put onto the samples as they came."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from .colour import convert
from .orientation import UPRIGHT, Orientation, turned
from .planes import PlaneFormat, Planes
from .pyav import MATRIX_CODES, frame_from_planes, in_format

_TOP = 1023


def deepened(
    frame: VideoFrame,
    noisy: Planes,
    clean: Planes,
    layout: PlaneFormat,
    way: Orientation = UPRIGHT,
) -> VideoFrame:
    """A frame of 10 bits, changed by as much as its 8-bit picture was.

    A denoiser works on bytes. What it took away, in steps of four levels, is taken from the frame itself: so what
    it left alone keeps all of its bits, and the rest keeps its finest ones.

    Args:
        frame: The decoded frame, of more than 8 bits.
        noisy: Its 8-bit planes.
        clean: What became of them.
        layout: What is wanted, upright; its range and matrix are those of the frame.
        way: How the frame is turned.
    """
    if (frame.width, frame.height) != (noisy.format.width, noisy.format.height):
        frame = frame_from_planes(noisy)  # it was brought to another size
    chroma = layout.chroma
    name = "gray10le" if chroma == "gray" else f"yuv{chroma}p10le"
    matrix, span = MATRIX_CODES[layout.matrix], 2 if layout.full_range else 1
    deep = in_format(frame, name, matrix, span)
    result = VideoFrame(layout.width, layout.height, name)
    before, after = (_in_chroma(turned(planes, way), layout) for planes in (noisy, clean))
    for index in range(len(deep.planes)):
        samples = way.turn(_samples(deep, index))
        old, new = (((p.y, p.u, p.v)[index]) for p in (before, after))
        if noisy is not clean:
            change = (new.astype(np.int16) - old) * 4
            samples = np.clip(samples.astype(np.int16) + change, 0, _TOP).astype(np.uint16)
        _samples(result, index)[:] = samples
    result.color_range, result.colorspace = span, matrix
    return result


def _in_chroma(planes: Planes, layout: PlaneFormat) -> Planes:
    return convert(planes, layout.chroma, planes.format.full_range)


def _samples(frame: VideoFrame, index: int) -> NDArray[np.uint16]:
    """(rows, columns) of one plane, little-endian 16 bits each; the view keeps the frame alive."""
    plane = frame.planes[index]
    strides = (plane.line_size, 2)
    view: NDArray[np.uint16] = np.ndarray(
        (plane.height, plane.width), np.dtype("<u2"), memoryview(plane), strides=strides
    )
    return view
