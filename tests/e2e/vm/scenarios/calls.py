"""Calls whose camera goes away, hangs and comes back, or that are stopped themselves, while another program looks.

python -m tests.e2e.vm.scenarios.calls SHARE
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.e2e.vm.guest import (
    VIRTUAL,
    WEBCAM,
    Run,
    Webcam,
    ended,
    interrupted,
    look,
    note,
    run,
    set_by_hand,
    share_and_pictures,
)

LIVE = ("live", "--camera", WEBCAM, "--output", "virtual:Virtual", "--network", "none", "--json")
AWAY_S = (1, 5, 30)
BY_HAND = {"exposure_auto": 1, "exposure_absolute": 333, "gain": 77, "power_line_frequency": 1}


def unplugged(share: Path, webcam: Webcam) -> None:
    """The plug is out for a while, three times in one call; then another mode comes back."""
    set_by_hand(BY_HAND)
    call = Run(share, "unplugged", *LIVE)
    looking = look(VIRTUAL, share / "unplugged.npz", seconds=200)
    call.until("the camera", lambda: call.holds(WEBCAM) and call.holds(VIRTUAL))
    time.sleep(4)
    away: list[tuple[float, float]] = []
    settings: list[dict[str, str]] = []
    for index, seconds in enumerate(AWAY_S, 1):
        told = webcam.told()
        webcam.pull()
        gone = time.monotonic()
        time.sleep(seconds)
        webcam.plug()
        call.until_said("is back", index)
        away.append((gone, time.monotonic()))
        time.sleep(3)
        settings.append(told())
    note(share, "away", away)
    note(share, "settings", settings)
    (share / "unplugged.stop").touch()
    ended(looking)
    call.signal(signal.SIGTERM)
    call.end()


def hangs(share: Path, webcam: Webcam) -> None:
    """The camera sends nothing and answers nothing for a while, and is itself again."""
    call = Run(share, "hangs", *LIVE)
    looking = look(VIRTUAL, share / "hangs.npz", seconds=200)
    call.until("the camera", lambda: call.holds(WEBCAM) and call.holds(VIRTUAL))
    time.sleep(3)
    begin = time.monotonic()
    webcam.signal(signal.SIGSTOP)
    call.until_said("Waiting for it to come back")
    webcam.signal(signal.SIGCONT)
    call.until_said("is back")
    note(share, "hung", (begin, time.monotonic()))
    time.sleep(3)
    (share / "hangs.stop").touch()
    ended(looking)
    interrupted(call)


def stopped(share: Path) -> None:
    """The call itself is stopped for a while, as by a suspend."""
    call = Run(share, "stopped", *LIVE)
    looking = look(VIRTUAL, share / "stopped.npz", seconds=200)
    call.until("the camera", lambda: call.holds(WEBCAM) and call.holds(VIRTUAL))
    time.sleep(3)
    call.signal(signal.SIGSTOP)
    time.sleep(8)
    call.signal(signal.SIGCONT)
    note(share, "went_on", time.monotonic())
    call.until_said("stood still")
    time.sleep(3)
    (share / "stopped.stop").touch()
    ended(looking)
    interrupted(call)


def ended_early(share: Path) -> None:
    """Ctrl-C while the network is still being made."""
    words = [word for word in LIVE if word not in ("--network", "none")]
    call = Run(share, "ended_early", *words)
    call.until("the virtual camera", lambda: call.holds(VIRTUAL))
    time.sleep(0.5)
    interrupted(call)


def other_mode(share: Path, pictures: list[Path], others: list[Path]) -> None:
    """What comes back offers another size only."""
    with Webcam(share, pictures):
        call = Run(share, "other_mode", *LIVE)
        looking = look(VIRTUAL, share / "other_mode.npz", seconds=200)
        call.until("the camera", lambda: call.holds(WEBCAM) and call.holds(VIRTUAL))
        time.sleep(3)
    call.until_said("went away")
    with Webcam(share, others):
        call.until_said("is back")
        time.sleep(4)
        (share / "other_mode.stop").touch()
        ended(looking)
        interrupted(call)


def main() -> None:
    share, pictures = share_and_pictures()
    usual = [path for path in pictures if path.name.startswith("640")]
    others = [path for path in pictures if path not in usual]
    with Webcam(share, usual) as webcam:
        # v4l2loopback 0.12 refuses the second producer after a careless first one.
        killed = Run(share, "killed", *LIVE)
        killed.until("the camera", lambda: killed.holds(WEBCAM) and killed.holds(VIRTUAL))
        time.sleep(3)
        killed.kill()
        run(share, "first", *LIVE, "--seconds", "1")
        unplugged(share, webcam)
        hangs(share, webcam)
        stopped(share)
        ended_early(share)
    other_mode(share, usual, others)


if __name__ == "__main__":
    main()
