"""Scenarios that ran in the virtual machine, for the tests that judge them. See ``machine.py``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.vm import machine

CHECKOUT = Path(__file__).resolve().parents[3]
Draw = Callable[[Path], None]
Array = np.ndarray[Any, np.dtype[Any]]


@pytest.fixture(scope="session")
def bootable() -> None:
    """Skips where no virtual machine starts."""
    if reason := machine.why_not():
        pytest.skip(f"no virtual machine with camera drivers: {reason}")


@pytest.fixture(scope="session")
def play(bootable: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Draw], Path]:
    """Runs a scenario with pictures that are drawn for it, and gives the folder with its notes.

    With RTDENOISE_VM_KEEP=FOLDER the notes are kept there.
    """

    def run(scenario: str, draw: Draw, seconds: float = 300) -> Path:
        folder = tmp_path_factory.mktemp(scenario)
        draw(folder)
        words = [sys.executable, "-m", f"tests.e2e.vm.scenarios.{scenario}", str(folder)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(CHECKOUT)}
        before = Path.cwd()
        os.chdir(CHECKOUT)
        try:
            done = machine.run(words, share=folder, seconds=seconds, environment=environment)
        finally:
            os.chdir(before)
        if keep := os.environ.get("RTDENOISE_VM_KEEP"):
            shutil.copytree(folder, Path(keep) / scenario, dirs_exist_ok=True)
        assert done.status == 0, f"{done.out}{done.err}\nconsole: {done.console[-2000:]}"
        return folder

    return run


def jpeg(picture: Array, quality: int = 85) -> bytes:
    """A picture as a webcam's JPEG 4:2:2."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    there, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])
    assert there
    return bytes(data)


def draw_noisy(folder: Path, width: int, height: int, count: int = 5) -> None:
    """Noisy pictures of one still scene: WIDTH-N.jpg."""
    rng = np.random.default_rng(width)
    y, x = np.mgrid[:height, :width]
    scene = np.stack([x * 200 // width, y * 200 // height, 60 + x // 40 % 2 * 90], axis=-1) + 20
    for n in range(count):
        noisy = np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8)
        (folder / f"{width}-{n}.jpg").write_bytes(jpeg(noisy))


def read_note(share: Path, step: str) -> Any:
    return json.loads((share / f"{step}.json").read_text())


def outcome(share: Path, step: str) -> dict[str, Any]:
    """What a run that ended well printed as JSON."""
    note = read_note(share, step)
    assert note["status"] == 0, note["err"]
    assert "Traceback" not in note["err"]
    value: dict[str, Any] = json.loads(note["out"])
    return value


def one_sentence(share: Path, step: str) -> str:
    """What a failed command said."""
    note = read_note(share, step)
    assert note["status"] == 1, note
    lines = [line for line in note["err"].splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, note["err"]
    assert "Traceback" not in note["err"]
    return " ".join(note["err"][note["err"].index("Error:") :].split())
