"""The comparison as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtdenoise.console import plain, show

from .run import Evaluation

_CLASSES = ("flat", "textured", "edge")
_TITLES = {"unseen": "unseen scenes", "seen": "seen scenes"}
_GAINS = {"unseen": "in unseen", "seen": "in seen"}


def show_table(evaluation: Evaluation) -> None:
    """Prints the table: the camera, then the methods, best first. Those with the same letter can't be told apart."""
    from rich.box import SIMPLE
    from rich.table import Table

    facts = evaluation.facts
    rows = facts["methods"]
    places = list(rows[0]["places"])
    title = f"{plain(facts['camera'])}: uPSNR of luma in dB (95 % interval), {len(facts['series'])} series"
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1), pad_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("setting", no_wrap=True)
    table.add_column("tie", no_wrap=True)
    table.add_column(_TITLES[places[0]], justify="right", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    for place in places[1:]:
        table.add_column(_GAINS[place], justify="right", no_wrap=True)
    for kind in _CLASSES:
        table.add_column(kind, justify="right", no_wrap=True)
    known = rows[0]["places"][places[0]]["true_psnr_db"] is not None
    if known:
        table.add_column("true", justify="right", no_wrap=True)
    table.add_column("PSNR to mean", justify="right", no_wrap=True)
    table.add_column("ms/frame", justify="right", no_wrap=True)
    letters = {
        name: chr(ord("a") + i) if i < 26 else ""
        for i, group in enumerate(facts["ties"])
        for name in group
    }
    for row in rows:
        table.add_row(*_cells(row, places, letters.get(row["name"], ""), known))
    show(table)
    for comparison in facts["comparisons"]:
        if comparison["place"] == places[0] and comparison["a"] == "paper":
            show("{}", sentence(comparison))


def sentence(comparison: Mapping[str, Any]) -> str:
    """A comparison in words."""
    a, b, found = comparison["a"], comparison["b"], comparison["difference_db"]
    over = comparison["over_scenes_db"]
    widest = found if over is None else over
    numbers = f"{widest['value']:+.2f} dB ({widest['low']:+.2f} … {widest['high']:+.2f})"
    if comparison["verdict"] == "tie":
        return f"{a} and {b} can't be told apart: {numbers}, {_TITLES[comparison['place']]}."
    return f"{a} is {comparison['verdict']} than {b}: {numbers}, {_TITLES[comparison['place']]}."


def _cells(row: Mapping[str, Any], places: list[str], letter: str, known: bool) -> list[str]:
    camera = row["kind"] == "camera"
    cells = [f"[bold]{plain(row['name'])}[/]", plain(row["setting"]), letter]
    for place in places:
        figures = row["places"][place]
        upsnr, gain = figures["upsnr_db"], figures["gain_db"]
        if place == places[0]:
            cells.append(f"{upsnr['value']:.2f} ({upsnr['low']:.1f}…{upsnr['high']:.1f})")
        colour = "green" if gain["low"] > 0 else "red" if gain["high"] < 0 else "yellow"
        cells.append("" if camera else f"[{colour}]{gain['value']:+.2f}[/]")
    first = row["places"][places[0]]
    split = first["split"]
    for kind in _CLASSES:
        there = kind in split and not camera
        cells.append(f"{split[kind]['gain_db']['value']:+.2f}" if there else "")
    if known:
        cells.append(f"{first['true_psnr_db']:.2f}")
    cells.append(f"{first['psnr_to_mean_db']:.2f} ({first['psnr_bias_db']:+.2f})")
    cells.append("" if camera else f"{row['ms_per_frame']:.{row['ms_per_frame'] < 100:d}f}")
    return cells
