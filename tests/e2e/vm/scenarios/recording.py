"""Cameras that are listed, recorded, missing, forbidden, busy, unplugged and killed.

python -m tests.e2e.vm.scenarios.recording SHARE
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from tests.e2e.vm.guest import (
    VIRTUAL,
    WEBCAM,
    Run,
    Webcam,
    holding,
    note,
    run,
    share_and_pictures,
    wait_for,
)

NOBODY = 65534


def killed(share: Path, webcam: Webcam) -> None:
    """A recording that is killed cannot put the controls back itself."""
    told = webcam.told()
    capture = Run(share, "killed", "capture", "--seconds", "60")
    capture.until("the lock", lambda: "white_balance_temperature" in told())
    locked = told()["exposure_auto"] == "1"
    capture.kill()
    wait_for("the guard", lambda: told().get("white_balance_temperature_auto") == "1")
    note(share, "killed", {"locked": locked, "put_back": told()["exposure_auto"] == "8"})


def killed_with_guard(share: Path, webcam: Webcam) -> None:
    """A recording that is killed together with its guard: the next start puts the controls back."""
    told = webcam.told()
    capture = Run(share, "killed_with_guard", "capture", "--seconds", "60")
    capture.until("the lock", lambda: "white_balance_temperature" in told())
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        if b"controls_guard.py" in words.read_bytes():
            os.kill(int(words.parent.name), signal.SIGKILL)
    capture.kill()
    time.sleep(2)
    left = told()["exposure_auto"]
    live = ("live", "--camera", WEBCAM, "--output", "null", "--network", "none", "--json")
    run(share, "live_after_kill", *live, "--seconds", "1")
    note(share, "killed_with_guard", {"left": left, "after": told()["exposure_auto"]})


def unplugged(share: Path, webcam: Webcam) -> None:
    """Pulls the plug in a recording."""
    told = webcam.told()
    capture = Run(share, "unplugged", "capture", "--seconds", "60")
    capture.until("the lock", lambda: "white_balance_temperature" in told())
    time.sleep(4)
    webcam.pull()
    capture.end()
    webcam.plug()
    time.sleep(1)


def held(share: Path) -> None:
    """Another program holds the camera, or feeds the virtual camera."""
    code = (
        "from rtdenoise.cameras import open_webcam; import time\n"
        "camera = open_webcam('/dev/video0'); next(camera.packets()); print('holds', flush=True)\n"
        "time.sleep(100)"
    )
    with holding([sys.executable, "-c", code]):
        run(share, "busy_capture", "capture", "--seconds", "1", "--camera", "Software Webcam")
        run(share, "busy_live", "live", "--camera", WEBCAM, "--output", "null", "--seconds", "1")
    virtual = ("--output", "virtual:Virtual", "--network", "none")
    call = Run(share, "first_call", "live", "--camera", WEBCAM, *virtual)
    call.until("the virtual camera", lambda: call.holds(VIRTUAL))
    time.sleep(2)
    run(share, "busy_virtual", "live", "--camera", "simulated", *virtual, "--seconds", "1")
    call.signal(signal.SIGINT)
    call.end()


def forbidden(share: Path) -> None:
    """A user who may not open any of the devices."""
    os.chmod("/root", 0o755)  # Python may live there; this file system is thrown away
    home = Path("/tmp/nobody")
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    somebody = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "home": home, "cwd": home}
    somebody["env"] = {**os.environ, "HOME": str(home)}
    run(share, "forbidden_devices", "devices", "--json", **somebody)
    network = ("--network", "none", "--seconds", "1")
    camera = ("live", "--camera", WEBCAM, "--output", "null")
    run(share, "forbidden_camera", *camera, *network, **somebody)
    virtual = ("live", "--camera", "simulated", "--output", "virtual:Virtual")
    run(share, "forbidden_virtual", *virtual, *network, **somebody)


def main() -> None:
    share, pictures = share_and_pictures()
    with Webcam(share, pictures) as webcam:
        run(share, "devices", "devices", "--json")
        run(share, "no_camera", "capture", "--seconds", "1", "--camera", "/dev/video7")
        size = ("--size", "640x480")
        run(share, "no_size", "capture", "--seconds", "1", "--camera", WEBCAM, *size)
        run(share, "capture", "capture", "--seconds", "3", "--camera", WEBCAM)
        note(share, "told_in_capture", webcam.log().splitlines())
        killed(share, webcam)
        killed_with_guard(share, webcam)
        unplugged(share, webcam)
        held(share)
        forbidden(share)


if __name__ == "__main__":
    main()
