"""What a person should know of a clip beside which series are fit: what happened while it was filmed, and the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from .clip import Series
from .joining import Joined, Seam
from .light import LightMeter
from .mask import moving_share
from .segments import Segment
from .session import Drift
from .verdict import LEAST_FRAMES, reason

_MOVES = 0.02  # of the picture
_SOME_BRIGHT, _SOME_DARK = 0.1, 0.5
_DARK_LEVEL = 10.0
_FLICKER_LEVELS = 1.0


@dataclass(frozen=True)
class Remark:
    """What happened from frame ``first`` on, in a sentence with its cure.

    ``kind`` is "shift", "moving", "light", "heat", "flicker", "dark", "bright", "codec" or "other".
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


# What lamps that flicker bring about: all of the picture brightens, bands move, neighbouring frames are alike.
_OF_FLICKER = ("moving", "drift", "lag1", "sigma")
_KINDS_OF_FLICKER = ("light", "heat", "codec", "moving", "other")


def remarks(
    groups: Sequence[Joined],
    found: Sequence[Segment],
    light: LightMeter,
    scenes: Sequence[int],
    drifts: Sequence[Drift],
) -> list[Remark]:
    """All there is to say of a clip.

    Args:
        groups: Its segments as they were joined.
        found: Its series.
        light: How bright its frames are.
        scenes: The frames at which another scene begins, the first one's among them, and the number of all frames.
        drifts: What became of these scenes.
    """
    flicker = list(_flicker(light, found))
    told = [
        *_refused(found),
        *_seams(groups),
        *_light(light, scenes),
        *_pictures(found),
        *_heat(drifts),
    ]
    if flicker:
        told = [remark for remark in told if remark.kind not in _KINDS_OF_FLICKER]
    if any(remark.kind == "dark" for remark in told):  # σ is relative to the brightness
        told = [remark for remark in told if remark.kind != "other"]
    told += flicker
    # Where what was filmed before and after a bump was compared, that tells it better than the frames in between.
    bumped = {remark.first for remark in told if remark.kind == "shift"}
    hidden = {s.first for s in found if s.problem in ("bump", "shift") and s.stop in bumped}
    told = [r for r in told if not (r.kind == "shift" and r.first in hidden)]
    once: dict[str, Remark] = {}
    for remark in told:
        once.setdefault(_sentence(remark), remark)
    return sorted(once.values(), key=lambda remark: remark.first)


def _sentence(remark: Remark) -> str:
    """What a remark says: the same thing is told once, though other parts of the clip show it in other figures.

    When the camera was bumped is told each time.
    """
    figures = remark.kind not in ("shift", "light")
    return re.sub(r"[0-9.]+", "#", remark.words) if figures else remark.words


def words_of(facts: Mapping[str, Any]) -> list[str]:
    """The sentences of the remarks among a clip's facts."""
    told = facts.get("remarks")
    known = [r for r in told if isinstance(r, dict)] if isinstance(told, list) else []
    return [str(remark["words"]) for remark in known if "words" in remark]


def explained(segment: Segment, said: Iterable[Remark]) -> Series:
    """As a series, with the reason behind its figures: flicker makes many of them bad, and the dark makes σ large."""
    series = segment.series()
    for kind, problems in (("flicker", _OF_FLICKER), ("dark", ("sigma",))):
        words = next((remark.words for remark in said if remark.kind == kind), None)
        if words and segment.problem in problems:
            return replace(series, reason=words)
    return series


def _refused(found: Iterable[Segment]) -> Iterator[Remark]:
    for segment in found:
        if segment.problem is not None:
            kind = _KIND_OF.get(segment.problem, "other")
            yield Remark(kind, segment.first, reason(segment.problem, segment.measures))


def _seams(groups: Iterable[Joined]) -> Iterator[Remark]:
    for group in groups:
        # Masks also differ where edges are noisy: that is nothing that a person could mend.
        if group.seam is not None and (group.seam.kind != "moving" or group.seam.moves > _MOVES):
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
        if m.count >= LEAST_FRAMES and segment.problem != "dark":
            yield from _dark(segment)
        if segment.problem is not None:
            continue
        share = 0.0 if segment.still is None else moving_share(segment.still.mask)
        if share > _MOVES:
            yield Remark(
                "moving", segment.first, f"{share:.0%} of the picture moves and is left out."
            )
        if m.bright > _SOME_BRIGHT:
            yield Remark(
                "bright",
                segment.first,
                f"{m.bright:.0%} of the picture is white and shows no noise; lower the light or the exposure.",
            )


def _heat(drifts: Iterable[Drift]) -> Iterator[Remark]:
    for drift in drifts:
        if drift.warms:
            words = (
                f"The noise grew by {drift.noise:.0%} while it was filmed, as a sensor's does while it warms up: "
                "let the camera run for some minutes, and film again."
            )
            yield Remark("heat", drift.first, words)


def _dark(segment: Segment) -> Iterator[Remark]:
    m = segment.measures
    if m.level < _DARK_LEVEL or m.dark > _SOME_DARK:
        words = f"The picture is very dark (level {m.level:.0f} of 255): give the scene more light."
        yield Remark("dark", segment.first, words)
