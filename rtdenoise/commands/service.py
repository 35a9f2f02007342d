"""`rtdenoise service`: the cleaned camera from log-in on, looked after by systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import RtdenoiseError

if TYPE_CHECKING:
    from ..cli import Settings

NAME = "rtdenoise.service"
_WORDS = ("live", "--on-demand")  # what the service runs, before the options of one's own

_UNIT = """\
[Unit]
Description=rtdenoise: the cleaned picture of the camera, as a virtual camera
Documentation=man:systemd.service(5)
# It is tried again for ever: the camera may be plugged in tomorrow.
StartLimitIntervalSec=0

[Service]
ExecStart={command}
Environment=NO_COLOR=1 PYTHONUNBUFFERED=1
Restart=on-failure
RestartSec=10
# A film is finished first.
TimeoutStopSec=30

[Install]
WantedBy=default.target
"""


@click.group(name="service")
def command() -> None:
    """Run live in the background from log-in on.

    \b
      rtdenoise service install
      rtdenoise service install -- --camera /dev/video2 --strength medium
      rtdenoise service status
      rtdenoise service remove
    """


@command.command(name="install", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF LIVE]")
@click.pass_obj
def install(settings: Settings, options: tuple[str, ...]) -> None:
    """Start live now and at every log-in, and again when it fails; OPTIONS are those of live.

    What is installed already is replaced.
    """
    from ..console import say
    from ..files import write_bytes
    from .live import command as live

    # Wrong options are told here, and not in a journal that nobody reads.
    live.make_context("rtdenoise live", list(options))
    words = command_line(settings.home, options)
    if not sys.platform.startswith("linux"):
        raise _elsewhere(words)
    _need_systemd(words)
    write_bytes(unit_path(), _UNIT.format(command=" ".join(map(quoted, words))).encode())
    try:
        _systemctl("daemon-reload")
        _systemctl("enable", NAME)
        _systemctl("restart", NAME)
    except RtdenoiseError:
        unit_path().unlink(missing_ok=True)  # what can't be started isn't installed
        raise
    say(
        "[green]✓[/] It runs now, and from every log-in on. [bold]rtdenoise service status[/] tells how it goes."
    )


@command.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for scripts.")
def status(as_json: bool) -> None:
    """Say whether it runs, and what it said last."""
    from ..console import show, show_json

    _need_systemd()
    installed = unit_path().exists()
    active = _asked("is-active")
    enabled = _asked("is-enabled") == "enabled"
    said = _journal()
    if as_json:
        show_json({"installed": installed, "at_log_in": enabled, "state": active, "said": said})
        return
    if not installed:
        show("It is not installed. [bold]rtdenoise service install[/] does that.")
        return
    state = {
        "active": "It runs",
        "activating": "It is tried again every 10 seconds, because it failed",
        "failed": "It failed and does not run",
    }.get(active, "It does not run")
    show(f"{state}; {'it starts at log-in' if enabled else 'it does not start at log-in'}.")
    for line in said:
        show("  {}", line)


@command.command(name="remove")
def remove() -> None:
    """End it, and don't start it any more."""
    from ..console import say

    if not sys.platform.startswith("linux"):
        _need_systemd()
    if not unit_path().exists():
        say("It is not installed.")
        return
    try:
        _need_systemd()
        _systemctl("disable", "--now", NAME)
    finally:
        unit_path().unlink()  # also where systemd can't be asked: it won't find it any more
    _systemctl("daemon-reload")
    say("[green]✓[/] It has ended, and does not start any more.")


def unit_path() -> Path:
    """Where systemd looks for the user's own units."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user" / NAME


def command_line(home: Path | None, options: tuple[str, ...]) -> list[str]:
    """The words that start live with this very installation."""
    where = [] if home is None else ["--home", str(home.absolute())]
    return [sys.executable, "-m", "rtdenoise", *where, *_WORDS, *options]


def quoted(word: str) -> str:
    """A word of ExecStart= that systemd takes as it is; see systemd.service(5), "Command lines".

    Raises:
        RtdenoiseError: it holds a line break, which a unit can't.
    """
    if "\n" in word or "\r" in word:
        raise RtdenoiseError(f"{word!r} holds a line break.", "Write it without one.")
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"'


def _need_systemd(words: list[str] | None = None) -> None:
    if not sys.platform.startswith("linux"):
        raise _elsewhere(words or command_line(None, ()))
    if shutil.which("systemctl") is None:
        line = " ".join(words or command_line(None, ()))
        raise RtdenoiseError(
            "There is no systemd on this machine.", f"Let your desktop start this at log-in: {line}"
        )


def _elsewhere(words: list[str]) -> RtdenoiseError:
    """What to do on the systems whose way docs/service.md describes."""
    line = subprocess.list2cmdline(words)
    if sys.platform == "win32":
        task = line.replace('"', '\\"')
        return RtdenoiseError(
            "On Windows the task scheduler starts programs at log-in.",
            f'Run: schtasks /Create /SC ONLOGON /TN rtdenoise /TR "{task}"',
        )
    return RtdenoiseError(
        "Here, launchd starts programs at log-in.",
        f"Make a launch agent as docs/service.md shows, for: {line}",
    )


def _systemctl(*words: str) -> None:
    """Runs systemctl for this user.

    Raises:
        RtdenoiseError: it failed, with what it said.
    """
    done = _user("systemctl", *words)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise RtdenoiseError(
            f"systemctl --user {' '.join(words)} failed: {said.rstrip('.')}.",
            "Log in at the machine itself (not with su or sudo), and run it again.",
        )


def _asked(question: str) -> str:
    return _user("systemctl", question, NAME).stdout.strip()


def _journal() -> list[str]:
    """The last sentences in the journal."""
    if shutil.which("journalctl") is None:
        return []
    words = ("--unit", NAME, "--lines", "10", "--output", "cat", "--no-pager", "--quiet")
    return [line for line in _user("journalctl", *words).stdout.splitlines() if line.strip()]


def _user(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "--user", *words], capture_output=True, text=True, check=False, timeout=60
    )
