"""Raw files of cameras (DNG, NEF, CR2, …), developed by LibRaw with the same settings always: the extra ``raw``.

LibRaw works in a process of its own: what it says of damaged files would go to the terminal, and of the many formats
that it takes apart, a file that crashes it ends that process only.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from ..errors import ClipError

RAW_SUFFIXES = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2")
_DNG_VERSION = 50706  # the tag that every DNG has
_DAMAGED, _TOO_LARGE, _MISSING = 3, 4, 5  # how the process ends
_ROOT = Path(__file__).parents[2]


def has_raw_suffix(path: Path) -> bool:
    """Whether a file's name is that of a raw file."""
    return path.suffix.lower() in RAW_SUFFIXES


def is_raw(path: Path) -> bool:
    """Whether a file is raw: by its name, or as a DNG of any name, which FFmpeg would not develop."""
    if has_raw_suffix(path):
        return True
    with suppress(OSError, ValueError, struct.error), path.open("rb") as file:
        head = file.read(8)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
        if order is not None:
            file.seek(struct.unpack(order + "I", head[4:])[0])
            entries = file.read(12 * struct.unpack(order + "H", file.read(2))[0])
            return any(
                tag == _DNG_VERSION for tag, _ in struct.iter_unpack(order + "H10s", entries)
            )
    return False


def require_rawpy(paths: Iterable[Path]) -> None:
    """Refuses raw files where the extra isn't installed.

    Raises:
        ClipError: one of the files is raw by its name, and ``rawpy`` isn't there.
    """
    first = next(filter(has_raw_suffix, paths), None)
    if first is not None and find_spec("rawpy") is None:
        raise _without_rawpy(first)


def developed(path: Path) -> bytes:
    """A raw file as a PPM picture: R'G'B' of 16 bits, sRGB, the right way up.

    The white balance is the one that the camera used, and nothing depends on what is in the picture (no automatic
    brightness, white where the sensor's white is), so that the pictures of a series keep their levels. Demosaicing is
    LibRaw's AHD; nothing is sharpened, denoised or corrected for the lens.

    Raises:
        ClipError: it can't be read or developed, or ``rawpy`` isn't there.
    """
    if find_spec("rawpy") is None:
        raise _without_rawpy(path)
    try:
        state = path.stat()
        # FileCamera opens a file more than once.
        return _developed(path, (state.st_mtime_ns, state.st_size))
    except OSError as error:
        raise ClipError(f"{path} can't be read: {error.strerror}.", "Check the path.") from error


@lru_cache(maxsize=1)
def _developed(path: Path, _version: tuple[int, int]) -> bytes:
    from .decoding import MOST_PIXELS

    with path.open("rb") as file:
        # In the folder of the package, so that no other module of its name is found.
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(MOST_PIXELS)],
            stdin=file,
            capture_output=True,
            cwd=_ROOT,
            check=False,
        )
    if done.returncode == 0:
        return done.stdout
    if done.returncode == _MISSING:
        raise _without_rawpy(path)
    if done.returncode == _TOO_LARGE:
        raise ClipError(f"{path} has too many pixels.", "Develop it in another program first.")
    raise ClipError(
        f"{path} is no raw file that LibRaw can develop, or is damaged.",
        "Copy it again; what LibRaw doesn't know has to be made a DNG or PNG first.",
    )


def _without_rawpy(path: Path) -> ClipError:
    return ClipError(
        f"{path} is a raw file, which needs LibRaw.", 'Run pip install "rtdenoise[raw]" first.'
    )


def _develop(source: BinaryIO, target: BinaryIO, most_pixels: int) -> int:
    """What the process does; how it ends."""
    try:
        import rawpy
    except ImportError:
        return _MISSING
    try:
        with rawpy.imread(source) as raw:
            sizes = raw.sizes
            if max(sizes.raw_width * sizes.raw_height, sizes.width * sizes.height) > most_pixels:
                return _TOO_LARGE
            picture = raw.postprocess(
                demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                use_camera_wb=True,
                no_auto_bright=True,
                adjust_maximum_thr=0.0,  # else white follows the brightest sample
                highlight_mode=rawpy.HighlightMode.Clip,
                output_color=rawpy.ColorSpace.sRGB,
                gamma=(2.4, 12.92),  # sRGB's curve
                output_bps=16,
            )
    except (rawpy.LibRawError, MemoryError):
        return _DAMAGED
    rows, columns, colours = picture.shape
    target.write(b"P%d\n%d %d\n65535\n" % (6 if colours == 3 else 5, columns, rows))
    target.write(picture.astype(">u2").tobytes())
    target.flush()
    return 0


if __name__ == "__main__":
    # LibRaw's threads would be waited for at the end.
    os._exit(_develop(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1])))
