"""VapourSynth's denoisers, run by the Python of their own environment: MVTools, V-BM3D and DFTTest.

    python -I vapoursynth_filters.py FILTER STRENGTH WIDTH HEIGHT INDEX[,INDEX…]  < frames  > luma

Frames come as packed 4:2:0 bytes on standard input until it ends; the luma of the wanted ones goes to standard output.
This file stands alone: it may import only what that environment has (``vapoursynth_peers`` makes it and calls this).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import dfttest2
import numpy as np
import vapoursynth as vs
from numpy.typing import NDArray

Frames = list[NDArray[np.uint8]]  # (H·3/2, W) each


def yuv_clip(frames: Frames, width: int, height: int) -> Any:
    """All planes as bytes."""
    area = width * height

    def planes(n: int, f: Any) -> Any:
        flat = frames[n].reshape(-1)
        parts = flat[:area], flat[area : area * 5 // 4], flat[area * 5 // 4 :]
        new = f.copy()
        for plane, part in enumerate(parts):
            out = np.asarray(new[plane])
            np.copyto(out, part.reshape(out.shape))
        return new

    blank = vs.core.std.BlankClip(
        width=width, height=height, format=vs.YUV420P8, length=len(frames)
    )
    return blank.std.ModifyFrame(blank, planes)


def luma_clip(frames: Frames, width: int, height: int) -> Any:
    """Luma as floats in [0, 1]: 255 is 1, so that strengths are in the levels of a byte."""

    def luma(n: int, f: Any) -> Any:
        new = f.copy()
        np.copyto(np.asarray(new[0]), frames[n][:height].astype(np.float32) / 255)
        return new

    blank = vs.core.std.BlankClip(width=width, height=height, format=vs.GRAYS, length=len(frames))
    return blank.std.ModifyFrame(blank, luma)


def degrain(frames: Frames, width: int, height: int, reach: int, strength: float) -> Any:
    """MVTools: blocks of ``reach`` frames before and after are moved along and averaged.

    The options were the best of those tried: vectors are searched exhaustively on a slightly blurred copy, half-pel, in
    Hadamard differences; blocks of 16 overlap by half. There is no cut in these clips, so the check for one, which
    takes strong noise for it, is off.
    """
    clip = yuv_clip(frames, width, height)
    smooth = clip.std.Convolution([1, 2, 1, 2, 4, 2, 1, 2, 1])
    search, plain = smooth.mv.Super(pel=2), clip.mv.Super(pel=2, levels=1)
    options = {"blksize": 16, "overlap": 8, "search": 3, "searchparam": 8, "dct": 5}
    vectors = [
        search.mv.Analyse(isb=back, delta=delta, **options)
        for delta in range(1, reach + 1)
        for back in (True, False)
    ]
    filters = {3: clip.mv.Degrain3, 6: clip.mv.Degrain6}
    return filters[reach](plain, *vectors, thsad=round(strength), thscd1=16320, thscd2=255)


def vbm3d(frames: Frames, width: int, height: int, strength: float) -> Any:
    """V-BM3D, both steps, one frame to each side at every stage: four in all."""
    noisy = luma_clip(frames, width, height)
    options = {"sigma": strength, "radius": 1, "block_step": 6}
    basic = noisy.bm3dcpu.BM3D(**options).bm3d.VAggregate(radius=1, sample=1)
    return noisy.bm3dcpu.BM3D(basic, **options).bm3d.VAggregate(radius=1, sample=1)


def dfttest(frames: Frames, width: int, height: int, strength: float) -> Any:
    """DFTTest over seven frames, the most it takes: three to each side."""
    clip = luma_clip(frames, width, height)
    return dfttest2.DFTTest(clip, tbsize=7, sigma=strength, backend=dfttest2.Backend.CPU())


FILTERS: dict[str, Callable[[Frames, int, int, float], Any]] = {
    "degrain3": lambda frames, width, height, s: degrain(frames, width, height, 3, s),
    "degrain6": lambda frames, width, height, s: degrain(frames, width, height, 6, s),
    "vbm3d": vbm3d,
    "dfttest": dfttest,
}


def main() -> None:
    name, strength, columns, rows, wanted = sys.argv[1:]
    width, height = int(columns), int(rows)
    data = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
    frames = list(data.reshape(-1, height * 3 // 2, width))
    vs.core.num_threads = 1
    result = FILTERS[name](frames, width, height, float(strength))
    for index in wanted.split(","):
        with result.get_frame(int(index)) as done:
            luma = np.array(done[0])
        if luma.dtype != np.uint8:
            luma = np.rint(np.clip(luma * 255, 0, 255)).astype(np.uint8)
        sys.stdout.buffer.write(luma.tobytes())


if __name__ == "__main__":
    main()
