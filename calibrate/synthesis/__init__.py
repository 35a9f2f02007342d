"""Training clips with motion and known truth: pictures that move, seen by simulated or measured cameras."""

from .clips import ClipBatch, Mix, PhotoClips, join
from .photos import photographs

__all__ = ["ClipBatch", "Mix", "PhotoClips", "join", "photographs"]
