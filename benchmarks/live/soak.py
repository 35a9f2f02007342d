"""A long call in which something goes wrong every ten seconds, and one beside which another program works.

    python -m benchmarks.live.soak [--minutes 30] [--size 1920x1080] [--every 10] [--load] [--page docs/in-a-call.md]

The simulated camera's packets come at 30 a second, go through the live loop with the ladder of ``rtdenoise live``, and
each picture that comes out is held against the one that the camera sent. Faults in turn: unplugged for two seconds, a
slow spell, not a number in the network's state, garbled JPEGs, another size, an exception, a full disk under a film (a
second loop beside), a sink that waits for half a second because its reader is gone. With ``--load`` there are none of
these; instead a process takes a core for 60 s in the middle (a third of the time of a shorter run).
"""

from __future__ import annotations

import argparse
import errno
import gc
import multiprocessing
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rtdenoise.denoisers import Denoiser, Passthrough, make_denoiser
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.errors import StorageError, storage_error
from rtdenoise.frames import Planes
from rtdenoise.sinks.file import FileSink
from rtdenoise.stream import LiveLoop
from rtdenoise.stream.adaptive import AdaptiveDenoiser, Rung

from ..common import fill, table
from .soak_parts import Clip, Faults, FaultyCamera, FaultyDenoiser, JudgingSink, longest_freeze

FAULTS = (
    "unplug",
    "slow spell",
    "NaN",
    "garbled JPEG",
    "size change",
    "exception",
    "full disk",
    "reader gone",
)
_AWAY_S, _SLOW_S, _GARBLED = 2.0, 2.0, 5


@dataclass(frozen=True)
class Soaked:
    """What a run did; memory is None where it was too short to tell."""

    seconds: float
    frames: int
    faults: dict[str, int]
    garbled: int
    damaged: int
    frozen_s: float
    memory_mb: float | None
    notes: tuple[str, ...]
    rates: tuple[float, ...]
    rungs: tuple[int, ...]


class _FullDisk(FileSink):
    def write(self, planes: Planes) -> None:
        """Takes a few frames, then says that the disk is full."""
        super().write(planes)
        if planes.time_s > 0.3:
            raise storage_error(OSError(errno.ENOSPC, "No space left on device"), self.path)


def film_on_a_full_disk(clip: Clip) -> bool:
    """Whether a film whose disk gets full ends in its sentence, with nothing left."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mkv"
        camera = FaultyCamera(Faults([clip]))
        loop = LiveLoop(
            camera,
            Passthrough(),
            lambda layout, rate: _FullDisk(path, format=layout, rate_fps=rate),
        )
        try:
            loop.run(5)
        except StorageError as error:
            return "full" in error.message and not list(Path(folder).iterdir())
        finally:
            # A loop, its frames and its encoder refer to one another; elsewhere the program ends with its film.
            del loop, camera
            gc.collect()
        return False


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def soak(
    size: tuple[int, int],
    seconds: float,
    every_s: float,
    names: tuple[str, ...] = ("nano", "nano without following"),
    *,
    load: bool = False,
    faults_told: tuple[str, ...] = FAULTS,
    settle_s: float = 120.0,
    rounds: int | None = None,
) -> Soaked:
    """Runs the call.

    Args:
        size: Columns and rows.
        seconds: How long.
        every_s: A fault comes so often.
        names: The ladder, above the camera's own picture: a network's name, and words behind it where it follows
            nothing.
        load: A process takes a core in the middle, and there are no faults.
        faults_told: Which faults come, in turn.
        settle_s: From then on memory has to be flat.
        rounds: It ends when each fault came so often; None: when the time is up.

    Raises:
        RuntimeError: a film on a full disk did not end as it should.
    """
    half = (size[0] // 4 * 2, size[1] // 4 * 2)
    faults = Faults([Clip(size, 30, 12), Clip(half, 30, 12)])

    def rung(name: str) -> Rung:
        def make() -> Denoiser:
            denoiser = make_denoiser(name.partition(" ")[0], device="cpu")
            if isinstance(denoiser, LiveNetworkDenoiser):
                denoiser.follows = " " not in name
            return FaultyDenoiser(denoiser, faults)

        return Rung(name, make)

    notes: list[str] = []
    denoiser = AdaptiveDenoiser(
        [*map(rung, names), Rung("picture", lambda: FaultyDenoiser(Passthrough(), faults))],
        1 / 30,
        note=notes.append,
    )
    sink = JudgingSink(faults, lambda: denoiser.rung)
    loop = LiveLoop(faults.open(), denoiser, sink.open, reopen=faults.open, note=notes.append)
    denoiser.dropped = lambda: loop.lost
    done, counts = threading.Event(), dict.fromkeys(faults_told, 0)
    broken: list[str] = []

    def happen() -> None:
        turn = 0
        while not done.wait(every_s):
            if rounds is not None and turn == rounds * len(faults_told):
                faults.over = True
                return
            name = faults_told[turn % len(faults_told)]
            turn += 1
            counts[name] += 1
            if name in ("unplug", "size change"):
                faults.clip = 1 - faults.clip if name == "size change" else faults.clip
                faults.unplug(_AWAY_S if name == "unplug" else 0.0)
            elif name == "slow spell":
                faults.until["slow"] = time.monotonic() + _SLOW_S
            elif name == "garbled JPEG":
                faults.want("garbled", _GARBLED)
            elif name == "full disk":
                if not film_on_a_full_disk(faults.clips[1]):
                    broken.append(name)
            else:
                faults.want({"NaN": "nan", "exception": "exception"}.get(name, "sink"))

    memory: list[tuple[float, float, int]] = []

    def look() -> None:
        begin = time.monotonic()
        while not done.wait(1.0):
            memory.append((time.monotonic() - begin, _resident_mb(), len(sink.times)))

    work = [look] if load else [look, happen]
    threads = [threading.Thread(target=each, daemon=True) for each in work]
    if load:
        threads.append(threading.Thread(target=_take_a_core, args=(seconds,), daemon=True))
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    report = loop.run(seconds)
    done.set()
    for thread in threads:
        thread.join()
    if broken:
        raise RuntimeError("a film on a full disk did not end with its sentence and without a rest")
    times = np.array(sink.times) - begin
    bins = np.arange(0, int(times[-1]) + 1)
    rates, _ = np.histogram(times, bins)
    rungs = [sink.rungs[max(0, int(np.searchsorted(times, s)) - 1)] for s in bins[1:]]
    return Soaked(
        seconds,
        report.frames_out,
        {} if load else counts,
        sink.garbled,
        report.damaged,
        longest_freeze(sink.times, faults.away),
        _growth(memory, settle_s),
        tuple(notes),
        tuple(float(r) for r in rates),
        tuple(rungs),
    )


def _growth(memory: list[tuple[float, float, int]], settle_s: float) -> float | None:
    """Resident memory per 1000 frames, in MB: a line through what was measured after the start."""
    later = np.array([m for m in memory if m[0] >= settle_s])
    if len(later) < 20:
        return None
    slope, _ = np.polyfit(later[:, 2], later[:, 1], 1)
    return float(1000 * slope)


def _spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def load_times(seconds: float) -> tuple[float, float]:
    """When the load begins and ends in a run of so many seconds."""
    length = min(60.0, seconds / 3)
    return (seconds - length) / 2, (seconds + length) / 2


def _take_a_core(seconds: float) -> None:
    begin, end = load_times(seconds)
    time.sleep(begin)
    process = multiprocessing.get_context("spawn").Process(target=_spin, args=(end - begin,))
    process.start()
    process.join()


def fault_table(run: Soaked) -> str:
    """What was asked of the soak, and what came of it."""
    memory = "too short to tell" if run.memory_mb is None else f"{run.memory_mb:+.2f} MB"
    rows: list[list[Any]] = [
        ["length", f"{run.seconds / 60:.1f} min, {run.frames} frames"],
        ["faults", ", ".join(f"{count} × {name}" for name, count in run.faults.items())],
        ["crashes", "0"],
        [
            "longest time without a new picture, but while the camera was away and half a second after",
            f"{run.frozen_s:.2f} s",
        ],
        ["damaged JPEGs held back", str(run.damaged)],
        ["garbled frames shown", str(run.garbled)],
        ["resident memory per 1000 frames", memory],
    ]
    return table(["soak", "measured"], rows)


def load_table(run: Soaked) -> str:
    """The rate before, during and after the load, and when the best was back."""
    begin, end = load_times(run.seconds)
    rates, rungs = np.array(run.rates), np.array(run.rungs)
    spans = {
        "before": (3, int(begin)),
        "during": (int(begin) + 3, int(end)),
        "after": (int(end) + 1, len(rates)),
    }
    rows = [
        [
            name,
            f"{rates[a:b].mean():.1f}",
            f"{rates[a:b].min():.0f}",
            f"{np.median(rungs[a:b]):.0f}",
        ]
        for name, (a, b) in spans.items()
    ]
    best = np.flatnonzero(rungs[int(end) :] == 0)
    back = f"{best[0]} s after it" if len(best) else "not within the run"
    rows.append(["best denoiser back", back, "", ""])
    return table(["one core taken", "frames/s", "least in a second", "rung"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--every", type=float, default=10.0, help="seconds between faults")
    parser.add_argument("--load", action="store_true", help="a core taken instead of faults")
    parser.add_argument("--page", type=Path, help="the page whose table is filled")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    width, height = map(int, arguments.size.split("x"))
    seconds = 60 * arguments.minutes
    run = soak(
        (width, height),
        seconds,
        arguments.every,
        load=arguments.load,
        settle_s=min(120.0, seconds / 3),
    )
    text = load_table(run) if arguments.load else fault_table(run)
    print("\n".join(run.notes))
    print(text)
    if arguments.page:
        fill(arguments.page, {"load" if arguments.load else "soak": text})


if __name__ == "__main__":
    main()
