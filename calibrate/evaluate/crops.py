"""Pictures of a comparison, pixel for pixel: what each method made of the same place, and what it took away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from rtdenoise.arrays import Bytes, Floats
from rtdenoise.files import write_bytes
from rtdenoise.networks.butterworth import ButterworthLowPass

from .judging import JudgedPlace
from .kept import Cleaned, file_name
from .material import luma
from .windows import choose_window

_SIDE = 128
_SHOWN_NOISE = (
    32.0  # levels that the noise's standard deviation takes in pictures of what was removed
)


def save_crops(
    judged: JudgedPlace, cleaned: Mapping[str, Cleaned], folder: Path, title: str
) -> dict[str, Any]:
    """Writes the pictures of one series, and says where they are.

    Args:
        judged: The series.
        cleaned: By method, with "camera", the camera's own frames.
        folder: Where they go.
        title: For people.

    Raises:
        StorageError: the folder can't be written.
    """
    footage, place = judged.footage, judged.place
    mean = luma(footage.mean)
    part = choose_window(255 * mean, footage.mask, (0, mean.shape[1]), _SIDE)
    crop = (slice(None), *part.inside)
    noise = max(footage.noise_variance**0.5, 1e-4)
    gain = _SHOWN_NOISE / 255 / noise
    last = len(place.judged.frames) - 1
    noisy = footage.frame(place.judged.frames[last])

    def save(name: str, picture: Floats) -> str:
        path = folder / f"{file_name(place.name)}-{file_name(name)}.png"
        write_bytes(path, _png(picture))
        return f"{folder.name}/{path.name}"

    methods, removed = {}, {}
    spread: Floats | None = None
    for name, one in cleaned.items():
        methods[name] = save(name, one.frames[last][crop])
        if name != "camera":
            removed[name] = save(f"{name}-removed", 0.5 + gain * (noisy - one.frames[last])[crop])
        if one.spread is not None and (spread is None or name == "paper"):
            spread = one.spread
    low = _low(luma(noisy))
    high = 0.5 + gain * (luma(noisy) - low)
    return {
        "series": place.name,
        "title": title,
        "window": [
            place.window.left + part.left,
            place.window.top + part.top,
            part.width,
            part.height,
        ],
        "removed_gain": round(gain, 2),
        "methods": methods,
        "removed": removed,
        "uncertainty": None
        if spread is None
        else save("uncertainty", spread[part.inside] / (2 * noise)),
        "low": save("low", low[part.inside]),
        "high": save("high", high[part.inside]),
        "mean": save("mean", footage.mean[crop]),
        "truth": None if judged.truth is None else save("truth", judged.truth[last][crop]),
    }


def _low(grey: Floats) -> Floats:
    """The low frequencies as the paper's network is given them (Fig. 5)."""
    with torch.no_grad():
        found = ButterworthLowPass()(torch.from_numpy(np.ascontiguousarray(grey))[None, None])
    return np.asarray(found[0, 0].numpy(), np.float32)


def _png(picture: Floats) -> bytes:
    """A picture (3, h, w) or (h, w) in [0, 1] as PNG."""
    values: Bytes = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    if values.ndim == 3:
        values = np.ascontiguousarray(values[::-1].transpose(1, 2, 0))
    _, coded = cv2.imencode(".png", values)
    return coded.tobytes()
