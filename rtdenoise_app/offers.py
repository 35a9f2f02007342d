"""What can be chosen: the cameras of this machine, and where their cleaned picture can go."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rtdenoise.cameras import camera_info, find_cameras, open_camera
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.cameras.choice import denied
from rtdenoise.cameras.discovery import denied_cameras, holders, video_nodes
from rtdenoise.cameras.simulated import simulated_info
from rtdenoise.errors import RtdenoiseError
from rtdenoise.sinks import check_output
from rtdenoise.sinks.virtual import virtual_devices

from .problems import Problem, problem, problem_of

_SIMULATED = "simulated"
_SIMULATED_MODES = tuple(f"{size}@30 MJPG" for size in ("1920x1080", "1280x720", "640x360"))


@dataclass(frozen=True)
class Offered:
    """A camera that can be chosen."""

    info: CameraInfo
    modes: tuple[str, ...]
    problem: Problem | None = None

    @property
    def spec(self) -> str:
        """What opens it: a webcam by its id, since a path may be another one's by then."""
        by_id = self.info.kind == "webcam" and not self.info.spec.startswith("pipewire:")
        return self.info.id if by_id else self.info.spec

    def used(self, size: tuple[int, int] | None) -> CameraInfo:
        """Which camera it is in a size: that of the simulated one is another sensor."""
        if self.info.kind != _SIMULATED or size is None:
            return self.info
        return simulated_info(self.info.spec.removeprefix(_SIMULATED), size)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.info.id,
            "name": self.info.name,
            "kind": self.info.kind,
            "modes": list(self.modes),
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Output:
    """Where the cleaned picture can go."""

    id: str
    name: str
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"id": self.id, "name": self.name, "problem": self.problem}


def offered_cameras(named: str | None) -> tuple[Offered, ...]:
    """The cameras: that of the command line first, then the real ones, then those without permission, the simulated.

    Raises:
        CameraError, ClipError: there is none of the name that the command line has, or its file can't be read.
    """
    found = [
        Offered(c.info, tuple(map(mode_text, c.modes)), _busy(c.info))
        for c in find_cameras()
        if c.index == 0
    ]
    if sys.platform.startswith("linux"):
        for node in denied_cameras(video_nodes()):
            closed = CameraInfo(f"denied-{node.number}", node.name, "webcam", node.path)
            found.append(Offered(closed, (), problem_of(denied(node.path))))
    found.append(Offered(simulated_info(""), _SIMULATED_MODES))
    if named is not None:
        info = camera_info(named)
        known = next((c for c in found if info is not None and c.info.id == info.id), None)
        if info is not None and (known is not None or info.kind == _SIMULATED):
            first = Offered(info, known.modes if known else _SIMULATED_MODES)
        else:
            with closing(open_camera(named)) as opened:
                first = Offered(opened.info, (mode_text(opened.mode),))
        found = [first, *(c for c in found if c.info.id != first.info.id)]
    return tuple(found)


def mode_text(mode: Mode) -> str:
    """A mode as pages know it: "1920x1080@30 MJPG"."""
    codec = str(mode).split(" ", 1)[0]
    return f"{mode.width}x{mode.height}@{float(mode.rate_fps):g} {codec}"


def _busy(info: CameraInfo) -> Problem | None:
    if not sys.platform.startswith("linux") or not info.spec.startswith("/dev/"):
        return None
    programs = holders(info.spec)
    if not programs or info.fed_by_program:
        return None
    return problem(f"It is in use by {' and '.join(programs)}.", "Close that program first.")


def offered_outputs() -> tuple[Output, ...]:
    """Virtual cameras: any, each by its name, that of PipeWire; and none at all."""
    found = [Output("virtual", "Virtual camera", _wrong("virtual"))]
    for device in virtual_devices():
        found.append(
            Output(
                f"virtual:{device.label}",
                f"{device.label} ({device.path})",
                _wrong(f"virtual:{device.label}"),
            )
        )
    if sys.platform.startswith("linux"):
        found.append(Output("pipewire", "Camera in PipeWire", _wrong("pipewire")))
    return (*found, Output("null", "None: only look here"))


def _wrong(output: str) -> Problem | None:
    try:
        check_output(output)
    except RtdenoiseError as error:
        return problem_of(error)
    return None


def usable_outputs(wanted: Sequence[str]) -> tuple[tuple[str, ...], list[Problem]]:
    """Those of the wanted outputs that work now, or none but the page's preview; and what is wrong with the others."""
    works, wrong = list[str](), list[Problem]()
    for output in wanted:
        found = _wrong(output)
        if found is None:
            works.append(output)
        else:
            wrong.append(found)
    return tuple(works) or ("null",), wrong
