"""Builds the compiled step of the live networks, once per kind of processor; everything else is in pyproject.toml.

The builds are optional: without a compiler rtdenoise is installed all the same, and is slower. They are plain
libraries, loaded by ctypes, which know nothing of Python: one wheel per system and architecture suits every version.
"""

import json
import platform
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

_FOLDER = "rtdenoise/engines/native"


class BuildLibraries(build_ext):
    """Builds libraries without the marks of an extension module of one version of Python."""

    def get_ext_filename(self, ext_name):
        """Where a build lies in the package: the same name for every version of Python."""
        return str(Path(*ext_name.split("."))) + ".so"

    def get_export_symbols(self, ext):
        """None: there is no function for Python to call first."""
        return []


class Wheel(bdist_wheel):
    """A wheel for any Python 3 on this system and architecture."""

    def get_tag(self):
        """The tag; where nothing was compiled, the wheel suits any system."""
        system = super().get_tag()[2]
        return ("py3", "none", system if self.distribution.has_ext_modules() else "any")


def _builds():
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


setup(ext_modules=_builds(), cmdclass={"build_ext": BuildLibraries, "bdist_wheel": Wheel})
