"""Builds the compiled step of the live networks, once per kind of processor; everything else is in pyproject.toml.

The builds are optional: without a compiler rtdenoise is installed all the same, and is slower.
"""

import platform
import sys

from setuptools import Extension, setup

_FOLDER = "rtdenoise/engines/native"
_HEADERS = (
    "cells.h",
    "engine.h",
    "gate_passes.h",
    "layers.h",
    "noise_passes.h",
    "pool.h",
    "shrink_passes.h",
    "vectors.h",
    "window_passes.h",
)
_FLAGS = [
    "-std=gnu11",
    "-O3",
    "-g0",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
]
_X86 = {
    16: [
        *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vbmi", "-mavx512vnni"),
        *("-mavx2", "-mfma"),
    ],
    8: ["-mavx2", "-mfma"],
}


def _builds() -> list[Extension]:
    if sys.platform == "win32":  # its compiler doesn't know vector types
        return []
    kinds = {4: []}
    if platform.machine() in ("x86_64", "AMD64"):
        kinds.update(_X86)
    return [
        Extension(
            f"rtdenoise.engines._native_{lanes}",
            sources=[f"{_FOLDER}/engine.c"],
            depends=[f"{_FOLDER}/{header}" for header in _HEADERS],
            extra_compile_args=[*_FLAGS, *flags],
            extra_link_args=["-pthread", "-lm"],
            optional=True,
        )
        for lanes, flags in kinds.items()
    ]


setup(ext_modules=_builds())
