"""Other programs' filters: each in several strengths, of which frames that aren't judged choose the best.

They look at a part of the frame that is larger than the judged window by more than their reach, which is quicker and
gives the same pixels.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rtdenoise.frames import Planes, rgb_tensor

from .. import peers
from ..upsnr import pair_sums
from .kept import Cleaned
from .material import Footage, Place, luma
from .windows import around, cut

_MARGIN = 64
_TUNED = 4  # places at most
_FEW = 4  # earlier frames that multi-frame non-local means looks at
TITLES = {
    "opencv-nlmeans": ("Non-local means (OpenCV)", "Buades et al., CVPR 2005"),
    "opencv-nlmeans-multi": ("Non-local means, 5 frames (OpenCV)", "Buades et al., IJCV 2008"),
    "nlmeans": ("Non-local means (FFmpeg)", "Buades et al., CVPR 2005"),
    "atadenoise": ("Adaptive temporal averaging (FFmpeg)", "Bartovčak and Vranić, 2012"),
    "fftdnoiz": ("FFT denoiser (FFmpeg)", "3-D Wiener filter of blocks"),
    "bm3d": ("BM3D (FFmpeg)", "Dabov et al., TIP 2007"),
}


@dataclass(frozen=True)
class Setting:
    """One strength of a filter; ``words`` are what a person would type."""

    words: str
    clean: peers.Clean | None
    h: float = 0.0  # of multi-frame non-local means, which is no stream of frames


def settings(name: str) -> list[Setting]:
    """The strengths that are tried, in order.

    Raises:
        KeyError: there is no such filter.
    """
    if name == "opencv-nlmeans-multi":
        return [Setting(f"h={h}", None, h) for h in (1, 2, 3, 5, 8)]
    return [Setting(peer.setting, peer.clean) for peer in peers.peers([name])]


NAMES = ("opencv-nlmeans-multi", *peers.NAMES)
"""The filters that are known."""


def clean(setting: Setting, place: Place) -> Cleaned:
    """What a filter makes of a place's frames."""
    history = list(place.history())
    shape = history[0].y.shape
    part = around(place.window, _MARGIN, (shape[0], shape[1]))
    frames = [cut(planes, part) for planes in history]
    wanted = len(place.cleaned)
    begin = time.perf_counter()
    if setting.clean is None:
        made = [_multi(frames[: len(frames) - k], setting.h) for k in reversed(range(wanted))]
        runs = wanted
    else:
        made = [planes.copy() for planes in setting.clean(frames)][-wanted:]
        runs = len(frames)
    spent_ms = 1e3 * (time.perf_counter() - begin) / runs
    spent_ms *= shape[0] * shape[1] / (part.height * part.width)
    top, left = place.window.top - part.top, place.window.left - part.left
    rows, columns = slice(top, top + place.window.height), slice(left, left + place.window.width)
    pictures = [rgb_tensor(planes).clamp_(0, 1).numpy()[:, rows, columns] for planes in made]
    return Cleaned(np.stack(pictures), spent_ms)


def _multi(frames: Sequence[Planes], h: float) -> Planes:
    """OpenCV's multi-frame non-local means of the last of the frames.

    It wants to look as far ahead as back. The frames of a still scene have no order, so the last one is put between
    those before it: nothing that comes later is seen.
    """
    last = frames[-1]
    earlier = list(frames[-1 - _FEW : -1])
    while len(earlier) < _FEW:
        earlier.append(last)
    half = _FEW // 2
    order = [*earlier[:half], last, *earlier[half:]]
    pictures = [peers.bgr(planes) for planes in order]
    cleaned = cv2.fastNlMeansDenoisingColoredMulti(pictures, half, _FEW + 1, None, h, h, 7, 21)
    return peers.planes_of_bgr(np.asarray(cleaned, np.uint8), last)


def best_setting(name: str, tuning: Sequence[Place]) -> Setting:
    """The strength with the highest uPSNR on frames that may be learned from; the middle one where there are none."""
    tried = settings(name)
    chosen = _spread(tuning)
    if len(tried) == 1 or not chosen:
        return tried[len(tried) // 2]
    loaded = [place.footage() for place in chosen]
    errors = [sum(_error(clean(one, f.place), f) for f in loaded) for one in tried]
    return tried[int(np.argmin(errors))]


def _spread(tuning: Sequence[Place]) -> list[Place]:
    index = np.unique(np.linspace(0, len(tuning) - 1, min(_TUNED, len(tuning))).round().astype(int))
    return [tuning[i] for i in index] if tuning else []


def _error(cleaned: Cleaned, footage: Footage) -> float:
    if not footage.mask.any():
        return 0.0
    outputs = luma(cleaned.frames[: len(footage.place.judged.frames)])[:, None]
    sums = pair_sums(outputs, luma(footage.references)[:, :, None], footage.mask)
    return sums.error() * sums.values
