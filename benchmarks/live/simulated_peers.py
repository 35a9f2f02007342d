"""Ours beside MVTools, V-BM3D and DFTTest on the nine simulated clips, whose truth is known.

    python -m benchmarks.live.simulated_peers --cache ../peers --vapoursynth ../peers/vapoursynth --page docs/peers.md

Clips, judged frames and rules are those of ``networks``: each of these peers gets the frames that come later and,
in every clip, the strength that is best on the judged frames, once for the whole frame and once for the moving
subject. What they reached is kept in ``--cache``, so that another run is one of ours alone and needs no VapourSynth.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ..common import fill, table
from .clips import JUDGED, NOISES, SCENES, BenchClip, clip
from .networks import noisy_figures, run_all
from .ours import Run, maker
from .page import keys_of, mine
from .peers import Best, Figures, best_of_all, mean_figures
from .vapoursynth_peers import peers as vapoursynth

Bests = dict[str, list[Best]]
SIZE = (1920, 1080)


def method_figures(
    clips: list[BenchClip], noisy: dict[str, Figures], peers: Bests, runs: list[Run]
) -> dict[str, dict[str, Figures]]:
    """Every method's figures by clip: a peer's subject is that of the strength which is best for it."""
    found = {"as it came": noisy}
    for position, best in enumerate(peers[clips[0].name]):
        every = {c.name: peers[c.name][position] for c in clips}
        found[best.peer] = {
            name: Figures(b.figures.whole, b.subject_db, b.figures.still)
            for name, b in every.items()
        }
    for key in keys_of(runs):
        found[f"{key[0]}, {key[1]}"] = {r.clip: r.figures for r in mine(runs, key)}
    return found


def _bold(values: list[float], top: float) -> list[str]:
    return [f"**{v:.2f}**" if round(v, 2) >= round(top, 2) else f"{v:.2f}" for v in values]


def means_table(found: dict[str, dict[str, Figures]], ahead: dict[str, int]) -> str:
    """The mean over the clips, one line per method; the best of each column stands out."""
    means = {name: mean_figures(figures.values()) for name, figures in found.items()}
    columns = [[getattr(m, part) for m in means.values()] for part in ("whole", "subject", "still")]
    cells = [_bold(column, max(column)) for column in columns]
    head = ["method", "frames ahead", "whole dB", "subject dB", "rest dB"]
    rows = zip(means, *cells, strict=True)
    return table(head, ([name, ahead.get(name, 0), *values] for name, *values in rows))


def clips_table(found: dict[str, dict[str, Figures]]) -> str:
    """Whole frame / subject of every method in every clip; the best of each stands out."""
    lines = []
    for name in next(iter(found.values())):
        whole = [figures[name].whole for figures in found.values()]
        subject = [figures[name].subject for figures in found.values()]
        both = zip(_bold(whole, max(whole)), _bold(subject, max(subject)), strict=True)
        lines.append([name, *(" / ".join(cell) for cell in both)])
    return table(["clip", *found], lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", default="nano,recursive", help="ours: sizes, files; by comma")
    parser.add_argument("--cache", type=Path, required=True, help="folder of clips and results")
    parser.add_argument("--vapoursynth", type=Path, help="folder of VapourSynth's environment")
    parser.add_argument("--page", type=Path, help="write the tables into this Markdown page")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args(arguments)
    makers = {Path(name).stem: maker(name) for name in options.methods.split(",") if name}
    clips = [clip(scene, noise, SIZE, options.cache) for scene in SCENES for noise in NOISES]
    folder = options.vapoursynth or Path("vapoursynth")
    peers = best_of_all(clips, JUDGED, partial(vapoursynth, folder))
    runs, _ = run_all(clips, makers, JUDGED, own_estimate=True)
    found = method_figures(clips, noisy_figures(clips, JUDGED), peers, runs)
    ahead = {peer.name: peer.after for peer in vapoursynth(folder)}
    tables = {
        "peers-simulated": means_table(found, ahead),
        "peers-simulated-clips": clips_table(found),
    }
    for text in tables.values():
        print(f"\n{text}")
    if options.page is not None:
        fill(options.page, tables)
    if options.json is not None:
        lines = {m: {c: asdict(f) for c, f in figures.items()} for m, figures in found.items()}
        options.json.write_text(json.dumps(lines, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
