"""A page in Chromium that gets the virtual camera by getUserMedia, and sends it to itself through an RTCPeerConnection.

python -m tests.e2e.vm.scenarios.browser SHARE
"""

from __future__ import annotations

import subprocess

from tests.e2e.vm.guest import Run, interrupted, note, share_and_pictures, wait_for
from tests.rtdenoise.sinks.chromium_page import FLAGS, Page, serving

# Peers find each other through the loopback alone: the machine has no other network.
NO_NETWORK = (
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
)


def main() -> None:
    share, _ = share_and_pictures()
    camera = ("--camera", f"file:{share / 'bars.nut'}", "--network", "none", "--strength", "0")
    live = Run(share, "live", "live", *camera, "--output", "virtual:Virtual", "--json")
    live.until_said("→", 1)  # the virtual camera is there
    with serving() as address, (share / "chromium.log").open("w") as log:
        words = ["chromium", *FLAGS, *NO_NETWORK, "--user-data-dir=/tmp/chromium", address]
        chromium = subprocess.Popen(words, stdout=log, stderr=log)
        wait_for("the page's picture", lambda: bool(Page.told), 400)
        chromium.kill()
    note(share, "told", Page.told[0])
    interrupted(live)


if __name__ == "__main__":
    main()
