"""Pictures to make clips from: photographs and procedural ones, in memory on the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from rtdenoise.errors import ClipError

from .procedural import procedural_picture

# Not every file of the collection is free for every use.
_LEFT_OUT = ("analogpattern", "umang", "life")
_LONGEST = (
    2400  # pixels of a photograph's longer side: large photographs are only sharp when made smaller
)
_STEP = 0.7  # from one size of a picture to the next smaller
_SMALLEST = 160  # pixels of a picture's shorter side


def photographs(folder: Path) -> list[Path]:
    """The photographs of a folder that may be used: .jpg, .jpeg and .png, sorted by name."""
    endings = (".jpg", ".jpeg", ".png")
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in endings
        and not any(word in path.name.lower() for word in _LEFT_OUT)
    )


class Pictures:
    """A pool of pictures in several sizes each, as bytes.

    Args:
        paths: Photographs; those whose names say that they are not free for every use are left out.
        procedural: How many procedural pictures there are beside them.
        procedural_share: How often one of them is drawn (always, where there are no photographs).
        seed: Which procedural pictures.
        device: Where they are kept.

    Raises:
        ClipError: a photograph can't be read, or there is no picture at all.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        procedural: int,
        procedural_share: float,
        seed: int,
        device: torch.device,
    ) -> None:
        free = [p for p in paths if not any(word in p.name.lower() for word in _LEFT_OUT)]
        self._photos = [self._sizes(_read(path), device) for path in free]
        random = np.random.default_rng([seed, 0x9C])
        self._procedural = [
            self._sizes(procedural_picture(random), device) for _ in range(procedural)
        ]
        if not self._photos and not self._procedural:
            raise ClipError(
                "There are no pictures to make clips from.",
                "Name at least one photograph, or ask for procedural pictures.",
            )
        self._share = procedural_share if self._photos else 1.0
        if not self._procedural:
            self._share = 0.0
        self._device = device

    def draw(
        self, random: np.random.Generator, size: tuple[int, int], zoomed: float = 1.0
    ) -> torch.Tensor:
        """A random piece of a random picture in linear light, turned and flipped: (3, rows, columns).

        Args:
            random: Chooses.
            size: (columns, rows).
            zoomed: Above 1, the piece is cut smaller by this factor and enlarged: out of focus.
        """
        pool = self._procedural if random.random() < self._share else self._photos
        sizes = pool[int(random.integers(len(pool)))]
        turned = bool(random.integers(2))
        wanted = [max(8, round(n / zoomed)) for n in (size[::-1] if turned else size)]
        fitting = [s for s in sizes if s.shape[2] >= wanted[0] and s.shape[1] >= wanted[1]]
        picture = fitting[int(random.integers(len(fitting)))] if fitting else sizes[0]
        columns = min(wanted[0], picture.shape[2])
        rows = min(wanted[1], picture.shape[1])
        left = int(random.integers(picture.shape[2] - columns + 1))
        top = int(random.integers(picture.shape[1] - rows + 1))
        piece = picture[:, top : top + rows, left : left + columns]
        if turned:
            piece = piece.transpose(1, 2)
        flips = [axis for axis in (1, 2) if random.integers(2)]
        if flips:
            piece = piece.flip(flips)
        light = linear(piece.float().mul_(1 / 255))
        if light.shape[1:] != (size[1], size[0]):
            light = torch.nn.functional.interpolate(
                light[None], (size[1], size[0]), mode="bicubic", align_corners=False
            )[0].clamp_(min=0)
        return light

    @staticmethod
    def _sizes(picture: NDArray[np.uint8], device: torch.device) -> list[torch.Tensor]:
        """The picture, (H, W, 3), in falling sizes, (3, H, W) each."""
        sizes: list[torch.Tensor] = []
        scale = min(1.0, _LONGEST / max(picture.shape[:2]))
        while True:
            small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            planes = np.ascontiguousarray(small.transpose(2, 0, 1))
            sizes.append(torch.from_numpy(planes).to(device))
            picture, scale = np.asarray(small, np.uint8), _STEP
            if min(picture.shape[:2]) * scale < _SMALLEST:
                return sizes


def linear(toned: torch.Tensor) -> torch.Tensor:
    """Turns sRGB values in [0, 1] into linear light: a polynomial that is close to the curve and quick."""
    return toned * (toned * (toned * 0.305306011 + 0.682171111) + 0.012522878)


def _read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ClipError(
            f"{path} can't be read as a picture.", "Leave it out, or convert it to PNG."
        )
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)
