from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RTDENOISE = Path(sys.executable).with_name("rtdenoise")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def rtdenoise(home: Path) -> Run:
    """Runs the installed command as a user would, with a home of its own."""

    def run(
        *words: str | Path, home: Path = home, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RTDENOISE_HOME": str(home), "COLUMNS": "200"}
        return subprocess.run(
            [RTDENOISE, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=timeout,
        )

    return run


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system of its own (a disk that is full, or read-only); root only."""
    folders: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(folders)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)
