"""`rtdenoise app`: the page of this machine."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import click

from rtdenoise.errors import RtdenoiseError
from rtdenoise.options import camera_option

if TYPE_CHECKING:
    from pathlib import Path

    from rtdenoise.cli import Settings

    from .instance import Address
    from .server import Server
    from .session import Session

_IDLE_S = 15 * 60.0  # without a page and without anything that runs
_LOOK_EVERY_S = 1.0


@click.command(name="app")
@camera_option
@click.option(
    "--port", type=click.IntRange(1024, 65535), help="Default: that of last time, or any."
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
@click.option(
    "--install", "installs", is_flag=True, help="Put it into the desktop's menu, and end."
)
@click.option("--uninstall", "removes", is_flag=True, help="Take it out of the menu, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as a line of JSON first.")
@click.pass_obj
def command(
    settings: Settings,
    camera: str | None,
    port: int | None,
    no_browser: bool,
    installs: bool,
    removes: bool,
    as_json: bool,
) -> None:
    """Open a page in the browser that shows the camera before and after.

    In it a camera is chosen, filmed, calibrated and used, without a terminal. Only this machine and this user can open
    it. There is one for each user: a second start opens the page of the first. It ends with Ctrl-C, with "Quit" in
    the page, or when for a quarter of an hour no page is open and nothing runs.

    \b
      rtdenoise app
      rtdenoise app --install                   an entry in the desktop's menu
      rtdenoise app --camera simulated          try it without a camera
    """
    from . import launcher

    if installs and removes:
        raise click.UsageError("--install and --uninstall exclude each other.")
    if installs:
        launcher.install(settings.home)
    elif removes:
        launcher.uninstall()
    else:
        _run(settings.home, camera, port, browser=not no_browser, as_json=as_json)


def _run(
    home: Path | None, camera: str | None, port: int | None, *, browser: bool, as_json: bool
) -> None:
    try:
        import websockets  # noqa: F401
    except ImportError as error:
        raise RtdenoiseError(
            "The app needs a package that is not installed (websockets).",
            'Run pip install "rtdenoise[app]", or pip install websockets.',
        ) from error
    from rtdenoise.console import say

    from .instance import alone, known_address, listening, runtime_folder, write_address

    folder = runtime_folder()
    with alone(folder) as first:
        before = known_address(folder)
        if not first:
            if before is None:
                raise RtdenoiseError(
                    "The app runs already, and its address can't be read.", "End it first."
                )
            say("The app runs already: {}", before.url)
            _tell(before, browser=browser, as_json=as_json)
            return
        opened, address = listening(port, before)
        with opened:
            from .server import Server
            from .session import Session

            session = Session(home, camera, address.token)
            server = Server(opened, address, session)
            done = threading.Event()
            session.tell, session.changed, session.ended = server.tell, server.changed, done.set
            try:
                server.start()
                write_address(folder, address)
                say("The app is at {}", address.url)
                _tell(address, browser=browser, as_json=as_json)
                _wait(done, server, session)
            except KeyboardInterrupt:
                pass
            finally:
                say("Ending …")
                session.close()
                server.close()


def _wait(done: threading.Event, server: Server, session: Session) -> None:
    """Waits for the end."""
    from rtdenoise.console import say

    while not done.wait(_LOOK_EVERY_S):
        server.check()
        if server.alone_s > _IDLE_S and not session.busy:
            say("No page is open, and nothing runs.")
            return


def _tell(address: Address, *, browser: bool, as_json: bool) -> None:
    """Prints the address for programs, and opens it."""
    import json
    import webbrowser
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps({"address": address.url, **asdict(address)}))
        sys.stdout.flush()
    screen = not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if browser and screen:
        webbrowser.open(address.url)
