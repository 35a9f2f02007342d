"""Options that several commands share, so that they read the same everywhere. Light to import."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


class FilePath(click.Path):
    """A path, as a :class:`~pathlib.Path`; ``~`` at its beginning is the user's folder, also where no shell says so."""

    def __init__(self, *, dir_okay: bool = True, file_okay: bool = True) -> None:
        super().__init__(path_type=Path, dir_okay=dir_okay, file_okay=file_okay, allow_dash=True)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The path; refuses a folder or file where it can't be one."""
        try:
            return super().convert(os.path.expanduser(value), param, ctx)
        except (OSError, ValueError) as error:  # a name that is too long, say
            self.fail(f"{value}: {getattr(error, 'strerror', None) or error}", param, ctx)


camera_option = click.option(
    "--camera",
    metavar="C",
    help="A device path, a name or a camera id; pipewire[:NAME]; file:PATH; simulated[:SCENE]. Default: the only "
    "camera.",
)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps", "xpu"]),
    default="auto",
    show_default=True,
    help="Where networks run.",
)

threads_option = click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    help="How many CPU cores cleaning may take. Default: all but one, which is the call's, but at least two, at most "
    "four.",
)


def in_a_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A file to be written, whose folder must be there: a folder that was mistyped isn't made.

    Raises:
        click.BadParameter: it isn't.
    """
    if value is not None and not os.path.isdir(value.parent):
        raise click.BadParameter(f"The folder {value.parent} does not exist.", ctx, param)
    return value


json_file_option = click.option(
    "--json",
    "json_path",
    callback=in_a_folder,
    type=FilePath(dir_okay=False),
    metavar="F",
    help="Write the figures to this file as JSON; - for standard output, in place of the table.",
)

# Below half, noise is hardly seen to become less: what is mixed in again is the amplitude.
STRENGTHS = {"light": 0.5, "medium": 0.75, "strong": 1.0}


class Amount(click.FloatRange):
    """A number above nothing that is finite and no more than ``most``; ``unit`` says of what."""

    def __init__(self, unit: str, most: float, least: float = 0.0) -> None:
        super().__init__(min=least, max=most, min_open=least == 0)
        self.name = unit

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; refuses what isn't one (``nan``) and what never ends."""
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number of {self.name}.", param, ctx)
        return found


class Seconds(Amount):
    """A length of time in seconds: more than nothing, and not for ever."""

    def __init__(self) -> None:
        super().__init__("seconds", most=1e8)  # three years


class Rate(Amount):
    """Frames per second."""

    def __init__(self) -> None:
        super().__init__("frames per second", least=0.001, most=1000)


def parse_strength(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    """Turns "light" or "0.6" into a number from 0 to 1.

    Raises:
        click.BadParameter: it is neither a word of ``STRENGTHS`` nor such a number.
    """
    word = value.strip().lower()
    return STRENGTHS[word] if word in STRENGTHS else _portion(value, ", ".join(STRENGTHS))


def parse_brighten(_ctx: click.Context, _param: click.Parameter, value: str) -> float | str:
    """Turns "0.3" into a number from 0 to 1; "auto" stays.

    Raises:
        click.BadParameter: it is neither.
    """
    word = value.strip().lower()
    return word if word == "auto" else _portion(value, "auto")


def _portion(value: str, words: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise click.BadParameter(f"{value!r} is not {words}, or a number from 0 to 1.")
    return number


strength_option = click.option(
    "--strength",
    callback=parse_strength,
    default="strong",
    show_default=True,
    metavar="S",
    help="How much of the noise to remove: "
    + ", ".join(f"{word} ({share:g})" for word, share in STRENGTHS.items())
    + ", or a number; 0 gives the camera's bytes, bit for bit.",
)


def network_options(function: F) -> F:
    """Adds ``--network`` and ``--any-camera``."""
    network = click.option(
        "--network",
        metavar="NAME",
        help="none, recursive, a live network (nano, small, …: the camera's own where it was calibrated), paper, or a "
        ".safetensors file. Default: the best there is.",
    )
    any_camera = click.option(
        "--any-camera", is_flag=True, help="Use a network although it was made for another camera."
    )
    return network(any_camera(function))


_LONGEST_SIDE = 8192  # of virtual cameras too; no webcam has more


def parse_size(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Turns "1920x1080" into (1920, 1080).

    Raises:
        click.BadParameter: it isn't two even numbers from 16 to 8192.
    """
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", value.strip().lower())
    if match is None:
        raise click.BadParameter(f"{value!r} is not a size such as 1920x1080.")
    width, height = int(match[1]), int(match[2])
    if min(width, height) < 16 or max(width, height) > _LONGEST_SIDE:
        raise click.BadParameter(
            f"{value!r}: width and height must be from 16 to {_LONGEST_SIDE} pixels."
        )
    if width % 2 or height % 2:
        raise click.BadParameter(f"{value!r}: width and height must be even.")
    return width, height
