"""What is wrong, in words for the page: what `rtdenoise doctor` finds, and errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rtdenoise.diagnosis import DEVICES, diagnose
from rtdenoise.errors import RtdenoiseError, is_out_of_memory, refused_by_system

Problem = dict[str, str]
"""``text``: a sentence; ``cure``: what to do, in a sentence; ``command``: what to type for that, may be empty."""

_COMMAND = re.compile(r"(sudo|pip|systemctl|rtdenoise|v4l2-ctl) ")


def problem(text: str, cure: str) -> Problem:
    """One thing that is wrong. A cure that is, or ends in, a command to type is told apart."""
    if _COMMAND.match(cure):
        command, _, more = cure.partition("    (")
        return {"text": text, "cure": more.rstrip(")"), "command": command}
    run = re.fullmatch(r"Run ((?:sudo|rtdenoise|v4l2-ctl) [^,]+?)(, .*)?\.?", cure)
    if run:
        return {"text": text, "cure": (run[2] or "").lstrip(", "), "command": run[1]}
    return {"text": text, "cure": cure, "command": ""}


def problem_of(error: BaseException) -> Problem:
    """An error as a problem; one that nobody foresaw, too."""
    if isinstance(error, RtdenoiseError):
        return problem(error.message, error.hint)
    if isinstance(error, Exception):
        if is_out_of_memory(error):
            return problem("There is not enough memory for this.", "Close other programs.")
        refused = refused_by_system(error)
        if refused is not None:
            return problem(refused.message, refused.hint)
    return problem(
        f"Something unforeseen happened: {type(error).__name__}: {error}", "Please report it."
    )


def device_problems(home: Path | None) -> Iterator[Problem]:
    """What is wrong with cameras, virtual cameras and the folder for profiles."""
    for check in diagnose(home, DEVICES):
        if check.ok is False and check.name == "camera":
            yield problem("No camera is found.", check.cure)
        elif check.ok is False:
            yield problem(f"{check.name[:1].upper()}{check.name[1:]}: {check.text}", check.cure)
