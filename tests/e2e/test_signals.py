"""A request to end: what was filmed and recorded until then is kept."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtdenoise.cameras import open_camera

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
ROOT = Path(__file__).parents[2]


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    code = "from rtdenoise.cli import main; main()"
    command = [sys.executable, "-c", code, "--home", str(home), *words]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_bytes(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Waits until some file of that name holds something."""
    for _ in range(1200):
        if any(path.stat().st_size > 50_000 for path in folder.rglob(pattern)):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail("nothing was written")


# In pairs they come from GNU timeout, and from a terminal that is closed.
@pytest.mark.parametrize("names", ["SIGTERM", "SIGHUP", "SIGTERM SIGTERM", "SIGHUP SIGTERM"])
def test_live_keeps_its_film(names: str, tmp_path: Path) -> None:
    film = tmp_path / "film.nut"
    words = ("--camera", "simulated:desk", "--size", "320x180", "--network", "recursive")
    process = start(tmp_path, "live", *words, "--output", str(film))
    wait_for_bytes(tmp_path, "*.nut", process)
    for name in names.split():
        process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "interrupted" in out
    assert len(list(open_camera(f"file:{film}").frames())) > 1


def ran(code: str) -> subprocess.CompletedProcess[str]:
    """What a program does, from its start to its end."""
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_ctrl_c_twice_is_once(tmp_path: Path) -> None:
    film = tmp_path / "film.nut"
    words = ("--camera", "simulated:desk", "--size", "320x180", "--network", "recursive", "--json")
    process = start(tmp_path, "live", *words, "--output", str(film))
    wait_for_bytes(tmp_path, "*.nut", process)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["ended"] == "interrupted"
    assert len(list(open_camera(f"file:{film}").frames())) > 1


def test_ctrl_c_at_the_start_is_told_in_a_word() -> None:
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'rtdenoise.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from rtdenoise.__main__ import main; main()"
    )
    done = ran(code)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Stopped.\n")


def test_ctrl_c_counts_again_after_some_time() -> None:
    code = (
        "import signal, time; from rtdenoise import cli; cli._end_as_after_ctrl_c()\n"
        "for late in (0, 0, 3):\n"
        "    now = time.monotonic() + late; time.monotonic = lambda: now\n"
        "    try: signal.raise_signal(signal.SIGINT); print('on')\n"
        "    except KeyboardInterrupt: print('ended')"
    )
    done = ran(code)
    done.check_returncode()
    assert done.stdout.split() == ["ended", "on", "ended"]


def test_capture_keeps_its_recording(tmp_path: Path) -> None:
    words = ("--camera", "simulated:desk", "--size", "320x180", "--seconds", "600")
    process = start(tmp_path, "capture", *words)
    wait_for_bytes(tmp_path, "*.mkv", process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert "Stopped early" in err
    assert list((tmp_path / "profiles").glob("*/clips/[0-9]*.json"))


def test_denoise_leaves_nothing_half_written(tmp_path: Path) -> None:
    output = tmp_path / "clean.mkv"
    process = start(tmp_path, "denoise", "simulated:desk", str(output), "--network", "recursive")
    wait_for_bytes(tmp_path, "*.mkv", process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "was not written" in err
    assert list(tmp_path.glob("*.mkv")) == []
    assert list(tmp_path.glob(".*.mkv")) == []


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    code = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from rtdenoise import cli; cli._end_as_after_ctrl_c()\n"
        "signal.raise_signal(signal.SIGHUP); print('on')\n"
        "try: signal.raise_signal(signal.SIGTERM)\nexcept KeyboardInterrupt: print('ended')"
    )
    done = ran(code)
    done.check_returncode()
    assert done.stdout.split() == ["on", "ended"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_script_s_job_in_the_background_ends_too(name: str) -> None:
    # A shell that runs a script lets its jobs ignore Ctrl-C.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from rtdenoise import cli; cli._end_as_after_ctrl_c()\n"
        f"try: signal.raise_signal(signal.{name})\nexcept KeyboardInterrupt: print('ended')\n"
        f"signal.raise_signal(signal.{name}); print('once')"
    )
    done = ran(code)
    done.check_returncode()
    assert done.stdout.split() == ["ended", "once"]


def test_a_film_goes_on_where_nobody_reads_the_messages(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    words = ("--camera", "simulated:desk", "--size", "320x180", "--network", "none")
    process = start(tmp_path, "live", *words, "--output", str(film), "--seconds", "3")
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    process.stdout.read()
    process.stdout.close()
    assert process.wait(120) == 0
    assert len(list(open_camera(f"file:{film}").frames())) > 1
