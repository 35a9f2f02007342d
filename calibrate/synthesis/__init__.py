"""Training clips with motion and known truth: pictures that move, seen by simulated or measured cameras."""

from .clips import ClipBatch, PhotoClips, join
from .photos import photographs
from .scenes import PEOPLE, Mix
from .series import SeriesClips
from .still import StillStack, still_stack

__all__ = [
    "PEOPLE",
    "ClipBatch",
    "Mix",
    "PhotoClips",
    "SeriesClips",
    "StillStack",
    "join",
    "photographs",
    "still_stack",
]
