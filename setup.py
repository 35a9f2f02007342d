"""Builds the compiled step of the live networks, once per kind of processor; everything else is in pyproject.toml.

The builds are optional: without a compiler rtdenoise is installed all the same, and is slower.
"""

import json
import platform
import sys
from pathlib import Path

from setuptools import Extension, setup

_FOLDER = "rtdenoise/engines/native"


def _builds() -> list[Extension]:
    if sys.platform == "win32":  # its compiler doesn't know vector types
        return []
    here = Path(__file__).parent
    # Tests of the kernels read it too.
    flags = json.loads((here / _FOLDER / "flags.json").read_text())
    kinds = dict(flags["lanes"]["any"])
    if platform.machine() in ("x86_64", "AMD64"):
        kinds.update(flags["lanes"]["x86_64"])
    headers = sorted(path.name for path in (here / _FOLDER).glob("*.h"))
    return [
        Extension(
            f"rtdenoise.engines._native_{lanes}",
            sources=[f"{_FOLDER}/engine.c"],
            depends=[f"{_FOLDER}/{name}" for name in (*headers, "flags.json")],
            extra_compile_args=[*flags["common"], *more],
            extra_link_args=flags["link"],
            optional=True,
        )
        for lanes, more in kinds.items()
    ]


setup(ext_modules=_builds())
