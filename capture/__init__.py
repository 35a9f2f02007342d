"""`rtdenoise capture`: films still scenes with a camera, splits them into series and judges each.

command   the command line
meter     looks at a scene while it is filmed; guidance has the words for what it says
record    films: packets as the camera sends them, with its settings held still
writer    puts packets into a file, whole or not at all
clip      a clip on disk and its sidecar of facts
series    judges a clip: reads it, and writes sidecar and static masks
segments  cuts the clip into segments of one scene and measures each
joining   joins neighbouring segments into longer series
remarks   what happened while a clip was filmed: light (which light keeps), bumps, what moved
verdict   the limits, and the reason where one is passed
quality   the measures: deviation (eq. 5, 6), drift, lag-1 correlation, flicker
shift     sub-pixel shift of a frame
mask      which pixels of a series stand still
plots     the density curves of the paper's Fig. 2, the mean frames with their static masks

What other programs need can be imported from here, and is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Clip", "Series", "judge_clip", "static_mask"]

if TYPE_CHECKING:
    from .clip import Clip, Series
    from .mask import static_mask
    from .series import judge_clip
else:
    _MODULE_OF = {
        "Clip": ".clip",
        "Series": ".clip",
        "judge_clip": ".series",
        "static_mask": ".mask",
    }

    def __getattr__(name):
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(_MODULE_OF[name], __name__), name)
        globals()[name] = value  # asked only once
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
