"""Damages files of five sorts and looks how the commands take them.

    python -m tests.fuzz                            300 inputs of each sort
    python -m tests.fuzz packets --count 10000      one sort
    python -m tests.fuzz --count 10000 --figures build/fuzz.json     goes on where it was stopped
    python -m tests.fuzz packets --first 4711 --count 1 --verbose --keep build/faults      one input again

Right is a result, or one sentence and exit code 1: no crash, no hang, no warning, no temporary file that is left, no
input that is changed, bounded memory. Exits with 1 where an input found a fault.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from .inputs import SORTS
from .pool import Answer, Worker


def main() -> int:
    """Runs the inputs that are asked for, and prints what came."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "sorts", nargs="*", choices=[*SORTS, []], metavar="SORT", help=", ".join(SORTS)
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--count", type=int, default=300, help="how many of each sort")
    parser.add_argument(
        "--figures",
        type=Path,
        help="add up the figures in this file, and go on behind its last input",
    )
    parser.add_argument("--keep", type=Path, help="copy inputs with a fault into this folder")
    parser.add_argument(
        "--program", action="store_true", help="call the installed program each time"
    )
    parser.add_argument("--verbose", action="store_true", help="print what the command said")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    if asked.figures is not None and asked.figures.exists():
        figures = json.loads(asked.figures.read_text())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its folder is removed then, too
    faults = 0
    with Worker(asked.program, asked.keep) as worker:
        for sort in asked.sorts or SORTS:
            known = figures.setdefault(sort, _nothing())
            begin = asked.first + (known["inputs"] if asked.figures else 0)
            indices = range(begin, asked.first + asked.count)
            began, told = time.monotonic(), 0.0
            for done, answer in enumerate(worker.run(sort, indices), 1):
                _add(known, answer)
                if answer.fault or asked.verbose:
                    _say(_described(answer))
                if asked.figures is not None and (
                    answer.fault or done % 50 == 0 or done == len(indices)
                ):
                    asked.figures.parent.mkdir(parents=True, exist_ok=True)
                    asked.figures.write_text(json.dumps(figures, indent=1))
                spent = time.monotonic() - began
                if spent - told > 20:
                    told = spent
                    left = spent / done * (len(indices) - done)
                    _say(f"{sort}: {done} of {len(indices)}, {left / 60:.0f} min left")
            _say(_summary(sort, known))
            faults += len(known["faults"])
    return 1 if faults else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _nothing() -> dict[str, Any]:
    return {
        "inputs": 0,
        "results": 0,
        "refused": 0,
        "slowest_s": 0.0,
        "memory_mb": 0.0,
        "faults": [],
    }


def _add(known: dict[str, Any], answer: Answer) -> None:
    known["inputs"] += 1
    if answer.fault:
        known["faults"].append(
            [answer.index, answer.fault[:300], answer.said.strip().rpartition("\n")[2][:300]]
        )
    elif answer.code == 0:
        known["results"] += 1
    else:
        known["refused"] += 1
    known["slowest_s"] = max(known["slowest_s"], round(answer.seconds, 1))
    known["memory_mb"] = max(known["memory_mb"], round(answer.memory_mb))


def _described(answer: Answer) -> str:
    cost = f"{answer.seconds:.2f} s, {answer.memory_mb:.0f} MB"
    head = f"{answer.sort} {answer.index}: {answer.fault or 'right'} ({cost})"
    return f"{head}\n  {' '.join(answer.words)}\n  {answer.said.strip()}\n  {answer.again}"


def _summary(sort: str, known: dict[str, Any]) -> str:
    return (
        f"{sort}: {known['inputs']} inputs, {known['results']} results, {known['refused']} refused in a sentence, "
        f"{len(known['faults'])} faults; the slowest took {known['slowest_s']:.1f} s of CPU time, the largest "
        f"{known['memory_mb']:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
