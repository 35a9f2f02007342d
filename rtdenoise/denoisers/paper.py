"""A calibrated network as a denoiser: the paper's inference (eq. 10) on every frame by itself."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from ..cameras.base import CameraInfo, Mode
from ..errors import NetworkError
from ..frames import Planes, planes_from_rgb, rgb_tensor
from ..networks.card import Card, check_camera, load_network
from ..networks.device import half_dtype, pick_device
from ..networks.paper import PaperNetwork
from ..networks.tiles import Cleaned, clean_frame


class PaperDenoiser:
    """Cleans each frame with a network from a file.

    Args:
        path: The network's file.
        device: "auto", "cpu", "cuda", "mps" or "xpu".
        tta: The mean over eight flips and rotations, as in the paper; else one pass, eight times as fast.
        camera: The camera whose frames are to be cleaned; None: don't check.
        mode: Its mode.
        any_camera: Use the network although it was made for another camera or mode.
        tile: Side of the tiles in pixels; None: by memory. The result doesn't depend on it.

    Raises:
        NetworkError: the file is damaged, or made for another camera, or the device isn't there.
    """

    def __init__(
        self,
        path: Path | str,
        device: str = "auto",
        tta: bool = True,
        *,
        camera: CameraInfo | None = None,
        mode: Mode | None = None,
        any_camera: bool = False,
        tile: int | None = None,
    ) -> None:
        path = Path(path)
        module, self.card = load_network(path)
        if camera is not None and mode is not None:
            check_camera(self.card, camera, mode, any_camera)
        self._setup(cast(PaperNetwork, module), path.stem, device, tta, tile)

    @classmethod
    def of(
        cls, network: PaperNetwork, device: str = "auto", tta: bool = True, tile: int | None = None
    ) -> PaperDenoiser:
        """A denoiser around a network that is in memory."""
        self = cls.__new__(cls)
        self.card = Card("paper")
        self._setup(network, "paper", device, tta, tile)
        return self

    def _setup(
        self, network: PaperNetwork, name: str, device: str, tta: bool, tile: int | None
    ) -> None:
        self._name, self._tta, self._tile = name, tta, tile
        self._device = pick_device(device)
        self._network = network.to(self._device).eval()
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network.set_compute_dtype(half_dtype(self._device))

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self._name

    def __call__(self, planes: Planes) -> Planes:
        """Cleans one frame; see :class:`rtdenoise.denoisers.base.Denoiser`."""
        return planes_from_rgb(self._clean(planes).mean, planes.format, planes.time_s)

    def with_uncertainty(self, planes: Planes) -> tuple[Planes, NDArray[np.float32]]:
        """The cleaned frame, and the spread over the eight views: (H, W), in levels of 255."""
        cleaned = self._clean(planes)
        spread = (cleaned.spread * 255).cpu().numpy()
        return planes_from_rgb(cleaned.mean, planes.format, planes.time_s), spread

    def reset(self) -> None:
        """Does nothing: every frame is cleaned by itself."""

    def _clean(self, planes: Planes) -> Cleaned:
        try:
            frame = rgb_tensor(planes, self._device)
            return clean_frame(self._network, frame, tta=self._tta, tile=self._tile)
        except torch.OutOfMemoryError as error:
            raise NetworkError(
                f"The memory of {self._device} is too small for the network {self._name}.",
                "Close other programs that use it, or choose --device cpu.",
            ) from error
