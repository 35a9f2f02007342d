"""The methods by name: what kind each is, what people call it, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from rtdenoise.errors import NetworkError
from rtdenoise.networks.shipped import shipped_sizes

from . import filters
from .learned import LEARNED
from .protocol import FILTERS, LIVE
from .trained import CALIBRATED, SINGLE

PACKAGE = "this package"
CAMERA = "camera"
"""The name of the camera's own frames in tables."""


@dataclass(frozen=True)
class Known:
    """One row of the table; ``kind`` is "camera", "filter", "live" or "learned"."""

    name: str
    title: str
    source: str
    kind: str
    causal: bool = True
    setting: str = ""


def described(name: str, title: str = "") -> Known:
    """What is known of a method beside its figures; ``title`` for a network of the person's own."""
    if name == CAMERA:
        return Known(name, "The camera's own frames", "", "camera")
    if name in filters.NAMES:
        words, source = filters.TITLES[name]
        return Known(name, words, source, "filter")
    if name.endswith(CALIBRATED):
        size = name.removesuffix(CALIBRATED)
        return Known(name, f"Live network {size}, calibrated", PACKAGE, "live")
    if name.removesuffix(SINGLE) in LEARNED:
        method = LEARNED[name.removesuffix(SINGLE)]
        if name.endswith(SINGLE):
            return Known(name, f"{method.title}, one view", method.source, "learned")
        setting = "8 views" if method.views else ""
        return Known(name, method.title, method.source, "learned", setting=setting)
    return Known(name, title or name, PACKAGE, "live")


def default_methods(learning: bool, fine_tuned: bool, own: list[str]) -> list[str]:
    """What is compared unless a person names methods.

    Args:
        learning: Whether methods are trained.
        fine_tuned: Whether a live network can be fine-tuned here.
        own: Names of the networks that the camera has already.
    """
    there = [
        name
        for name in LIVE
        if name == "recursive" or name.removesuffix("-base") in shipped_sizes()
    ]
    calibrated = [f"nano{CALIBRATED}"] if learning and fine_tuned else []
    learned = list(LEARNED) if learning else []
    return [*FILTERS, *there, *([] if learning and fine_tuned else own), *calibrated, *learned]


def check(names: list[str], own: list[str], learning: bool) -> None:
    """Refuses names that mean nothing.

    Raises:
        NetworkError: there is no such method, or it would have to learn where nothing is learned.
    """
    sizes = shipped_sizes()
    known = {*filters.NAMES, "recursive", *(f"{size}-base" for size in sizes), *own}
    trained = {*(f"{size}{CALIBRATED}" for size in sizes), *LEARNED}
    for name in names:
        if name in known or name.endswith(".safetensors") or (learning and name in trained):
            continue
        if name in trained:
            raise NetworkError(
                f"{name} has to be trained first.", "Add --paper, or --quick for a trial."
            )
        listed = ", ".join([*sorted(known), *sorted(trained)])
        raise NetworkError(f"There is no method {name!r}.", f"Methods are: {listed}.")
