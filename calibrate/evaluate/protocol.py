"""What is compared on what: the paper's protocol, the same made small, or what a person has filmed and asks for."""

from __future__ import annotations

from dataclasses import dataclass

from ..paper.dataset import HELD_FRAMES

FILTERS = ("opencv-nlmeans", "opencv-nlmeans-multi", "nlmeans", "atadenoise", "fftdnoiz")
"""Other programs' filters that are compared unless a person names others."""

LIVE = ("recursive", "nano-base", "small-base", "base-base", "large-base")
"""What cleans a stream, as it comes with the package."""


@dataclass(frozen=True)
class Filmed:
    """What a simulated camera films: scenes as (name, variant), the last ``held`` of which nothing is learned from."""

    group: str
    scenes: tuple[tuple[str, int], ...]
    held: int
    frames: int


@dataclass(frozen=True)
class Protocol:
    """How methods are compared.

    ``filmed`` is what a simulated camera films, ``other`` what another one does, for networks on a camera that they
    have not seen; ``window`` is the side of the part that is judged, in pixels; ``minutes`` how long each method
    learns, unless said otherwise; ``learning`` whether methods are trained; ``size`` that of the simulated camera's
    pictures; ``judged`` how many frames of each series are judged.
    """

    name: str
    title: str
    filmed: tuple[Filmed, ...]
    other: tuple[Filmed, ...]
    window: int
    minutes: float
    learning: bool
    size: tuple[int, int]
    judged: int


PAPER = Protocol(
    name="paper",
    title="the paper's protocol",
    filmed=(
        Filmed(
            "scenes",
            (
                ("desk", 0),
                ("room", 0),
                ("street", 0),
                ("desk", 1),
                ("room", 1),
                ("street", 1),
                ("chart", 0),
            ),
            2,
            14,
        ),
        Filmed(
            "webcam",
            (("desk", 2), ("room", 2), ("street", 2), ("desk", 3), ("room", 3), ("street", 3)),
            2,
            20,
        ),
    ),
    other=(Filmed("webcam", (("desk", 4), ("street", 4), ("room", 4), ("desk", 5)), 2, 14),),
    window=320,
    minutes=4.0,
    learning=True,
    size=(1920, 1080),
    judged=1,
)
"""Seven scenes of different light and colour with 14 frames each, and six series of a webcam at 1920×1080."""

QUICK = Protocol(
    name="quick",
    title="the paper's protocol, made small",
    filmed=(
        Filmed("scenes", (("desk", 0), ("room", 1), ("chart", 0)), 1, 14),
        Filmed("webcam", (("street", 2), ("desk", 3), ("room", 3)), 1, 14),
    ),
    other=(Filmed("webcam", (("desk", 4), ("room", 4)), 1, 14),),
    window=144,
    minutes=0.4,
    learning=True,
    size=(640, 360),
    judged=1,
)
"""The same in minutes, to see that all of it works; its figures say little."""

OWN = Protocol(
    name="own",
    title="your own footage",
    filmed=(),
    other=(),
    window=384,
    minutes=4.0,
    learning=False,
    size=(1920, 1080),
    judged=4,
)
"""What was filmed with a camera, without learning anything but what was calibrated before."""


def beside_the_paper(scenes: int, frames: int, size: tuple[int, int]) -> str:
    """How far a person's own footage is from what the paper used, in a sentence."""
    wanted = sum(len(group.scenes) for group in PAPER.filmed)
    return (
        f"The paper compares on {wanted} series of different scenes, of 14 to 20 frames; here there "
        + ("is 1 series" if scenes == 1 else f"are {scenes} series")
        + f", the shortest of {frames} frames, at {size[0]}×{size[1]}."
        + (f" Of each, at most {HELD_FRAMES} frames are held out." if frames > 100 else "")
    )
