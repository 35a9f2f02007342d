"""The compiled step of the live networks: which of its builds fits this processor, and its functions.

``native/`` is C, compiled when the package is installed, once for each kind of processor. Where no build is there (no
compiler, or one that doesn't know vector types), :func:`native_library` is None.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path

KINDS = {16: "AVX-512", 8: "AVX2", 4: "generic"}
"""What the builds are called, by how many numbers their vectors have."""

ABI = 7
"""Which functions of a build are called, and with what: ``ABI`` in ``native/engine.h``."""

_FOLDER = Path(__file__).parent
_Pointer = ctypes.c_void_p
_Float, _Two = ctypes.c_float, ctypes.c_float * 2


class Constants(ctypes.Structure):
    """The networks' constants, as the compiled code has them: ``Constants`` in ``native/engine.h``."""

    _fields_ = (
        ("least_bias", _Float),
        ("least_residual", _Float),
        ("difference_mean_rate", _Float),
        ("first_residual", _Float),
        ("most_coefficient", _Float),
        ("most_change", _Float),
        ("most_lag", _Float),
        ("model_frames", _Float),
        ("least_rate", _Float),
        ("most_rise", _Float),
        ("rise_more", _Float),
        ("cut_after", _Float),
        ("largest", _Float),
        ("white", _Two),
        ("fine", _Two),
        ("part", _Two),
        ("room", _Float),
        ("tiny", _Float),
    )


@cache
def native_library(most_lanes: int = 16) -> ctypes.CDLL | None:
    """The quickest build that this processor runs; None where there is none.

    Args:
        most_lanes: of the builds, only those with vectors of no more numbers.
    """
    generic = _load(4)
    if generic is None:
        return None
    best = min(int(generic.rtdenoise_best_lanes()), most_lanes)
    for lanes in KINDS:
        library = _load(lanes) if lanes <= best else None
        if library is not None:
            return library
    return None


def compiled_kind() -> str:
    """What the build is called that runs on this processor; empty where none does."""
    library = native_library()
    return "" if library is None else KINDS[library.rtdenoise_lanes()]


def _load(lanes: int) -> ctypes.CDLL | None:
    path = _FOLDER / library_name(lanes)
    if not path.exists():
        return None
    try:
        library = ctypes.CDLL(str(path))
        return _declared(library) if _is_ours(library) else None
    except (OSError, AttributeError):  # for another machine, or of another version
        return None


def library_name(lanes: int) -> str:
    """The file of a build; it knows nothing of Python, and so its name has no version of it."""
    return f"_native_{lanes}" + (".dll" if sys.platform == "win32" else ".so")


def _is_ours(library: ctypes.CDLL) -> bool:
    """Whether a build is of this version: neither older than this module nor newer."""
    size = library.rtdenoise_sizeof_constants
    size.restype, size.argtypes = ctypes.c_size_t, []
    return bool(library.rtdenoise_abi() == ABI and size() == ctypes.sizeof(Constants))


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    number = ctypes.c_int
    for name, result, arguments in (
        ("lanes", number, []),
        ("best_lanes", number, []),
        ("new", _Pointer, [number, number, number, number, _Pointer, _Pointer, _Pointer, _Pointer]),
        ("free", None, [_Pointer]),
        ("state", _Pointer, [_Pointer, number]),
        ("set_noise", None, [_Pointer] * 5),
        ("rescale_noise", None, [_Pointer] * 2),
        ("excess", None, [_Pointer] * 2),
        ("set_local_noise", None, [_Pointer, _Pointer, ctypes.c_float]),
        ("analyse", None, [_Pointer] * 4),
        ("reset", None, [_Pointer]),
        ("step", None, [*[_Pointer] * 3, number]),
        ("join", None, [_Pointer] * 3),
        ("split", None, [_Pointer] * 3),
        (
            "warp",
            None,
            [*[_Pointer] * 3, number, ctypes.c_float, _Pointer, _Pointer],
        ),
        ("start_threads", _Pointer, [number]),
        ("stop_threads", None, [_Pointer]),
        (
            "slopes",
            number,
            [
                *(_Pointer, _Pointer, ctypes.c_size_t, number, number),
                *(_Pointer, ctypes.c_size_t, _Pointer, _Pointer, number, number),
                *(ctypes.c_float, ctypes.c_float, number, _Pointer),
            ],
        ),
        (
            "samples",
            None,
            [
                *(_Pointer, ctypes.c_size_t, number, number),
                *(_Pointer, _Pointer, ctypes.c_size_t, _Pointer),
            ],
        ),
        ("halve", None, [_Pointer, _Pointer, ctypes.c_size_t, number, number, _Pointer]),
        ("take_off_level", number, [_Pointer, _Pointer, number, number, number]),
        (
            "refine",
            number,
            [
                *([_Pointer] * 4),
                *(number, number, ctypes.c_float, _Pointer, _Pointer, number),
                *([_Pointer] * 3),
            ],
        ),
        (
            "rest",
            number,
            [
                *(_Pointer, _Pointer, ctypes.c_size_t, number, number),
                *(_Pointer, ctypes.c_size_t, _Pointer, ctypes.c_size_t),
                *([number] * 4),
                _Pointer,
            ],
        ),
        (
            "weigh",
            number,
            [
                *(_Pointer, _Pointer, ctypes.c_size_t, _Pointer, ctypes.c_size_t, _Pointer),
                *[_Pointer, ctypes.c_size_t] * 4,
                *(number, number),
                *[_Pointer] * 4,
            ],
        ),
        (
            "believe",
            number,
            [
                *([_Pointer] * 5),
                ctypes.c_size_t,
                *[_Pointer, ctypes.c_size_t] * 3,
                *(number, number, _Pointer, _Pointer, _Pointer),
            ],
        ),
        (
            "spread",
            number,
            [
                *(_Pointer, _Pointer, _Pointer, number, number),
                *(_Pointer, _Pointer, number, ctypes.c_float, _Pointer),
            ],
        ),
        (
            "creep",
            number,
            [*[_Pointer] * 4, number, number, _Pointer, number, *[_Pointer] * 4],
        ),
    ):
        function = getattr(library, f"rtdenoise_{name}")
        function.restype, function.argtypes = result, arguments
    return library
