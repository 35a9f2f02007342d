"""The whole road with the installed command: capture, calibrate, live, denoise, evaluate, demo, examples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rtdenoise.cameras import open_camera
from rtdenoise.cameras.simulated import SimulatedCamera
from rtdenoise.frames import Planes, planes_from_frame

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SIZE = "320x240"
STILL = "simulated:desk?noise=high&seed=3"
MOVING = "simulated:desk?noise=high&seed=4&motion=subject&frames=45"
ROOT = Path(__file__).resolve().parents[2]


def done_well(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def frames_of(path: Path) -> list[Planes]:
    camera = open_camera(f"file:{path}")
    try:
        return [planes_from_frame(frame).copy() for frame in camera.frames()]
    finally:
        camera.close()


def luma_psnr_db(frames: list[Planes], truth: SimulatedCamera, first: int) -> float:
    errors = [
        np.mean((planes.y.astype(float) - truth.truth(first + i).y) ** 2)
        for i, planes in enumerate(frames)
    ]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def test_capture_calibrate_live_denoise(rtdenoise: Run, home: Path, tmp_path: Path) -> None:
    done_well(rtdenoise("capture", "--camera", STILL, "--size", SIZE, "--seconds", "1"))
    (profile,) = (home / "profiles").iterdir()
    camera = profile.name
    words = ["--camera", camera, "--minutes", "0.05", "--json"]
    facts = json.loads(done_well(rtdenoise("calibrate", *words)))
    assert (profile / "noise.json").exists()
    assert facts["upsnr_gain_db"]["low"] > 6, facts

    raw, clean = tmp_path / "raw.nut", tmp_path / "clean.nut"
    for output, strength in ((raw, "0"), (clean, "1")):
        words = ["--camera", MOVING, "--size", SIZE, "--strength", strength, "--json"]
        report = json.loads(done_well(rtdenoise("live", *words, "--output", output)))
        # A live network where this machine keeps up with the camera.
        assert report["network"] in (facts["network"], "nano", "recursive")
        assert report["frames_in"] == 45
        assert report["frames_out"] + report["dropped"] == 45

    truth = open_camera(MOVING, size=(320, 240))
    assert isinstance(truth, SimulatedCamera)
    sent = [planes_from_frame(frame).copy() for frame in truth.frames()]
    kept = frames_of(raw)
    # Strength 0 is the camera's bytes, bit for bit: each frame that came out is one that was sent.
    assert {p.y.tobytes() + p.u.tobytes() + p.v.tobytes() for p in kept} <= {
        p.y.tobytes() + p.u.tobytes() + p.v.tobytes() for p in sent
    }

    film = tmp_path / "film.nut"
    done_well(rtdenoise("denoise", raw, film, "--network", "recursive"))
    assert len(frames_of(film)) == len(kept)
    if len(kept) == 45:
        cleaned = frames_of(film)[20:]
        assert luma_psnr_db(cleaned, truth, 20) > luma_psnr_db(kept[20:], truth, 20) + 4
    table = tmp_path / "table.json"
    words = ["--camera", camera, "--methods", "recursive,atadenoise", "--json", str(table)]
    shown = done_well(rtdenoise("evaluate", *words))
    assert "recursive" in shown
    rows = {row["method"]: row for row in json.loads(table.read_text())["rows"]}
    assert set(rows) == {"camera", "recursive", "atadenoise"}
    assert rows["recursive"]["places"]["still"]["gain_db"]["low"] > 3


def test_ctrl_c_ends_live_cleanly(home: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.nut"
    command: list[str | Path] = [
        Path(sys.executable).with_name("rtdenoise"),
        "--home",
        home,
        "live",
    ]
    words: list[str | Path] = [
        "--camera",
        "simulated:desk",
        "--size",
        SIZE,
        "--output",
        film,
        "--json",
    ]
    live = subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(tmp_path.glob(".film.*.nut")):
        time.sleep(0.1)
    time.sleep(1.0)
    live.send_signal(signal.SIGINT)
    out, err = live.communicate(timeout=60)
    assert live.returncode == 0, err
    report = json.loads(out)
    assert report["ended"] == "interrupted"
    assert len(frames_of(film)) == report["frames_out"] > 0
    assert [p.name for p in tmp_path.iterdir() if "film" in p.name] == ["film.nut"]


def test_demo(rtdenoise: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shown = done_well(rtdenoise("demo", "--folder", folder, "--quick", timeout=500))
    for picture in ("before-after.png", "details.png", "gain.png"):
        assert (folder / picture).stat().st_size > 5_000
        assert picture in shown
    figures = json.loads((folder / "figures.json").read_text())
    assert figures["gain_db"] > 3
    for line in ("rtdenoise capture --seconds 30", "rtdenoise calibrate", "rtdenoise live"):
        assert line in shown


@pytest.mark.parametrize("kind", ["own_denoiser", "noise_curve"])
def test_examples_run(tmp_path: Path, kind: str) -> None:
    environment = {**os.environ, "RTDENOISE_HOME": str(tmp_path)}
    if kind == "own_denoiser":
        words = ["simulated:desk?frames=8", str(tmp_path / "out.nut")]
    else:
        clip = tmp_path / "still.nut"
        code = (
            "from rtdenoise.cli import run; import sys; "
            f"sys.exit(run(['live', '--camera', 'simulated:desk?frames=12', '--size', '{SIZE}', "
            f"'--strength', '0', '--output', {str(clip)!r}]))"
        )
        subprocess.run(
            [sys.executable, "-c", code], check=True, env=environment, capture_output=True
        )
        words = [str(clip), str(tmp_path / "curve.png")]
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / f"{kind}.py", *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "frames written" in done.stdout or "curve drawn" in done.stdout
