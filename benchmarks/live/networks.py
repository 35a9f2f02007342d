"""The live networks beside every peer, on nine simulated 1080p clips with a moving subject.

    python -m benchmarks.live.networks --methods recursive,nano,small --page docs/live-networks.md

Three scenes times three noise levels, 4:2:0, luma PSNR against the truth after 30 frames: in the whole
frame, in the moving subject, and in the rest. All are judged on the same frames. Ours are causal and get the
camera's noise as measured on another scene, or estimate it themselves; each peer gets, for every clip,
the strength that is best on the judged frames, and peers that look ahead get the frames that come later.
With ``--cache`` the clips and what the peers reached are kept for the next run; with ``--vapoursynth`` the peers that
need an environment of their own (``vapoursynth_peers``) are among them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtdenoise.frames import Planes

from ..common import fill
from . import vapoursynth_peers
from .clips import JUDGED, NOISES, SCENES, BenchClip, clip
from .ours import Make, Run, kilo_macs, maker, run
from .page import (
    best_peer,
    clips_table,
    crops,
    growth_plot,
    growth_table,
    keys_of,
    mine,
    peers_table,
    sizes_table,
    summary_table,
)
from .peers import Best, Figures, TunablePeer, best_of_all, judge, mean_figures, usual_peers

SHOWN = "desk-high"  # the clip of the pictures
LONG_WINDOW = "atadenoise, 33 frames"  # looks half a second ahead, which no call could wait for


def summary(
    clips: list[BenchClip], noisy: dict[str, Figures], peers: dict[str, list[Best]], runs: list[Run]
) -> list[dict[str, Any]]:
    """The mean over all clips, one line per method, and what ours are above the best peer of each clip."""

    def line(name: str, figures: list[Figures], **more: Any) -> dict[str, Any]:
        mean = mean_figures(figures)
        return {"method": name, **asdict(mean), **more}

    lines = [line("noisy", list(noisy.values()))]
    for position, first in enumerate(next(iter(peers.values()))):
        every = [peers[c.name][position] for c in clips]
        figures = [Figures(b.figures.whole, b.subject_db, b.figures.still) for b in every]
        lines.append(line(first.peer, figures))
    for label, but in (("best peer of each clip", ""), ("best but for 33 frames", LONG_WINDOW)):
        both = [best_peer(peers[c.name], but) for c in clips]
        figures = [Figures(w.figures.whole, s.subject_db, w.figures.still) for w, s in both]
        lines.append(line(label, figures))
    top, top_short = lines[-2], lines[-1]
    for key in keys_of(runs):
        found = mine(runs, key)
        mean = mean_figures([r.figures for r in found])
        lines.append(
            line(
                f"{key[0]}, {key[1]}",
                [r.figures for r in found],
                above_whole=mean.whole - top["whole"],
                above_subject=mean.subject - top["subject"],
                above_short_whole=mean.whole - top_short["whole"],
                above_short_subject=mean.subject - top_short["subject"],
                ms=float(np.mean([r.ms for r in found])),
            )
        )
    return lines


def noisy_figures(clips: list[BenchClip], judged: tuple[int, ...]) -> dict[str, Figures]:
    """What the camera delivers, before anything is done."""
    return {c.name: mean_figures(judge(c.frame(i), c, i) for i in judged) for c in clips}


def run_all(
    clips: list[BenchClip], methods: dict[str, Make], judged: tuple[int, ...], own_estimate: bool
) -> tuple[list[Run], dict[str, Planes]]:
    """Every one of our methods on every clip; also what each made of the middle judged frame of the shown clip."""
    runs: list[Run] = []
    shown: dict[str, Planes] = {}
    for name, make in methods.items():
        for own in (False, True) if own_estimate else (False,):
            for one in clips:
                done, picture = run(name, make, one, judged, own)
                runs.append(done)
                if one.name == SHOWN and not own:
                    shown[name] = picture
                print(done.method, done.model, one.name, done.figures, flush=True)
    return runs, shown


def peers_of(vapoursynth: Path | None) -> Callable[[], tuple[TunablePeer, ...]]:
    """What makes the peers that can be run here."""
    if vapoursynth is None:
        return usual_peers
    reason = vapoursynth_peers.missing(vapoursynth)
    if reason:
        raise SystemExit(f"VapourSynth's filters can't be run: {reason}")
    return partial(vapoursynth_peers.all_peers, vapoursynth)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="recursive", help="recursive, sizes, files; by comma")
    parser.add_argument("--network", type=Path, action="append", default=[], help="one file more")
    parser.add_argument("--cache", type=Path, help="keep clips and peers' results in this folder")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--page", type=Path, help="write tables and pictures into this page")
    parser.add_argument("--vapoursynth", type=Path, help="folder of VapourSynth's environment")
    parser.add_argument("--judged", default=",".join(map(str, JUDGED)), help="judged frames")
    parser.add_argument("--clips", default="", help="only those, such as desk-low,street-high")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-own-estimate", action="store_true")
    options = parser.parse_args(arguments)
    width, height = (int(v) for v in options.size.split("x"))
    judged = tuple(int(v) for v in options.judged.split(","))
    asked = [n for n in options.methods.split(",") if n] + [str(path) for path in options.network]
    names = {Path(name).stem: name for name in asked}
    methods = {name: maker(spec, options.device) for name, spec in names.items()}
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) if options.cache is None else options.cache
        clips = [
            clip(scene, noise, (width, height), cache)
            for scene in SCENES
            for noise in NOISES
            if not options.clips or f"{scene}-{noise}" in options.clips.split(",")
        ]
        peers = best_of_all(clips, judged, peers_of(options.vapoursynth))
        noisy = noisy_figures(clips, judged)
        runs, shown = run_all(clips, methods, judged, not options.no_own_estimate)
        lines = summary(clips, noisy, peers, runs)
        tables = {
            "sizes": sizes_table(runs, {name: kilo_macs(spec) for name, spec in names.items()}),
            "clips": clips_table(clips, noisy, peers, runs),
            "peers": peers_table(clips, peers),
            "summary": summary_table(lines),
            "growth": growth_table(runs),
        }
        for text in tables.values():
            print(f"\n{text}")
        if options.page is not None:
            fill(options.page, tables)
            growth_plot(runs, options.page.with_name("live-networks-growth.png"))
            middle, last = judged[len(judged) // 2], list(shown)[-1:]
            at = next((c for c in clips if c.name == SHOWN), None)
            if at is not None:
                picture = options.page.with_name("live-networks.jpg")
                crops(at, middle, {name: shown[name] for name in last}, picture)
        if options.json is not None:
            found = {
                "judged": judged,
                "summary": lines,
                "noisy": {name: asdict(figures) for name, figures in noisy.items()},
                "peers": {name: [asdict(b) for b in best] for name, best in peers.items()},
                "ours": [asdict(r) for r in runs],
            }
            options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
