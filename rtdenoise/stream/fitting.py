"""A frame of another size or kind, brought to the format that the sink keeps."""

from __future__ import annotations

from ..frames import PlaneFormat, Planes, black_planes, convert, fitted


def fit(planes: Planes, layout: PlaneFormat) -> Planes:
    """A frame in another format: its range, matrix, sub-sampling and size.

    The picture keeps its proportions: what it doesn't fill is black, and so are an odd last row and column. A frame in
    that format is given back itself.

    Args:
        planes: The frame.
        layout: What is wanted.
    """
    if planes.format == layout:
        return planes
    planes = convert(planes, layout.chroma, layout.full_range, layout.matrix)
    if (planes.format.width, planes.format.height) == (layout.width, layout.height):
        return planes
    even = fitted(planes, (max(layout.width // 2 * 2, 2), max(layout.height // 2 * 2, 2)))
    if even.format == layout:
        return even
    whole = black_planes(layout, planes.time_s)
    for part, room in ((even.y, whole.y), (even.u, whole.u), (even.v, whole.v)):
        rows, columns = (min(a, b) for a, b in zip(part.shape, room.shape, strict=True))
        room[:rows, :columns] = part[:rows, :columns]
    return whole
