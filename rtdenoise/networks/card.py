"""Network files: safetensors with a card in the metadata that says what the network is and for whom it was made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from ..cameras.base import CameraInfo, Mode
from ..errors import NetworkError
from ..files import count_of, parse_json, text_of, write_bytes
from ..version import __version__
from .live import SIZES, LiveNetwork, upgraded
from .paper import PaperNetwork

VERSION = 2
"""1: live networks did not look at the noise at each place."""
_KEY = "rtdenoise"
_HINT = "Run rtdenoise calibrate again for this camera, or name another network."

KINDS: dict[str, Callable[[], nn.Module]] = {
    "paper": PaperNetwork,
    **{name: partial(LiveNetwork, size) for name, size in SIZES.items()},
}
"""How a network of each kind is built; its weights come from the file."""


@dataclass(frozen=True)
class Card:
    """What a network file says about itself.

    ``kind`` is one of :data:`KINDS`; ``mode`` is :meth:`rtdenoise.cameras.base.Mode.to_json` of the mode it was
    trained in; ``data`` tells on what it was trained, ``figures`` how well it did. Empty where nothing is known.
    """

    kind: str
    camera_id: str = ""
    camera_name: str = ""
    mode: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    made_by: str = f"rtdenoise {__version__}"
    version: int = VERSION


def save_network(path: Path, module: nn.Module, card: Card) -> None:
    """Writes the weights of ``module`` and its card to ``path``, whole or not at all.

    Raises:
        StorageError: the file can't be written.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in module.state_dict().items()}
    metadata = {_KEY: json.dumps(asdict(card), ensure_ascii=False)}
    write_bytes(path, save(tensors, metadata))


def read_card(path: Path) -> Card:
    """The card of a network file, without its weights.

    Raises:
        NetworkError: the file is missing, damaged, not a network of rtdenoise, or of a newer version.
    """
    if not path.is_file():
        raise NetworkError(
            f"There is no network file {path}.", "Make one with rtdenoise calibrate."
        )
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise NetworkError(f"{path} is damaged, or not a safetensors file.", _HINT) from error
    if _KEY not in metadata:
        raise NetworkError(f"{path} is not a network made by rtdenoise.", _HINT)
    try:
        value = parse_json(metadata[_KEY])
        version = count_of(value["version"])
        if version > VERSION:
            raise NetworkError(f"{path} was made by a newer rtdenoise.", "Update rtdenoise.")
        card = Card(
            kind=text_of(value["kind"]),
            camera_id=text_of(value["camera_id"]),
            camera_name=text_of(value["camera_name"]),
            mode=dict(value["mode"]),
            data=dict(value["data"]),
            figures=dict(value["figures"]),
            made_by=text_of(value["made_by"]),
            version=version,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError(f"The card of {path} is damaged.", _HINT) from error
    if card.kind not in KINDS:
        raise NetworkError(
            f"{path} is a network of the kind {card.kind!r}, which is unknown here.",
            "Update rtdenoise.",
        )
    return card


def load_network(path: Path) -> tuple[nn.Module, Card]:
    """The network in ``path`` on the CPU, ready to run, and its card.

    Raises:
        NetworkError: as :func:`read_card`, or the weights don't fit the network that the card names.
    """
    card = read_card(path)
    module = KINDS[card.kind]()
    wanted = module.state_dict()
    try:
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise NetworkError(f"{path} is damaged.", _HINT) from error
    if card.kind in SIZES and card.version < 2:
        tensors = upgraded(tensors)
    fits = tensors.keys() == wanted.keys() and all(
        tensors[k].shape == v.shape and tensors[k].dtype == v.dtype for k, v in wanted.items()
    )
    if not fits:
        raise NetworkError(f"{path} holds other weights than a {card.kind} network has.", _HINT)
    if not all(bool(t.isfinite().all()) for t in tensors.values()):
        raise NetworkError(f"{path} holds weights that are not numbers.", _HINT)
    module.load_state_dict(tensors)
    return module.eval(), card


def check_camera(card: Card, camera: CameraInfo, mode: Mode, any_camera: bool = False) -> None:
    """Refuses the network of another camera or mode: it would remove the wrong noise (the paper's Fig. 9).

    A mode is another one if its size or coding differs; the frame rate may. A card without a camera fits all.

    Raises:
        NetworkError: it was made for another camera or mode, and ``any_camera`` is False.
    """
    hint = "Run rtdenoise calibrate for this camera, or add --any-camera to use it all the same."
    if any_camera or not card.camera_id:
        return
    if card.camera_id != camera.id:
        raise NetworkError(
            f"This network was made for the camera {card.camera_name or card.camera_id}, "
            f"not for {camera.name or camera.id}.",
            hint,
        )
    if not card.mode:
        return
    try:
        made = Mode.from_json(dict(card.mode))
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError("The network's card names no valid mode.", _HINT) from error
    if (made.codec, made.width, made.height) != (mode.codec, mode.width, mode.height):
        raise NetworkError(f"This network was made for the mode {made}, not for {mode}.", hint)
