"""The page on quality and speed: its words, all from what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..live.peers import Figures
from ..live.rate import Called, WholePath
from .methods import PAPER
from .peers import HQDN3D, HQDN3D_TIME
from .quality import ONE_FRAME
from .rows import Row, clip_title, losses
from .tables import call_table, clips_table, margins_table, speed_table
from .timing import FRAMES

PLOT = "quality-and-speed.png"

_PRELIMINARY = """\
> **Preliminary.** The times on this page come from a machine that was busy with other things: ratios hold roughly,
> the figures themselves don't."""
_NOTES = """\
Figures in dB are luma PSNR against the truth, means over the clips. Frames/s, ms and CPU time are those of the filter
alone; *with decoding* a second thread decodes the frames from Motion JPEG beside it (not measured for what takes more
than a second of CPU time). *Keeps up*: 30 frames/s with decoding. *Waits for*: frames from the future, each of which
adds 33 ms to a call's delay."""
_CALL = """\
{width} × {height} Motion JPEG, 4:2:2, {kb:.0f} kB per frame, from a file to nothing: decoding, conversion to 4:2:0,
cleaning and publishing in the live loop. `rtdenoise live` is run as a user starts it; the camera's noise is known, as
after calibration: it was measured on another scene. The first row is the live loop without pacing for ten seconds at
most; the others are that program with the frames coming at 30 a second."""
_CLIPS_NOTE = """\
Luma PSNR in dB, whole frame / what moves / what stands still; in brackets the peer's best strengths, for the whole
frame and for what moves."""
_CLIPS = """\
- **Clips.** The simulated camera knows its own truth: {clips}.
  Motion JPEG 4:2:2 as a webcam sends it, and something moves in each. No network was trained on this sensor or these
  seeds, no setting chosen on them. All nine combinations of scene and noise are on the
  [page on live networks](live-networks.md).
- **Quality.** Luma PSNR in the frames {frames}, counted from 0. *Moving* is the subject's silhouette, *still* all the
  rest. Ours start with the first frame, see no later one, and get the camera's noise as measured on another scene.
- **Peers at their best.** The strength of each is searched for on a ladder, in each clip, on the middle judged frame
  itself, once for the whole frame and once for what moves: nobody who uses them can do that, for it takes the truth."""
_SINGLE = """\
- **One frame only.** Of each clip only frame {frame} is judged for {names}, which {verb} slow."""
_PAPER = """\
- **{name}** is given in one view, not eight. It was trained for {minutes} minutes on one core,
  on 20 still frames of another scene, one network for each clip. That is far too short: its quality here says what a
  few minutes are worth, not what the network can do. Its speed is reckoned from one tile."""
_SPEED = """\
- **Speed.** Each method has a process of its own and as many threads as it takes by itself (ours: as in `rtdenoise
  live`). They work in turns of a second or two, while the others wait, on frames of the desk at high noise. Setting up
  is not counted. Ours copy each result, as the live loop does. Memory is the most that the process took, Python,
  libraries and {frames} frames (50 MB at 1920 × 1080) included."""
_HQDN3D = """\
- **hqdn3d** runs inside the `ffmpeg` program: its times are FFmpeg's own, its memory and CPU time those of that
  program, without Python. *Mostly over time* is the same filter with a quarter of the strength in space. FFmpeg's other
  filters run through PyAV, one frame at a time."""


@dataclass(frozen=True)
class Report:
    """All that the page tells.

    ``skipped`` says by name why a method is missing; ``paper_s`` by clip for how long the paper's network was trained.
    """

    rows: Sequence[Row]
    noisy: dict[str, Figures]
    size: tuple[int, int]
    judged: tuple[int, ...]
    machine: dict[str, Any]
    whole_path: WholePath | None
    skipped: dict[str, str]
    paper_s: dict[str, float]
    command: str
    preliminary: bool = False


def page(report: Report) -> str:
    """The whole page in Markdown."""
    width, height = report.size
    clips = joined(map(clip_title, report.noisy))
    behind = "\n".join(f"- {line}" for line in losses(report.rows))
    parts = [
        "# Quality and speed",
        _PRELIMINARY if report.preliminary else "",
        f"Ours and other programs' filters on the same {width} × {height} frames, all in one run. This page is made by",
        f"```\n{report.command}\n```",
        f"![Frames per second against luma PSNR]({PLOT})",
        f"*Measured on: {machine_text(report.machine)} Means over the clips {clips}.*",
        "## The table",
        speed_table(report.rows),
        _NOTES,
        "\n".join(f"- Left out: {name}, for {why}." for name, why in report.skipped.items()),
        "## By how much `nano` is ahead",
        margins_table(report.rows, list(report.noisy)),
        "**Where it is not ahead:**",
        behind or "Nowhere, of the methods and clips on this page.",
    ]
    if report.whole_path is not None:
        live = report.whole_path
        parts += [
            "## A whole call",
            _CALL.format(width=width, height=height, kb=live.packet_kb),
            call_table(live),
            verdicts(live.called, live.throughput_fps),
        ]
    parts += [
        "## Every clip",
        clips_table(report.rows, report.noisy),
        _CLIPS_NOTE,
        "## How it was measured",
        _method_text(report, clips),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdicts(live: Called, throughput_fps: float) -> str:
    """What of a call's needs is met, in a sentence."""
    checks = {
        "30 frames/s with decoding": throughput_fps >= 30,
        "no frame dropped": live.dropped == 0,
        "95 % of the frames within 50 ms": live.delay_p95_ms < 50,
        "under 700 MB": live.memory_mb is not None and live.memory_mb < 700,
        "the first clean frame within 3 s": live.startup_s <= 3,
    }
    met = [name for name, good in checks.items() if good]
    missed = [name for name, good in checks.items() if not good]
    text = f"Met: {', '.join(met)}. " if met else ""
    return (text + (f"**Missed: {', '.join(missed)}.**" if missed else "")).strip()


def machine_text(machine: dict[str, Any]) -> str:
    """The machine and the versions in one sentence."""
    packages = ", ".join(f"{name} {value}" for name, value in machine["versions"].items() if value)
    return (
        f"{machine['cpu']}, {machine['cores']} cores; {packages}. "
        f"nano runs on: {machine['engine']}. Before the start other things kept {machine['load']:.2f} cores busy."
    )


def joined(words: Iterable[str]) -> str:
    """A list in words."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _method_text(report: Report, clips: str) -> str:
    names = [row.name for row in report.rows]
    single = [name for name in ONE_FRAME if name in names]
    lines = [_CLIPS.format(clips=clips, frames=joined(map(str, report.judged)))]
    if single:
        frame = report.judged[len(report.judged) // 2]
        verb = "are" if len(single) > 1 else "is"
        lines.append(_SINGLE.format(names=joined(single), verb=verb, frame=frame))
    if report.paper_s:
        minutes = joined(f"{seconds / 60:.1f}" for seconds in report.paper_s.values())
        lines.append(_PAPER.format(name=PAPER.capitalize(), minutes=minutes))
    lines.append(_SPEED.format(frames=FRAMES))
    if any(name in (HQDN3D, HQDN3D_TIME) for name in names):
        lines.append(_HQDN3D)
    return "\n".join(lines)
