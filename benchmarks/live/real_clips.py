"""Ours beside peers on real cameras' clips, whose clean picture nobody knows: noise taken out where nothing moves.

    python -m benchmarks.live.real_clips --footage ../shared/real ../shared/data/parking.mkv --cache ../peers \\
        --vapoursynth ../peers/vapoursynth --page docs/peers.md

The yardstick is the unsupervised error (``noise.unsupervised``) at frames 8–12 and 28–32: in dB below that of the
frames as they came, beside the running mean of all frames so far. Ours begin at the clip's first frame, know no later
one, and estimate the noise themselves. Peers look ahead, by at most six frames, and each gets, in every clip, the best
strength of its ladder; both favours them, and so does the yardstick, which does not see what they do to things that
move.
With ``--cache`` what peers reached is kept, so that another run is one of ours alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np

from rtdenoise.frames import Planes, planes_from_frame

from ..common import fill, in_420, table
from ..noise.unsupervised import (
    SEEN,
    Floats,
    Still,
    find_still,
    judged_frames,
    running_mean,
    squared_error,
)
from .ours import Make, maker
from .peers import PEERS, TunablePeer
from .vapoursynth_peers import peers as vapoursynth

Errors = dict[str, dict[str, float]]  # squared error by time and place
NOISY, MEAN = "as it came", "running mean"
SLOW = ("bm3d", "opencv-nlmeans", "opencv-nlmeans-multi")  # minutes per clip: where asked for only
_STEPS = 7  # strengths of a peer's ladder that are tried, about
_LEAST = 0.01  # squared levels: below it, a figure says nothing more


@dataclass(frozen=True)
class RealClip:
    """A clip in 4:2:0, and which of its parts stand still."""

    name: str
    frames: list[Planes]
    still: Still

    @property
    def wanted(self) -> list[int]:
        """The judged frames."""
        return [k for ks in judged_frames(len(self.frames)).values() for k in ks]


@dataclass(frozen=True)
class Reached:
    """What a method reaches in a clip: ``setting`` is the strength that was best, for a peer."""

    clip: str
    method: str
    setting: str
    errors: Errors


def read_clip(path: Path) -> RealClip:
    """A file with all of its frames.

    Raises:
        SystemExit: the clip is too short to be judged.
    """
    with av.open(str(path)) as file:
        frames = [in_420(planes_from_frame(frame)).copy() for frame in file.decode(video=0)]
    if not judged_frames(len(frames)):
        raise SystemExit(f"{path} has {len(frames)} frames, too few: 20 are needed.")
    still = find_still(np.stack([planes.y.astype(np.float32) for planes in frames]))
    return RealClip(path.stem, frames, still)


def errors_of(clip: RealClip, result: Callable[[int], Floats]) -> Errors:
    """The error of what ``result`` gives for each judged frame, (H, W), by time and place."""
    found: Errors = {}
    for time, indices in judged_frames(len(clip.frames)).items():
        error = np.mean([squared_error(result(k), clip.still, k) for k in indices], axis=0)
        found[time] = {
            name: float(error[place].mean()) for name, place in clip.still.places.items()
        }
    return found


def gain_db(noisy: Errors, errors: Errors, time: str, place: str) -> float:
    """By how many dB the error shrank."""
    before, after = noisy[time][place], errors[time][place]
    return float(10 * np.log10(before / max(after, _LEAST)))


def luma_of(results: dict[int, Planes]) -> Callable[[int], Floats]:
    """The luma of results by index."""
    return lambda index: np.asarray(results[index].y, np.float32)


def ours(clip: RealClip, method: str, make: Make) -> Reached:
    """One of our denoisers, without a noise model, from the first frame on."""
    denoiser, results = make(None), {}
    for index in range(max(clip.wanted) + 1):
        result = denoiser(clip.frames[index].copy())
        if index in clip.wanted:
            results[index] = result.copy()
    return Reached(clip.name, method, "own estimate", errors_of(clip, luma_of(results)))


class Cache:
    """What peers reached with each strength in each clip, in a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Errors]] = {}
        if path is not None and path.exists():
            self._known = json.loads(path.read_text(encoding="utf-8"))

    def errors(self, clip: RealClip, peer: TunablePeer, strength: float) -> Errors:
        """From the file, or computed."""
        of_clip = self._known.setdefault(clip.name, {})
        key = f"{peer.name}|{strength:g}"
        if key not in of_clip:
            frames = clip.frames[: max(clip.wanted) + peer.after + 1]
            results = dict(
                zip(clip.wanted, peer.cleaned(strength, frames, clip.wanted), strict=True)
            )
            of_clip[key] = errors_of(clip, luma_of(results))
        return of_clip[key]

    def save(self) -> None:
        """Writes all of it, whole or not at all."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
            part.replace(self._path)


def strengths(peer: TunablePeer) -> tuple[float, ...]:
    """The part of the ladder that is tried on real clips."""
    return peer.strengths[:: max(1, round(len(peer.strengths) / _STEPS))]


def theirs(clip: RealClip, peer: TunablePeer, cache: Cache) -> Reached:
    """A peer at the strength whose errors, in still parts, are smallest by their geometric mean over both times."""
    steps, tried = strengths(peer), dict[int, Errors]()

    def badness(step: int) -> float:
        if step not in tried:
            tried[step] = cache.errors(clip, peer, steps[step])
        return float(np.mean([np.log(max(at["all"], _LEAST)) for at in tried[step].values()]))

    best = len(steps) // 2
    while True:  # from the middle to where both neighbours are worse
        near = [step for step in (best - 1, best, best + 1) if 0 <= step < len(steps)]
        best, before = min(near, key=badness), best
        if best == before:
            return Reached(clip.name, peer.name, f"{steps[best]:g}", tried[best])


def known_peers(folder: Path | None) -> dict[str, TunablePeer]:
    """All peers that look no further ahead than the yardstick allows, by the name that is typed."""
    others = vapoursynth(folder if folder is not None else Path("vapoursynth"))
    names = {"MVTools Degrain3": "degrain3", "MVTools Degrain6": "degrain6", "V-BM3D": "vbm3d"}
    every = [peer for peer in (*others, *PEERS) if peer.after <= SEEN]
    return {names.get(p.name, p.name.lower().replace(" ", "-")): p for p in every}


# -------------------------------------------------------------------- tables


def _best_in_bold(values: list[float]) -> list[str]:
    """To a tenth of a dB; what is within it of the best stands out."""
    top = max((round(v, 1) for v in values if v == v), default=0.0)  # nan: was not run
    return [f"**{v:.1f}**" if round(v, 1) >= top else f"{v:.1f}" for v in values]


def real_table(found: list[Reached], heads: dict[str, str], place: str) -> str:
    """One line per clip, early / late gain of every method in dB; the best but for the running mean stands out."""
    clips = list(dict.fromkeys(r.clip for r in found))
    of = {(r.clip, r.method): r.errors for r in found}
    methods = [m for m in dict.fromkeys(r.method for r in found) if m != NOISY]
    lines: list[list[str]] = []
    sums: dict[str, list[list[float]]] = {}
    for clip in clips:
        noisy = of[clip, NOISY]
        if place not in next(iter(noisy.values())):
            continue
        cells = []
        for time in noisy:
            gains = [
                gain_db(noisy, of[clip, m], time, place) if (clip, m) in of else float("nan")
                for m in methods
            ]
            sums.setdefault(time, []).append(gains)
            cells.append([f"{gains[0]:.1f}", *_best_in_bold(gains[1:])])
        lines.append([clip, *(" / ".join(both) for both in zip(*cells, strict=True))])
    means = [
        [f"{gain:.1f}" for gain in np.mean(np.array(gains), axis=0)] for gains in sums.values()
    ]
    lines.append(["mean", *(" / ".join(both) for both in zip(*means, strict=True))])
    return table(["clip", *(heads.get(m, m) for m in methods)], lines)


def strengths_table(found: list[Reached], peers: list[str]) -> str:
    """The strength that was best for each peer in each clip."""
    clips = list(dict.fromkeys(r.clip for r in found))
    of = {(r.clip, r.method): r.setting for r in found}
    return table(
        ["clip", *peers], ([clip, *(of.get((clip, p), "") for p in peers)] for clip in clips)
    )


def main(arguments: list[str] | None = None) -> None:
    names = known_peers(None)
    usual = ",".join(["nano", "recursive", *(name for name in names if name not in SLOW)])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, nargs="+", required=True, help="clips, folders")
    parser.add_argument("--methods", default=usual, help=f"ours, files, {', '.join(names)}")
    parser.add_argument("--vapoursynth", type=Path, help="folder of VapourSynth's environment")
    parser.add_argument("--cache", type=Path, help="keep peers' results in this folder")
    parser.add_argument("--page", type=Path, help="write the tables into this Markdown page")
    parser.add_argument("--json", type=Path, help="write all errors to this file")
    options = parser.parse_args(arguments)
    names = known_peers(options.vapoursynth)
    asked = [name for name in options.methods.split(",") if name]
    makers = {Path(name).stem: maker(name) for name in asked if name not in names}
    peers = [names[name] for name in asked if name in names]
    cache = Cache(options.cache / "real.json" if options.cache is not None else None)
    paths = [p for path in options.footage for p in (sorted(path.glob("*.mkv")) or [path])]
    found: list[Reached] = []
    for path in paths:
        clip = read_clip(path)
        frames = dict(enumerate(clip.frames))
        found.append(Reached(clip.name, NOISY, "", errors_of(clip, luma_of(frames))))
        means = errors_of(clip, partial(running_mean, clip.still))
        found.append(Reached(clip.name, MEAN, "", means))
        for peer in peers:
            try:
                found.append(theirs(clip, peer, cache))
            except RuntimeError as reason:
                print(f"{clip.name}, {peer.name}: left out, {reason}", flush=True)
            cache.save()
        found += [ours(clip, name, make) for name, make in makers.items()]
        print(f"done: {clip.name}", flush=True)
    heads = {p.name: f"{p.name} ({p.after} ahead)" for p in peers}
    tables = {
        "peers-real": real_table(found, heads, "all"),
        "peers-real-edges": real_table(found, heads, "edge"),
        "peers-real-strengths": strengths_table(found, [p.name for p in peers]),
    }
    for text in tables.values():
        print(f"\n{text}")
    if options.page is not None:
        fill(options.page, tables)
    if options.json is not None:
        lines = [{"clip": r.clip, "method": r.method, **r.errors} for r in found]
        options.json.write_text(json.dumps(lines, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
