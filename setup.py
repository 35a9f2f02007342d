"""Builds the compiled step of the live networks, once per kind of processor; everything else is in pyproject.toml.

The builds are optional: without a compiler rtdenoise is installed all the same, and is slower. They are plain
libraries, loaded by ctypes, which know nothing of Python: one wheel per system and architecture suits every version.
"""

import json
import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

_FOLDER = "rtdenoise/engines/native"
# Of the system that is built for. With _PYTHON_HOST_PLATFORM=win-amd64 and CC=x86_64-w64-mingw32-gcc, wheels for
# Windows are built elsewhere, too.
_PLATFORM = sysconfig.get_platform()
_WINDOWS = _PLATFORM.startswith("win")


class BuildLibraries(build_ext):
    """Builds libraries without the marks of an extension module of one version of Python."""

    def get_ext_filename(self, ext_name):
        """Where a build lies in the package: the same name for every version of Python."""
        return str(Path(*ext_name.split("."))) + (".dll" if _WINDOWS else ".so")

    def get_export_symbols(self, ext):
        """None: there is no function for Python to call first."""
        return []

    def build_extension(self, ext):
        """Compiles one; for Windows not with its own compiler, which doesn't know vector types."""
        if not _WINDOWS:
            super().build_extension(ext)
            return
        compiler = _compiler_for_windows()
        if not compiler:
            raise CompileError("there is no GCC or Clang (set CC)")
        path = Path(self.get_ext_fullpath(ext.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [*compiler, *ext.extra_compile_args, "-shared", "-o", str(path), *ext.sources]
        try:
            subprocess.run([*command, *ext.extra_link_args], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CompileError(str(error)) from error


class Wheel(bdist_wheel):
    """A wheel for any Python 3 on this system and architecture."""

    def get_tag(self):
        """The tag; where nothing was compiled, the wheel suits any system."""
        system = super().get_tag()[2]
        return ("py3", "none", system if self.distribution.has_ext_modules() else "any")


def _compiler_for_windows():
    """The words that a GCC or Clang for Windows is called with; none where there is none."""
    for words in (os.environ.get("CC", ""), "gcc", "clang"):
        command = shlex.split(words, posix=os.name == "posix")
        if command and shutil.which(command[0]):
            return command
    return []


def _builds():
    here = Path(__file__).parent
    # Tests of the kernels read it too.
    flags = json.loads((here / _FOLDER / "flags.json").read_text())
    kinds = dict(flags["lanes"]["any"])
    if _PLATFORM.endswith(("x86_64", "amd64")):
        kinds.update(flags["lanes"]["x86_64"])
    link = flags["link"]
    common = flags["common"]
    if _WINDOWS:
        link = flags["windows"]["link"]
        if "clang" not in " ".join(_compiler_for_windows()):
            common = [*common, *flags["windows"]["gcc"]]
    headers = sorted(path.name for path in (here / _FOLDER).glob("*.h"))
    return [
        Extension(
            f"rtdenoise.engines._native_{lanes}",
            sources=[f"{_FOLDER}/engine.c"],
            depends=[f"{_FOLDER}/{name}" for name in (*headers, "flags.json")],
            extra_compile_args=[*common, *more],
            extra_link_args=link,
            optional=True,
        )
        for lanes, more in kinds.items()
    ]


setup(ext_modules=_builds(), cmdclass={"build_ext": BuildLibraries, "bdist_wheel": Wheel})
