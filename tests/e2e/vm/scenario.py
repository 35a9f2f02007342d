"""Runs inside the virtual machine: a USB webcam of software, and rtdenoise's commands on it.

scenario.py SHARE UVC-WEBCAM JPEG...

Leaves what every step printed in SHARE/STEP.json, and what the webcam was told in SHARE/webcam.log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

FORMAT = Path("/sys/class/video4linux/video11/format")
RTDENOISE = [sys.executable, "-c", "from rtdenoise.cli import main; main()"]


def wait_for(what: str, there: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.1)


def note(share: Path, step: str, value: object) -> None:
    (share / f"{step}.json").write_text(json.dumps(value))


class Run:
    """A run of rtdenoise whose outcome is noted; it ends by itself or by :meth:`interrupt`."""

    def __init__(self, share: Path, step: str, *words: str) -> None:
        self._share, self._step = share, step
        self.out, self.err = share / f"{step}.out", share / f"{step}.err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self._process = subprocess.Popen(
                [*RTDENOISE, "--home", str(share / "home"), *words], stdout=out, stderr=err
            )

    def until(self, what: str, there: Callable[[], bool]) -> None:
        wait_for(what, lambda: there() or self._process.poll() is not None)

    def interrupt(self) -> None:
        """Ctrl-C."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        status = self._process.wait(120)
        said = {"out": self.out.read_text(), "err": self.err.read_text()}
        note(self._share, self._step, {"status": status, **said})


def run(share: Path, step: str, *words: str) -> None:
    Run(share, step, *words).end()


READER = """
import json, sys, time, cv2
end = time.monotonic() + 90
while time.monotonic() < end:
    camera = cv2.VideoCapture("/dev/video11", cv2.CAP_V4L2)
    if camera.isOpened():
        break
    time.sleep(0.3)
shapes, begin = [], 0.0
for _ in range(20):
    there, frame = camera.read()
    if there:
        begin = begin or time.monotonic()
        shapes.append(frame.shape)
        last = frame
rate = (len(shapes) - 1) / (time.monotonic() - begin)
cv2.imwrite(sys.argv[1] + "/seen.png", last)
with open(sys.argv[1] + "/seen.json", "w") as file:
    json.dump({"shapes": sorted(set(shapes)), "frames": len(shapes), "rate_fps": rate}, file)
"""


def main() -> None:
    share, uvc_webcam, pictures = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    plug = Path("/tmp/plug")
    node = Path("/dev/video0")
    with (share / "webcam.log").open("w") as log:
        webcam = subprocess.Popen(
            [sys.executable, uvc_webcam, "--plug", str(plug), *pictures], stdout=log
        )
        try:
            wait_for("the webcam", node.exists)
            time.sleep(1)
            run(share, "devices", "devices", "--json")
            run(share, "no_camera", "capture", "--seconds", "1", "--camera", "/dev/video7")
            run(share, "no_size", "capture", "--seconds", "1", "--camera", "/dev/video0",
                "--size", "640x480")  # fmt: skip
            run(share, "capture", "capture", "--seconds", "3", "--camera", "/dev/video0")
            (share / "webcam-after-capture.log").write_text((share / "webcam.log").read_text())
            killed(share)
            # Twice: v4l2loopback 0.12 refuses the second producer after a careless first one.
            live = ("live", "--camera", "/dev/video0", "--output", "virtual:Virtual", "--json")
            run(share, "live_1", *live, "--seconds", "1")
            seen(share, live)
            unplug(share, plug, node, live)
            busy(share)
        finally:
            webcam.kill()


def told_since(share: Path) -> Callable[[], dict[str, str]]:
    """What the webcam has been told from now on: control, last value."""
    log = share / "webcam.log"
    before = len(log.read_text())

    def told() -> dict[str, str]:
        lines = [line.split() for line in log.read_text()[before:].splitlines()]
        # The last line may be half written.
        return {words[1]: words[2] for words in lines if words[0] == "set" and len(words) > 2}

    return told


def killed(share: Path) -> None:
    """A recording that is killed cannot put the controls back itself."""
    told = told_since(share)
    capture = Run(share, "killed", "capture", "--seconds", "60")
    capture.until("the lock", lambda: "white_balance_temperature" in told())
    locked = told()["exposure_auto"] == "1"
    capture.kill()
    wait_for("the guard", lambda: told().get("white_balance_temperature_auto") == "1")
    note(share, "killed", {"locked": locked, "put_back": told()["exposure_auto"] == "8"})


def seen(share: Path, live: tuple[str, ...]) -> None:
    """Another program reads the virtual camera; Ctrl-C ends the call when it has read enough."""
    call = Run(share, "live_2", *live, "--seconds", "100")
    subprocess.run([sys.executable, "-c", READER, str(share)], check=True, timeout=150)
    call.interrupt()
    call.end()


def unplug(share: Path, plug: Path, node: Path, live: tuple[str, ...]) -> None:
    """Pulls the plug in a recording; then in a call, where it comes back."""
    told = told_since(share)
    capture = Run(share, "unplugged_capture", "capture", "--seconds", "60")
    capture.until("the lock", lambda: "white_balance_temperature" in told())
    time.sleep(4)
    plug.unlink()
    capture.end()
    replug(plug, node)
    call = Run(share, "unplugged_live", *live, "--seconds", "90")
    # With exclusive_caps=1 its driver is a camera only while pictures come.
    call.until("pictures", lambda: "YU12" in FORMAT.read_text())
    time.sleep(4)
    plug.unlink()
    call.until("the loss", lambda: "went away" in call.err.read_text())
    replug(plug, node)
    call.until("the return", lambda: "is back" in call.err.read_text())
    time.sleep(2)
    call.interrupt()
    call.end()


def replug(plug: Path, node: Path) -> None:
    plug.touch()
    wait_for("the webcam's return", node.exists)
    time.sleep(1)


def busy(share: Path) -> None:
    """Another program holds the camera."""
    code = (
        "from rtdenoise.cameras import open_webcam; import time\n"
        "camera = open_webcam('/dev/video0'); next(camera.packets()); print('holds', flush=True)\n"
        "time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        run(share, "busy", "capture", "--seconds", "1", "--camera", "Software Webcam")
        holder.kill()


if __name__ == "__main__":
    os.chdir("/tmp")
    main()
