"""What a person should know of a clip beside which series are fit: what happened while it was filmed, and the cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from .joining import Joined, Seam
from .light import LightMeter
from .segments import Segment
from .verdict import LEAST_STATIC_FRACTION, reason

_WHOLE = 0.99  # less of the picture stands still
_SOME_BRIGHT, _SOME_DARK = 0.1, 0.5
_DARK_LEVEL = 10.0
_FLICKER_LEVELS = 1.0


@dataclass(frozen=True)
class Remark:
    """What happened from frame ``first`` on, in a sentence with its cure.

    ``kind`` is "shift", "moving", "light", "flicker", "dark", "bright", "codec" or "other".
    """

    kind: str
    first: int
    words: str

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the clip's sidecar."""
        return asdict(self)


_KIND_OF = {
    "shift": "shift",
    "bump": "shift",
    "apart": "shift",
    "moving": "moving",
    "drift": "light",
    "dark": "dark",
    "bright": "bright",
    "lag1": "codec",
    "frozen": "codec",
}


def remarks(
    groups: Sequence[Joined], found: Sequence[Segment], light: LightMeter, scenes: Sequence[int]
) -> list[Remark]:
    """All there is to say of a clip.

    Args:
        groups: Its segments as they were joined.
        found: Its series.
        light: How bright its frames are.
        scenes: The frames at which another scene begins, the first one's among them, and the number of all frames.
    """
    told = [
        *_refused(found),
        *_seams(groups),
        *_light(light, scenes),
        *_flicker(light, found),
        *_pictures(found),
    ]
    # The same thing is told once, however many of the clip's parts show it.
    once = {(remark.kind, remark.words): remark for remark in reversed(told)}
    return sorted(once.values(), key=lambda remark: remark.first)


def _refused(found: Iterable[Segment]) -> Iterator[Remark]:
    for segment in found:
        if segment.problem is not None:
            kind = _KIND_OF.get(segment.problem, "other")
            yield Remark(kind, segment.first, reason(segment.problem, segment.measures))


def _seams(groups: Iterable[Joined]) -> Iterator[Remark]:
    for group in groups:
        if group.seam is not None:
            yield Remark(group.seam.kind, group.first, _seam_words(group.seam, group.first))


def _seam_words(seam: Seam, frame: int) -> str:
    if seam.kind == "shift":
        return (
            f"The camera moved by {seam.figure:.1f} pixels before frame {frame}; what was filmed before and after is "
            "used apart. Let go of it, and put it on something firm."
        )
    if seam.kind == "light":
        return (
            f"The light changed by {seam.figure:.1f} levels before frame {frame}; what was filmed before and after is "
            "used apart."
        )
    return (
        f"Something moved before frame {frame}: only {seam.figure:.0%} of the picture stands still throughout. What "
        "was filmed before and after is used apart."
    )


def _light(light: LightMeter, scenes: Sequence[int]) -> Iterator[Remark]:
    for first, stop in pairwise(scenes):
        change = light.change(first, stop)
        if change is None:
            continue
        how = "brighter" if change.share > 0 else "darker"
        share = f"{abs(change.share):.1%}"
        if change.kind == "step":
            words = f"The picture became {share} {how} at frame {change.first}: keep the light as it is."
        else:
            words = f"The picture becomes {share} {how} bit by bit: wait until light and exposure have settled."
        yield Remark("light", change.first, words)


def _flicker(light: LightMeter, found: Sequence[Segment]) -> Iterator[Remark]:
    levels = max((segment.measures.flicker_levels for segment in found), default=0.0)
    mains = light.flicker()
    if mains is not None:
        yield Remark(
            "flicker",
            0,
            f"Lamps on {mains.mains_hz} Hz flicker in this picture: set the camera's power line frequency to "
            f"{mains.mains_hz} Hz.",
        )
    elif levels > _FLICKER_LEVELS and not any(s.problem in ("shift", "moving") for s in found):
        yield Remark(
            "flicker",
            0,
            f"Lamps flicker by {levels:.1f} levels in this picture: set the camera's power line frequency to that of "
            "your mains, 50 or 60 Hz.",
        )


def _pictures(found: Sequence[Segment]) -> Iterator[Remark]:
    """What of the accepted series isn't used, or says little."""
    for segment in found:
        m = segment.measures
        if segment.problem is not None:
            continue
        if LEAST_STATIC_FRACTION <= m.static_fraction < _WHOLE:
            yield Remark(
                "moving",
                segment.first,
                f"{1 - m.static_fraction:.0%} of the picture moves and is left out.",
            )
        if m.bright > _SOME_BRIGHT:
            yield Remark(
                "bright",
                segment.first,
                f"{m.bright:.0%} of the picture is white and shows no noise; lower the light or the exposure.",
            )
        if m.level < _DARK_LEVEL or m.dark > _SOME_DARK:
            yield Remark(
                "dark",
                segment.first,
                f"The picture is very dark (level {m.level:.0f} of 255): give the scene more light.",
            )
