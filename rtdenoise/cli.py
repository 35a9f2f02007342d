"""The command line's root.

Commands are found through the entry-point group ``rtdenoise.commands``, so this module imports none of
them: ``rtdenoise --help`` stays quick, and anyone's package can add a command.
"""

from __future__ import annotations

import io
import math
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import click

from . import charset
from .console import to_nowhere
from .errors import RtdenoiseError, is_out_of_memory, refused_by_system
from .options import FilePath
from .version import __version__

_ORDER = (
    "demo",
    "devices",
    "doctor",
    "capture",
    "calibrate",
    "live",
    "app",
    "service",
    "denoise",
    "evaluate",
    "bench",
)

_ONCE_S = 2.0  # so long after Ctrl-C another one is taken for the same wish


@dataclass(frozen=True)
class Settings:
    """What the options before the command's name say; ``click.Context.obj`` of every command."""

    home: Path | None = None
    verbose: bool = False


class Commands(click.Group):
    """A group whose commands are the installed entry points of ``rtdenoise.commands``."""

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group="rtdenoise.commands")}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer needs them, others after them."""
        names = self._entry_points()
        known = [name for name in _ORDER if name in names]
        return known + sorted(set(names) - set(known))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads one command."""
        point = self._entry_points().get(cmd_name)
        if point is None:
            return None
        command = point.load()
        if not isinstance(command, click.Command):
            raise TypeError(f"{point.value} is not a click command")
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=FilePath(),
    envvar="RTDENOISE_HOME",
    help="Folder for profiles (clips, noise models, networks) instead of the user's data directory.",
)
@click.option("--verbose", is_flag=True, help="Show a traceback when something fails.")
@click.version_option(__version__, package_name="rtdenoise")
@click.pass_context
def group(ctx: click.Context, home: Path | None, verbose: bool) -> None:
    """Makes any webcam look like a good one.

    Film a few still scenes with your camera, let rtdenoise learn its noise, and use the cleaned stream in
    your video calls:

    \b
      rtdenoise capture --seconds 30
      rtdenoise calibrate
      rtdenoise live
    """
    ctx.obj = Settings(home, verbose)


def main(args: list[str] | None = None) -> None:
    """Runs the command line: exit code 0 = done, 1 = it failed and said why, 2 = wrong usage."""
    _end_as_after_ctrl_c()
    charset.register()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the start: what is said goes nowhere
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=charset.ERRORS)
    code = _flushed(run(sys.argv[1:] if args is None else args))
    with suppress(ValueError):  # in another thread than Python's first
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: the end is not to fail
    if any(thread.daemon for thread in threading.enumerate()):
        # One that is still at work in a library's C++ (a network that is being made, a read that hangs in a driver)
        # would abort the program while Python ends. All that is kept is written by now.
        os._exit(code)
    sys.exit(code)


def _flushed(code: int) -> int:
    """Writes out what Python holds back of both outputs; the exit code, which tells of what couldn't be written.

    An output that failed is left for the null device: Python would try once more at its end, and complain.
    """
    for stream in (sys.stderr, sys.stdout):
        try:
            stream.flush()
        except OSError as error:
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                code = code or _output_failed(error)
            to_nowhere(stream)
        except ValueError:  # closed
            continue
    return code


def _end_as_after_ctrl_c() -> None:
    """A request to end (a log-out, a service that is stopped, a closed terminal) is taken for Ctrl-C.

    So what Ctrl-C finishes and keeps is kept then too. What is ignored, after ``nohup``, stays ignored. Requests often
    come in pairs (to a program and to its group; a closed terminal): one is enough, and the others don't interrupt what
    is being finished. Of Ctrl-C only those count that come some time after the one before.
    """
    asked: list[bool] = []
    interrupted_s = -math.inf

    def interrupt(*_: object) -> None:
        nonlocal interrupted_s
        if time.monotonic() - interrupted_s < _ONCE_S:
            return
        interrupted_s = time.monotonic()
        raise KeyboardInterrupt

    def end(*_: object) -> None:
        if asked:
            return
        asked.append(True)
        if (
            signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        ):  # as of a script's jobs in the background
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def run(args: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    verbose = "--verbose" in args
    try:
        result: Any = group.main(args=args, prog_name="rtdenoise", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 1
    except RtdenoiseError as error:
        if verbose:
            traceback.print_exc()
        _say_error(error.message, error.hint)
        return 1
    except Exception as error:  # a defect of ours: still one sentence, and how to report it
        if verbose:
            traceback.print_exc()
        if is_out_of_memory(error):
            _say_error(
                "There is not enough memory for this.",
                "Close other programs, or take a smaller mode.",
            )
            return 1
        if isinstance(error, OSError) and _in_output(error):
            return 0 if isinstance(error, BrokenPipeError) else _output_failed(error)
        refused = refused_by_system(error)
        if refused is not None:
            _say_error(refused.message, refused.hint)
            return 1
        _say_error(
            f"Something unforeseen happened: {type(error).__name__}: {error}",
            "Run it again as rtdenoise --verbose … and report what it prints.",
        )
        return 1


def _in_output(error: OSError) -> bool:
    """Whether an error arose where something was said or shown, and not in the work itself."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")).partition(".")[0] in ("click", "rich")


def _output_failed(error: OSError) -> int:
    _say_error(
        f"Standard output can't be written: {error.strerror}.",
        "What was to be made is there all the same; only its report is missing.",
    )
    return 1


def _say_error(message: str, hint: str) -> None:
    with suppress(OSError):  # nobody reads it
        click.secho("Error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(charset.visible(f"{message} {hint}".rstrip()), err=True)
