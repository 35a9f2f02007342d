"""An archive of small recordings on a Dask cluster of this machine's processes, of which some are killed in the middle.

    python -m benchmarks.archive.cluster [--files 1000] [--workers 3] [--kill 1]

Afterwards this machine's own processes clean the same archive, and all that both made is compared, pixel by pixel.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.rtdenoise.archive.clips import pixels, write_clip
from tests.rtdenoise.archive.clusters import cluster, command

_FOLDERS = 10
_FRAMES, _SIZE = 5, (160, 120)


def cleaned(target: Path) -> list[Path]:
    """The clean files, without unfinished ones."""
    return [path for path in target.rglob("*.mkv") if not path.name.startswith(".")]


def on_a_cluster(
    source: Path, target: Path, home: Path, workers: int, kill: int
) -> tuple[dict[str, Any], float]:
    """Cleans it, and kills workers when a third is done; the report, and how long it took in s."""
    count = sum(1 for _ in source.rglob("*.mkv"))
    with cluster(workers) as made:
        started = time.monotonic()
        with tempfile.TemporaryFile("w+") as out:
            words = command(home, source, target, "--cluster", made.address, "--json")
            with subprocess.Popen(words, stdout=out) as process:
                while process.poll() is None and len(cleaned(target)) < count // 3:
                    time.sleep(0.1)
                for worker in range(kill):
                    made.kill(worker)
            seconds = time.monotonic() - started
            out.seek(0)
            report: dict[str, Any] = json.load(out)
    return report, seconds


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kill", type=int, default=1, help="how many of them")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        source, target, alone, home = (Path(folder) / n for n in ("in", "out", "alone", "home"))
        for index in range(options.files):
            name = f"{index % _FOLDERS}/{index:05}.mkv"
            write_clip(source / name, index, frames=_FRAMES, size=_SIZE)
        report, seconds = on_a_cluster(source, target, home, options.workers, options.kill)
        there = cleaned(target)
        print(
            f"{options.files} files of {_FRAMES} frames of {_SIZE[0]}×{_SIZE[1]}, {options.workers} workers, "
            f"{options.kill} killed when a third was done\n"
            f"on the cluster: {len(report['cleaned'])} cleaned, {len(report['refused'])} refused, "
            f"{report['left']} left, {len(there)} there, {seconds:.0f} s"
        )
        started = time.monotonic()
        done = subprocess.run(command(home, source, alone, "--json"), stdout=-1, check=False)
        print(
            f"by this machine's own processes: {len(json.loads(done.stdout)['cleaned'])} cleaned, "
            f"{time.monotonic() - started:.0f} s"
        )
        same = sum(pixels(path) == pixels(alone / path.relative_to(target)) for path in there)
        parts = sum(1 for path in target.rglob(".*.part*"))
        print(f"the same pixels: {same} of {options.files}; unfinished files left: {parts}")


if __name__ == "__main__":
    main()
