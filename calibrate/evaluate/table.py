"""The comparison as a table in the terminal."""

from __future__ import annotations

from rtdenoise.console import plain, show

from .judge import Row
from .run import Evaluation

_CLASSES = ("flat", "textured", "edge")
_TITLES = {"still": "still pixels", "unseen": "of them, unseen places"}


def show_table(evaluation: Evaluation) -> None:
    """Prints the table: best first, the camera itself as the line to beat."""
    from rich.table import Table

    places = list(evaluation.rows[0].places)
    title = f"{plain(evaluation.camera)}: {evaluation.judged} held-out frames, uPSNR of luma in dB (95 % interval)"
    table = Table(title=title, title_justify="left")
    table.add_column("method", no_wrap=True)
    table.add_column("setting", no_wrap=True)
    for name in places:
        table.add_column(_TITLES[name], justify="right", no_wrap=True)
        table.add_column("gain", justify="right", no_wrap=True)
        if name == places[0]:
            for part in _classes(evaluation, name):
                table.add_column(part, justify="right", no_wrap=True)
    table.add_column("PSNR to mean", justify="right", no_wrap=True)
    table.add_column("ms/frame", justify="right", no_wrap=True)
    for row in evaluation.rows:
        table.add_row(*_cells(row, places, _classes(evaluation, places[0])))
    show(table)


def _classes(evaluation: Evaluation, place: str) -> list[str]:
    """The kinds of places that hold enough pixels."""
    split = evaluation.rows[0].places[place].split
    return [name for name in _CLASSES if name in split]


def _cells(row: Row, places: list[str], classes: list[str]) -> list[str]:
    cells = [f"[bold]{plain(row.method)}[/]", plain(row.setting)]
    for name in places:
        upsnr, gain = row.places[name].upsnr_db, row.places[name].gain_db
        cells.append(f"{upsnr.value:.2f} ({upsnr.low:.1f}…{upsnr.high:.1f})")
        colour = "green" if gain.low > 0 else "red" if gain.high < 0 else "yellow"
        shown = f"[{colour}]{gain.value:+.2f}[/] ({gain.low:+.1f}…{gain.high:+.1f})"
        cells.append("" if row.method == "camera" else shown)
        if name == places[0]:
            gains = (row.places[name].split[part].gain_db.value for part in classes)
            cells += ["" if row.method == "camera" else f"{gain:+.2f}" for gain in gains]
    cells.append(f"{row.places[places[0]].psnr_db:.2f}")
    cells.append("" if row.method == "camera" else f"{row.ms_per_frame:.1f}")
    return cells
