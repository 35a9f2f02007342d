"""A folder of recordings, cleaned by a Dask cluster of several processes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from .clips import pixels, write_clip
from .clusters import cluster, command, free_port

pytest.importorskip("distributed")
FILES = 24


def test_a_worker_that_dies_loses_nothing(tmp_path: Path) -> None:
    source, target, alone = (tmp_path / name for name in ("in", "out", "alone"))
    for index in range(FILES):
        write_clip(source / f"{index % 3}" / f"{index:02}.mkv", index)
    (source / "bad.mkv").write_bytes(b"no film")
    home = tmp_path / "home"
    with cluster(workers=3) as made:
        process = subprocess.Popen(
            command(home, source, target, "--cluster", made.address, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(list(target.glob("*/[!.]*.mkv"))) < 3:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        made.kill(0)
        out, err = process.communicate(timeout=200)
    assert process.returncode == 1, err
    report = json.loads(out)
    assert len(report["cleaned"]) == FILES, err
    assert list(report["refused"]) == ["bad.mkv"]
    assert report["left"] == 0
    subprocess.run(command(home, source, alone), capture_output=True, check=False, timeout=200)
    for path in alone.rglob("*.mkv"):
        assert pixels(target / path.relative_to(alone)) == pixels(path)
    assert len(list(alone.rglob("*.mkv"))) == FILES
    assert not list(target.rglob(".*.part.mkv"))


def test_no_cluster_is_told_in_a_sentence(tmp_path: Path) -> None:
    write_clip(tmp_path / "in" / "a.mkv", 0)
    words = ("--cluster", f"tcp://127.0.0.1:{free_port()}")
    done = subprocess.run(
        command(tmp_path, tmp_path / "in", tmp_path / "out", *words),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") <= 2
    assert "No Dask scheduler answers" in done.stderr
