"""The peers of the live networks, each at its best strength for each clip.

A peer's strengths form a ladder. The search starts in the middle, and goes up and down as long as the
picture gets better, once for the whole frame and once for the moving subject; so the best strength on the ladder is
found *on the judged frames*, which favours the peers. Results are kept in a folder.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import cv2
import numpy as np

from calibrate.metrics import psnr_db
from calibrate.peers import Clean, ffmpeg_filter, opencv_nlmeans
from rtdenoise.frames import Planes

from ..common import opencv_nlmeans_multi
from .clips import BenchClip


@dataclass(frozen=True)
class Figures:
    """Luma PSNR against the truth in dB: whole frame, moving subject, and all the rest."""

    whole: float
    subject: float
    still: float


@dataclass(frozen=True)
class TunablePeer:
    """A filter with a ladder of strengths; it needs frames ``before`` and ``after`` the judged one.

    ``only``, for those that can do less than a whole clip, takes a strength, frames, and the indices of those to clean.
    """

    name: str
    strengths: tuple[float, ...]
    clean: Callable[[float], Clean]
    before: int = 0
    after: int = 0
    only: Callable[[float, list[Planes], list[int]], list[Planes]] | None = None

    def cleaned(self, strength: float, frames: list[Planes], wanted: list[int]) -> list[Planes]:
        """The frames of those indices, cleaned with all frames at hand."""
        if self.only is not None:
            return self.only(strength, frames, wanted)
        results = [planes.copy() for planes in self.clean(strength)(frames)]
        return [results[index] for index in wanted]


@dataclass(frozen=True)
class Best:
    """What a peer reaches in one clip, at its best strength for each of the two regions."""

    peer: str
    strength: float
    figures: Figures
    subject_strength: float
    subject_db: float


def judge(result: Planes, clip: BenchClip, index: int) -> Figures:
    """One frame against its truth."""
    truth, subject = clip.truth(index).y, clip.subject(index)
    return Figures(
        psnr_db(result.y, truth),
        psnr_db(result.y, truth, subject),
        psnr_db(result.y, truth, ~subject),
    )


def mean_figures(figures: Iterable[Figures]) -> Figures:
    """The mean of each figure, in dB."""
    values = np.mean([(f.whole, f.subject, f.still) for f in figures], axis=0)
    return Figures(*(float(v) for v in values))


def ladder(low: float, high: float, ratio: float) -> tuple[float, ...]:
    """Strengths from ``low`` to at most ``high``, each ``ratio`` times the one before."""
    steps = int(np.log(high / low) / np.log(ratio) + 1e-9) + 1
    return tuple(float(f"{low * ratio**i:.3g}") for i in range(steps))


def _atadenoise(size: int) -> Callable[[float], Clean]:
    def clean(a: float) -> Clean:
        planes = ":".join(f"{p}a={a}:{p}b={a * size / 2}" for p in range(3))
        return ffmpeg_filter("atadenoise", f"s={size}:a=s:{planes}")  # "serial" was better

    return clean


def _ffmpeg(name: str, options: str) -> Callable[[float], Clean]:
    return lambda value: ffmpeg_filter(name, options.format(value))


PEERS = (
    TunablePeer("atadenoise", ladder(0.005, 0.3, 1.4), _atadenoise(9), 4, 4),
    TunablePeer("atadenoise, 33 frames", ladder(0.005, 0.3, 1.4), _atadenoise(33), 16, 16),
    TunablePeer(
        "fftdnoiz",
        (0.7, *ladder(1, 100, 1.4), 100),  # 100 is the most that it takes
        _ffmpeg("fftdnoiz", "sigma={}:prev=1:next=1"),
        1,
        1,
    ),
    TunablePeer("nlmeans", ladder(1, 30, 1.25), _ffmpeg("nlmeans", "s={}")),
    TunablePeer("bm3d", ladder(1, 200, 1.5), _ffmpeg("bm3d", "sigma={}")),
    TunablePeer("OpenCV nlmeans", ladder(1, 30, 1.4), opencv_nlmeans),
    TunablePeer("OpenCV nlmeans multi", ladder(1, 30, 1.4), opencv_nlmeans_multi, 1, 1),
)


class Kept:
    """The figures of one clip that are known already, in a file."""

    def __init__(self, clip: BenchClip) -> None:
        self._path = clip.folder / "peers.json"
        self._known: dict[str, list[float]] = {}
        if self._path.exists():
            self._known = json.loads(self._path.read_text(encoding="utf-8"))

    @staticmethod
    def _key(peer: str, strength: float, index: int) -> str:
        return f"{peer}|{strength:g}|{index}"

    def get(self, peer: str, strength: float, index: int) -> Figures | None:
        """The figures of one frame, where they are known."""
        found = self._known.get(self._key(peer, strength, index))
        return None if found is None else Figures(*found)

    def put(self, peer: str, strength: float, index: int, figures: Figures) -> None:
        """Adds the figures of one frame."""
        values = [figures.whole, figures.subject, figures.still]
        self._known[self._key(peer, strength, index)] = values

    @property
    def known(self) -> dict[str, list[float]]:
        """All of them, as :meth:`add` takes them in another process."""
        return dict(self._known)

    def add(self, known: dict[str, list[float]]) -> None:
        """Takes over what another process found."""
        self._known.update(known)

    def save(self) -> None:
        """Writes them all, whole or not at all."""
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
        part.replace(self._path)


def usual_peers() -> tuple[TunablePeer, ...]:
    """Those that need nothing but what the package itself needs."""
    return PEERS


def best_of(
    clip: BenchClip,
    judged: tuple[int, ...],
    peers: Callable[[], tuple[TunablePeer, ...]] = usual_peers,
) -> list[Best]:
    """Every peer at its best in one clip; the mean over the judged frames decides."""
    kept = Kept(clip)
    found = []
    for peer in peers():
        found.append(search(peer, clip, judged, kept))
        kept.save()
    return found


def figures_at(
    peer: TunablePeer, strength: float, clip: BenchClip, judged: tuple[int, ...], kept: Kept
) -> Figures:
    """The mean over the judged frames at one strength; what is kept isn't computed again."""
    figures = []
    for index in judged:
        known = kept.get(peer.name, strength, index)
        if known is None:
            known = _figures(peer, strength, clip, index)
            kept.put(peer.name, strength, index, known)
        figures.append(known)
    return mean_figures(figures)


def search(peer: TunablePeer, clip: BenchClip, judged: tuple[int, ...], kept: Kept) -> Best:
    """Climbs a peer's ladder to its best strengths for the whole frame and for the subject."""
    seen: dict[int, Figures] = {}

    def look(step: int) -> Figures:
        if step not in seen:
            seen[step] = figures_at(peer, peer.strengths[step], clip, judged, kept)
        return seen[step]

    last = len(peer.strengths) - 1
    start = round(last * {"low": 0.2, "medium": 0.45, "high": 0.6}[clip.noise])

    def climb(goodness: Callable[[Figures], float]) -> int:
        look(start)
        while True:
            top = max(seen, key=lambda step: goodness(seen[step]))
            missing = [s for s in (top + 1, top - 1) if 0 <= s <= last and s not in seen]
            if not missing:
                return top
            look(missing[0])

    whole, subject = climb(lambda f: f.whole), climb(lambda f: f.subject)
    return Best(
        peer.name,
        peer.strengths[whole],
        seen[whole],
        peer.strengths[subject],
        seen[subject].subject,
    )


def _figures(peer: TunablePeer, strength: float, clip: BenchClip, index: int) -> Figures:
    frames = [clip.frame(i) for i in range(index - peer.before, index + peer.after + 1)]
    (result,) = peer.cleaned(strength, frames, [peer.before])
    return judge(result, clip, index)


def start_worker() -> None:
    """Sets up a process that works beside others."""
    os.nice(5)
    cv2.setNumThreads(1)


def best_of_all(
    clips: list[BenchClip],
    judged: tuple[int, ...],
    peers: Callable[[], tuple[TunablePeer, ...]] = usual_peers,
    processes: int = 2,
) -> dict[str, list[Best]]:
    """Every peer at its best in every clip, by the clip's name; several clips side by side.

    ``peers`` is called in each process: it must be a function of a module, or a partial of one.
    """
    found: dict[str, list[Best]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=start_worker) as pool:
        tasks = {pool.submit(best_of, clip, judged, peers): clip.name for clip in clips}
        for task in as_completed(tasks):
            found[tasks[task]] = task.result()
            print(f"peers done: {tasks[task]}", flush=True)
    return {clip.name: found[clip.name] for clip in clips}
