"""Programs that open the virtual camera and leave it, by themselves or killed; with a camera that is on demand, too.

python -m tests.e2e.vm.scenarios.readers SHARE
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.e2e.vm.guest import (
    VIRTUAL,
    WEBCAM,
    Run,
    Webcam,
    ended,
    has_open,
    interrupted,
    look,
    note,
    share_and_pictures,
    wait_for,
)

LIVE = ("live", "--camera", WEBCAM, "--output", "virtual:Virtual", "--network", "none", "--json")


def come_and_go(share: Path) -> None:
    call = Run(share, "readers", *LIVE)
    for index in range(3):
        ended(look(VIRTUAL, share / f"reader_{index}.npz", frames=10))
        killed = look(VIRTUAL, share / "killed.npz")
        # It has begun to read when it has the device open.
        wait_for("a reader", partial(has_open, killed.pid, VIRTUAL))
        killed.kill()
        killed.wait()
    pair = [look(VIRTUAL, share / f"pair_{index}.npz", frames=10) for index in range(2)]
    for reader in pair:
        ended(reader)
    interrupted(call)


def on_demand(share: Path) -> None:
    call = Run(share, "on_demand", *LIVE, "--on-demand")
    held: list[bool] = []
    for index in range(2):
        call.until_said("the camera is released", index + 1)
        call.until("the camera's release", lambda: not call.holds(WEBCAM))
        held.append(call.holds(WEBCAM))
        ended(look(VIRTUAL, share / f"demand_{index}.npz", frames=40))
        held.append(call.holds(WEBCAM))
    note(share, "held", held)
    interrupted(call)


def main() -> None:
    share, pictures = share_and_pictures()
    with Webcam(share, pictures):
        come_and_go(share)
        on_demand(share)


if __name__ == "__main__":
    main()
