"""Peers from VapourSynth's world: MVTools, V-BM3D and DFTTest. They need an environment of their own, and are optional.

    python -m benchmarks.live.vapoursynth_peers --setup --folder ../vapoursynth

makes it with a Python ≥ 3.12 (``--python``); benchmarks that take ``--vapoursynth FOLDER`` then run these peers too.
Each call starts that environment's Python with ``vapoursynth_filters.py``; frames go there and back through pipes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from calibrate.peers import Clean
from rtdenoise.frames import Planes

from .clips import packed
from .peers import PEERS, TunablePeer, ladder

# 78 is the last VapourSynth that loads plugins of API 3, such as the quick V-BM3D.
PACKAGES = (
    "vapoursynth==78",
    "vapoursynth-mvtools==29",
    "vapoursynth-bm3d==12.0",
    "vapoursynth-bm3dcpu==2.17",
    "vapoursynth-dfttest2-cpu==11.1.0",
    "dfttest2==11.0.0",
    "numpy",
)
OLDEST = (3, 12)
_SCRIPT = Path(__file__).with_name("vapoursynth_filters.py")
_LOAD = (
    "import vapoursynth as v, dfttest2; v.core.mv, v.core.bm3d, v.core.bm3dcpu, v.core.dfttest2_cpu"
)


def interpreter(folder: Path) -> Path:
    """The environment's Python."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


@lru_cache
def missing(folder: Path | None) -> str:
    """Why these peers can't be run, in half a sentence with the cure; empty where they can."""
    if folder is None:
        return "no --vapoursynth FOLDER was given"
    cure = f"python -m benchmarks.live.vapoursynth_peers --setup --folder {folder}"
    python = interpreter(folder)
    if not python.exists():
        return f"there is no environment in {folder}: {cure}"
    done = subprocess.run([python, "-I", "-c", _LOAD], capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        return f"the environment in {folder} does not work ({why}): {cure}"
    return ""


def setup(folder: Path, python: str) -> None:
    """Makes the environment.

    Raises:
        SystemExit: that Python is too old or not there, or a package can't be had; the text says what to do.
    """
    asked = f"import sys; raise SystemExit(sys.version_info[:2] < {OLDEST})"
    try:
        old = subprocess.run([python, "-c", asked], check=False).returncode != 0
    except OSError:
        old = True
    if old:
        raise SystemExit(f"{python} is no Python ≥ {OLDEST[0]}.{OLDEST[1]}: name one by --python.")
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(interpreter(folder)), "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, "--disable-pip-version-check", *PACKAGES], check=False)
    missing.cache_clear()
    if done.returncode or missing(folder):
        raise SystemExit(f"VapourSynth's wheels could not be installed. {missing(folder)}".strip())


def filtered(
    folder: Path, name: str, strength: float, frames: list[Planes], wanted: list[int]
) -> list[Planes]:
    """The wanted frames after a filter, with the luma of the filter and the chroma that they came with.

    Raises:
        RuntimeError: the filter failed, or there is no environment; the text has the reason.
    """
    reason = missing(folder)
    if reason:
        raise RuntimeError(f"{name} can't be run: {reason}")
    layout = frames[0].format
    if layout.chroma != "420":
        raise ValueError(f"VapourSynth's filters get 4:2:0 here, not {layout.chroma}")
    size = str(layout.width), str(layout.height)
    numbers = ",".join(map(str, wanted))
    command = [str(interpreter(folder)), "-I", str(_SCRIPT), name, f"{strength:g}", *size, numbers]
    data = b"".join(packed(planes).tobytes() for planes in frames)
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    shape = (len(wanted), layout.height, layout.width)
    if done.returncode or len(done.stdout) != int(np.prod(shape)):
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"{name} failed: {(said or ['no reason given'])[-1]}")
    lumas = np.frombuffer(done.stdout, np.uint8).reshape(shape)
    came = [frames[index] for index in wanted]
    return [Planes(y, c.u, c.v, layout, c.time_s) for y, c in zip(lumas, came, strict=True)]


def peers(folder: Path) -> tuple[TunablePeer, ...]:
    """The four filters, with the frames that they look back and ahead."""

    def peer(title: str, name: str, strengths: tuple[float, ...], reach: int) -> TunablePeer:
        only = partial(filtered, folder, name)

        def clean(strength: float) -> Clean:
            def whole(frames: Iterable[Planes]) -> Iterator[Planes]:
                clip = list(frames)
                yield from only(strength, clip, list(range(len(clip))))

            return whole

        return TunablePeer(title, strengths, clean, reach, reach, only)

    return (
        peer("MVTools Degrain3", "degrain3", ladder(50, 3200, 1.5), 3),
        peer("MVTools Degrain6", "degrain6", ladder(50, 3200, 1.5), 6),
        peer("V-BM3D", "vbm3d", ladder(1, 200, 1.5), 4),
        peer("DFTTest", "dfttest", ladder(1, 6000, 2), 3),
    )


def all_peers(folder: Path) -> tuple[TunablePeer, ...]:
    """These after the usual ones."""
    return (*PEERS, *peers(folder))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setup", action="store_true", help="make the environment")
    parser.add_argument("--folder", type=Path, required=True, help="where it is")
    parser.add_argument("--python", default=sys.executable, help="a Python ≥ 3.12")
    options = parser.parse_args(arguments)
    if options.setup:
        setup(options.folder, options.python)
    print(missing(options.folder) or f"VapourSynth's filters can be run from {options.folder}.")


if __name__ == "__main__":
    main()
