"""The scenes that the simulated camera can film, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from .chart import draw_chart
from .desk import draw_desk
from .room import draw_room
from .scene import Scene
from .street import draw_street
from .variation import Variation

SCENES: dict[str, Callable[[tuple[int, int], Variation], Scene]] = {
    "desk": draw_desk,
    "room": draw_room,
    "street": draw_street,
    "chart": draw_chart,
}


@lru_cache(maxsize=2)
def scene(name: str, size: tuple[int, int], variant: int = 0) -> Scene:
    """The scene of that name, a key of ``SCENES``, drawn at a size in pixels (columns, rows).

    ``variant`` chooses one of many of the kind (:class:`~rtdenoise.cameras.simulated.variation.Variation`).
    """
    return SCENES[name](size, Variation(variant))
