"""Network files: safetensors with a card in the metadata that says what the network is and for whom it was made.

They are read as arrays; PyTorch is imported only where a module is to be made or written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ..cameras.base import CameraInfo, Mode
from ..errors import NetworkError
from ..files import count_of, parse_json, text_of, write_bytes
from ..version import __version__
from .weights import SIZES, LiveWeights, shapes, upgraded

if TYPE_CHECKING:
    from torch import nn

VERSION = 2
"""1: live networks did not look at the noise at each place."""
_KEY = "rtdenoise"
_HINT = "Run rtdenoise calibrate again for this camera, or name another network."

KINDS = ("paper", *SIZES)
"""What networks there are: the paper's, and live ones of each size."""
_FLOAT32 = "F32"  # as safetensors calls it: all weights are


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
    from safetensors.torch import save

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
        with safe_open(path, framework="np") as opened:
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
    if card.kind in SIZES:
        from .live import as_module

        return as_module(_live_weights(path, card)), card
    import torch

    from .paper import PaperNetwork

    module = PaperNetwork()
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    arrays = _checked(path, card, _read_arrays(path, card), wanted)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return module.eval(), card


def load_weights(path: Path) -> tuple[LiveWeights, Card]:
    """The weights of the live network in ``path``, and its card; PyTorch isn't imported.

    Raises:
        NetworkError: as :func:`load_network`, or it isn't a live network.
    """
    card = read_card(path)
    if card.kind not in SIZES:
        raise NetworkError(f"{path} is not a live network.", "Name another network.")
    return _live_weights(path, card), card


def _live_weights(path: Path, card: Card) -> LiveWeights:
    size = SIZES[card.kind]
    arrays = _read_arrays(path, card)
    if card.version < 2:
        arrays = upgraded(arrays)
    return LiveWeights(size, _checked(path, card, arrays, shapes(size)))


def _read_arrays(path: Path, card: Card) -> dict[str, NDArray[Any]]:
    """All arrays of a file, which are float32."""
    try:
        with safe_open(path, framework="np") as opened:
            names = list(opened.keys())
            # NumPy doesn't know all types that such a file may hold.
            if any(opened.get_slice(name).get_dtype() != _FLOAT32 for name in names):
                raise _other_weights(path, card)
            return {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise NetworkError(f"{path} is damaged.", _HINT) from error


def _checked(
    path: Path, card: Card, arrays: dict[str, NDArray[Any]], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[Any]]:
    """The arrays, if their names and shapes are those that are wanted and all their values are finite."""
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise _other_weights(path, card)
    if not all(bool(np.isfinite(array).all()) for array in arrays.values()):
        raise NetworkError(f"{path} holds weights that are not numbers.", _HINT)
    return arrays


def _other_weights(path: Path, card: Card) -> NetworkError:
    return NetworkError(f"{path} holds other weights than a {card.kind} network has.", _HINT)


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
