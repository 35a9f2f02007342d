"""Quality × speed: ours and the peers on the same frames, in one process tree.

    python -m benchmarks.speed.comparison --page docs/quality-and-speed.md [--cache FOLDER]

Writes a page with tables, and a plot beside it. First all methods are judged against the simulated camera's truth, in
several processes; then they are timed in turns, one at a time; then ``rtdenoise live`` runs for a minute. With --cache
the clips, the paper's networks and what peers reached at each strength are kept for the next run; times never
are. What isn't installed is left out, and the page says why.
"""

from __future__ import annotations

import argparse
from pathlib import Path

CLIPS = "desk-high,room-medium,street-low"
"""One clip of each scene, one of each level of noise. The first is the one that speed is measured on."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--page", type=Path, help="write this Markdown page, and the plot beside it")
    made.add_argument("--json", type=Path, help="write all figures to this file")
    made.add_argument("--cache", type=Path, help="keep clips and what peers reached in this folder")
    made.add_argument("--methods", default="", help="by semicolon; all that there are by default")
    made.add_argument("--clips", default=CLIPS, help="scene-noise, by comma")
    made.add_argument("--judged", default="30,34,38", help="judged frames")
    made.add_argument("--size", default="1920x1080")
    made.add_argument("--processes", type=int, default=2, help="side by side, for judging only")
    made.add_argument("--rounds", type=int, default=3, help="turns that each method gets")
    made.add_argument("--turn", type=float, default=1.5, help="seconds in a turn")
    made.add_argument("--seconds", type=float, default=60, help="of the whole call; 0: none")
    made.add_argument("--paper-minutes", type=float, default=1.0, help="of training for each clip")
    made.add_argument("--preliminary", action="store_true", help="say so on the page")
    return made


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    # Each process that this one starts reads this module again: it must stay light, for their memory is measured.
    from .run import run

    run(options)


if __name__ == "__main__":
    main()
