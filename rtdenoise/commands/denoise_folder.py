"""`rtdenoise denoise` of a folder of pictures, each by itself, into another folder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ClipError, SinkError, StorageError, writing
from ..files import is_folder, is_protected, user_path

if TYPE_CHECKING:
    from ..denoisers.maker import DenoiserMaker

_KEPT = (".png", ".jpg", ".jpeg")
_TOLD = 3  # names in a sentence


def wants_folder(source: str, output: str) -> bool:
    """Whether IN is a folder and OUT another one: there already, or with a slash at its end."""
    return is_folder(user_path(source)) and (
        output.endswith(("/", "\\")) or is_folder(user_path(output))
    )


def denoise_folder(source: str, output: str, maker: DenoiserMaker, strength: float) -> None:
    """Cleans each picture of a folder by itself; they may differ in size. What can't be read or written is left out.

    Raises:
        ClipError: there is no picture in it, or none can be cleaned.
        SinkError: both are the same folder.
        StorageError: a picture can't be written.
        click.exceptions.Exit: it was stopped.
    """
    from ..cameras.file import FileCamera
    from ..cameras.images import passed_over, pictures_in
    from ..cameras.raw import require_rawpy
    from ..console import counted, progress, show
    from ..stream import transcode
    from ..stream.removal import NEXT_TO_NOTHING

    folder, target = user_path(source), user_path(output)
    paths = pictures_in(folder)
    for remark in passed_over(folder):
        maker.say("[yellow]![/] {}", remark)
    if not paths:
        raise ClipError(f"The folder {source} holds no pictures.", "Check the path.")
    require_rawpy(paths)
    if is_folder(target) and target.resolve() == folder.resolve():
        raise SinkError(
            f"{output} is the folder that the pictures are in.",
            "Name another one for the clean ones.",
        )
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
    cleaned = nothing = 0
    losses = _Losses()
    try:
        with progress("Cleaning each picture by itself", len(paths), "pictures") as ticker:
            for path, name in zip(paths, _names(paths), strict=True):
                try:
                    camera = FileCamera(path)
                    denoiser = maker.for_recording(camera)
                    report = transcode(camera, denoiser, str(target / name), strength=strength)
                except (ClipError, SinkError, StorageError) as error:
                    if isinstance(error, StorageError) and not is_protected(target / name):
                        raise
                    told = str(path) in error.message or str(target / name) in error.message
                    maker.say("Left out: {}", error if told else f"{path}: {error}")
                else:
                    cleaned += 1
                    losses.add(path.name, report.lost)
                    for remark in report.remarks:
                        maker.say("[yellow]![/] {}: {}", path, remark)
                    nothing += strength > 0 and report.removed_std < NEXT_TO_NOTHING
                ticker.advance()
    except KeyboardInterrupt:
        maker.say(
            "Stopped; {} of {} {} in {}.",
            cleaned,
            counted(len(paths), "picture"),
            "is" if cleaned == 1 else "are",
            output,
        )
        raise click.exceptions.Exit(1) from None
    if not cleaned:
        raise ClipError(
            f"None of the {counted(len(paths), 'picture')} in {source} can be cleaned.",
            "Check them.",
        )
    for sentence in losses.sentences():
        maker.say("{}", sentence)
    notes = [f"{counted(cleaned, 'picture')}, each by itself"]
    if cleaned < len(paths):
        notes.append(f"{len(paths) - cleaned} left out")
    if nothing:
        notes.append(
            f"{nothing} of them unchanged or nearly so: no noise can be told from what they show"
        )
    show("[green]✓[/] {}: {}", output, ", ".join(notes))


def _names(paths: list[Path]) -> list[str]:
    """What the clean pictures are called: PNG where the picture's own kind can't be written, and no name twice.

    Names that differ in capitals only count as one: not every disk tells them apart.
    """
    taken = {path.name.casefold() for path in paths if path.suffix.lower() in _KEPT}
    names = []
    for path in paths:
        name = path.name
        if path.suffix.lower() not in _KEPT:
            numbered = (f"{path.name}-{n}.png" for n in count(2))
            tried = chain((f"{path.stem}.png", f"{path.name}.png"), numbered)
            name = next(name for name in tried if name.casefold() not in taken)
            taken.add(name.casefold())
        names.append(name)
    return names


class _Losses:
    """What pictures said that their copies don't, summed up over a folder."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, lost: Sequence[str]) -> None:
        """Takes what was lost of a picture of that name."""
        for what in lost:
            self._names.setdefault(what, []).append(name)

    def sentences(self) -> list[str]:
        """One for each kind of loss, with the first names."""
        told = []
        for what, names in self._names.items():
            more = f" and {len(names) - _TOLD} others" if len(names) > _TOLD else ""
            told.append(f"Not carried over: {what} ({', '.join(names[:_TOLD])}{more}).")
        return told
