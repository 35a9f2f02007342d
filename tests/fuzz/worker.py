"""A process that runs inputs one after the other, and is started anew when one of them ends it.

Reads lines of JSON from standard input, ``{"sort": …, "index": …}``, and answers each with a line on standard output.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

WALL_S = 240.0
"""An input that takes longer hangs."""
CPU_S = 30.0
MOST_MB = 1200.0
_ENDS_AT = "RTDENOISE_FUZZ_ENDS_AT"  # for the test of what a crash is taken for
_ROOM = 6 << 30  # bytes of addresses beyond those that libraries take


def main() -> None:
    """Works in the first folder, from what lies in the second, until standard input ends."""
    folder, originals = (Path(word) for word in sys.argv[1:3])
    program = "program" in sys.argv[3:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not be taken for an answer
    faulthandler.enable()
    if not program:
        import torch  # noqa: F401  (before the limit: it takes many addresses)

    from .inputs import make_case, prepare
    from .judging import judge, run_inside, run_program

    if not originals.exists():
        prepare(originals)
    _limit()
    gc.freeze()  # so that looking for what each input leaves is quick
    place, temporary = folder / f"case{os.getpid()}", folder / "temporary"
    os.environ["TMPDIR"] = str(temporary)
    tempfile.tempdir = None  # it is looked up again
    for line in sys.stdin:
        asked = json.loads(line)
        for emptied in (place, temporary):
            shutil.rmtree(emptied, ignore_errors=True)
            emptied.mkdir()
        case = make_case(asked["sort"], asked["index"], originals, place)
        if os.environ.get(_ENDS_AT) == str(asked["index"]):
            faulthandler._sigsegv()  # type: ignore[attr-defined]
        faulthandler.dump_traceback_later(WALL_S - 10, exit=True)
        verdict = judge(case, run_program if program else run_inside, MOST_MB, temporary)
        faulthandler.cancel_dump_traceback_later()
        fault = verdict.fault
        if verdict.seconds > CPU_S:
            fault = "; ".join(filter(None, (fault, f"{verdict.seconds:.0f} s of CPU time")))
        answer = {**asdict(verdict), "fault": fault, "words": case.words, "folder": str(place)}
        answers.write(json.dumps(answer) + "\n")


def _limit() -> None:
    import resource  # which Windows has not

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 << 20, 512 << 20))


if __name__ == "__main__":
    main()
