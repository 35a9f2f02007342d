"""What does a cleaned copy keep of what a recording says about itself? Containers × codecs × what they say × outputs.

    python -m benchmarks.files.carried --page docs/what-is-carried.md

Each small recording of ``matrix`` goes through ``rtdenoise denoise --network none`` into each kind of output, and both
are read back with PyAV. What differs is told; a loss that ``denoise`` doesn't name counts as an error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from rtdenoise.cameras.file import FileCamera
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import SinkError
from rtdenoise.stream.transcode import transcode

from ..common import fill, table
from .matrix import SOURCES, TARGETS, Reading, Source, build, read

_TICK_S = 0.003
_LEVELS = 6.0  # what two lossy codecs, one after the other, may change the mean of a quarter
# Older codes of ISO 639-2 for the same languages, and "undetermined".
_SAME = {"deu": "ger", "fra": "fre", "und": ""}
_SOUND = "can't hold audio"
# Rows of the page: what it is, and which of the recordings say it.
_ROWS = (
    ("frames and their times", None),
    ("times that vary", "uneven"),
    ("a late start, of the sound too", "late"),
    ("colour tags", "colours"),
    ("full range", "full"),
    ("HDR (HLG, PQ)", "hlg"),
    ("10 bits", "10"),
    ("finer colours than 4:2:0", "chroma"),
    ("shape of a pixel", "aspect"),
    ("interlaced", "fields"),
    ("turned or mirrored", "turned"),
    ("several tracks: languages, default", "titles"),
    ("chapters", "chapters"),
    ("subtitles", "subtitles"),
    ("attachments", "attachment"),
    ("cover", "cover"),
    ("transparency", "alpha"),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one copy came to: what differs, what was said to be lost, or why it was refused."""

    source: Source
    says: str
    target: str
    differs: tuple[str, ...]
    lost: tuple[str, ...]
    refused: str = ""


def combinations() -> Iterator[tuple[Source, str, str]]:
    """Each recording, what it says, and the suffix of its copy."""
    for source in SOURCES:
        for says in source.says:
            for target in TARGETS:
                yield source, says, target


def outcome(source: Source, says: str, target: str, folder: Path) -> Outcome:
    """Makes one copy in ``folder``, where the recording is kept for the next one."""
    path = folder / f"{says}-{source.name}"
    if not path.exists():
        build(source, says, path)
    copy = folder / f"{says}-{source.codec}-{source.suffix[1:]}-copy{target}"
    try:
        report = transcode(FileCamera(path), Passthrough(), str(copy))
    except SinkError as error:
        return Outcome(source, says, target, (), (), str(error))
    try:
        return Outcome(
            source, says, target, differences(read(path), read(copy), target), report.lost
        )
    finally:
        copy.unlink(missing_ok=True)


def differences(before: Reading, after: Reading, target: str) -> tuple[str, ...]:
    """What the copy doesn't say, or shows otherwise."""
    found = []
    if len(before.times_s) != len(after.times_s):
        found.append("frames")
    elif not all(abs(a - b) < _TICK_S for a, b in zip(_since(before), _since(after), strict=True)):
        found.append("times")
    elif any(
        abs(a - b) > _LEVELS
        for one, other in zip(before.shown, after.shown, strict=True)
        for a, b in zip(one, other, strict=True)
    ):
        found.append("shown")
    if len(before.sound_late_s) != len(after.sound_late_s) or any(
        abs(a - b) > 0.03 for a, b in zip(before.sound_late_s, after.sound_late_s, strict=True)
    ):
        found.append("sound")
    if target != ".avi" and before.colours[2] != after.colours[2]:
        found.append("matrix")
    if target != ".avi" and (before.colours[3] == 2) != (after.colours[3] == 2):
        found.append("range")
    for index, name in enumerate(("primaries", "transfer")):
        if before.colours[index] != after.colours[index]:
            found.append(name)
    if [_known(x) for x in before.languages] != [_known(x) for x in after.languages]:
        found.append("languages")
    if before.names != after.names:
        found.append("names")
    if before.fields != after.fields and "progressive" in (before.fields, after.fields):
        found.append("fields")
    if any(before.defaults) and len(before.defaults) > 1 and before.defaults != after.defaults:
        found.append("defaults")
    if before.chroma > after.chroma:
        found.append("chroma")
    if not _chapters_agree(before, after):
        found.append("chapters")
    words = [[word for _, word in reading.words] for reading in (before, after)]
    late = any(abs(a[0] - b[0]) > 0.03 for a, b in zip(before.words, after.words, strict=False))
    if words[0] != words[1] or late:
        found.append("subtitles")
    names = (
        "size",
        "bits",
        "aspect",
        "title",
        "creation",
        "attachments",
        "covers",
        "alpha",
    )
    found += [name for name in names if getattr(before, name) != getattr(after, name)]
    return tuple(found)


def _since(reading: Reading) -> list[float]:
    return [time - reading.times_s[0] for time in reading.times_s]


def _known(language: str) -> str:
    return _SAME.get(language, language)


def _chapters_agree(before: Reading, after: Reading) -> bool:
    return len(before.chapters) == len(after.chapters) and all(
        one[2] == other[2] and abs(one[0] - other[0]) < 0.01 and abs(one[1] - other[1]) < 0.01
        for one, other in zip(before.chapters, after.chapters, strict=True)
    )


def page(outcomes: list[Outcome]) -> dict[str, str]:
    """The tables of the page by their names: what each output keeps, and how each recording fared."""
    rows = []
    for label, says in _ROWS:
        row = [label]
        for target in TARGETS:
            of = [o for o in outcomes if o.target == target and _about(o, says)]
            row.append(_verdict(of, says))
        rows.append(row)
    rows.append(["sound", *(_sound([o for o in outcomes if o.target == t]) for t in TARGETS)])
    kept = table(["", *(f"`{target}`" for target in TARGETS)], rows)
    lines = []
    for source in SOURCES:
        of = [o for o in outcomes if o.source == source]
        line = [f"`{source.suffix}` {source.codec}, {source.pixel_format}, {source.audio}"]
        for target in TARGETS:
            line.append(_summary([o for o in of if o.target == target]))
        lines.append(line)
    return {"carried": kept, "copies": table(["recording", *(f"`{t}`" for t in TARGETS)], lines)}


def _about(outcome: Outcome, says: str | None) -> bool:
    if says == "10":
        return "10le" in outcome.source.pixel_format
    if says == "chroma":
        return "420" not in outcome.source.pixel_format
    if says == "hlg":
        return outcome.says in ("hlg", "pq")
    return outcome.says == says if says is not None else outcome.says == "nothing"


_CONCERNS = {
    None: ("frames", "times", "shown"),
    "uneven": ("frames", "times"),
    "late": ("times", "sound"),
    "colours": ("matrix", "primaries", "transfer", "shown"),
    "full": ("range", "shown"),
    "hlg": ("matrix", "primaries", "transfer", "shown"),
    "10": ("bits",),
    "aspect": ("aspect",),
    "fields": ("fields",),
    "turned": ("size", "shown"),
    "titles": ("languages", "defaults", "sound"),
    "attachment": ("attachments",),
    "cover": ("covers",),
}


def _verdict(outcomes: list[Outcome], says: str | None) -> str:
    """What becomes of one thing in one kind of output; sound that doesn't fit has a row of its own."""
    concerns = _CONCERNS.get(says, (says,))
    fit = [o for o in outcomes if _SOUND not in o.refused]
    if not fit:
        return "no such copy"
    if all(o.refused for o in fit):
        return "refused"
    lost = {name for o in fit for name in o.differs} & set(concerns)
    if not lost:
        return "yes"
    return (
        "said to be lost" if len(concerns) == 1 else f"said to be lost: {', '.join(sorted(lost))}"
    )


def _sound(outcomes: list[Outcome]) -> str:
    refused = sorted({o.source.audio for o in outcomes if _SOUND in o.refused})
    return f"refused: {', '.join(refused)}" if refused else "yes"


def _summary(outcomes: list[Outcome]) -> str:
    refused = sum(bool(o.refused) for o in outcomes)
    lost = sorted({name for o in outcomes for name in o.differs})
    parts = ["all"] if not lost and not refused else []
    if lost:
        parts.append(f"without {', '.join(lost)}")
    if refused:
        parts.append(f"{refused} of {len(outcomes)} refused")
    return "; ".join(parts)


def main() -> None:
    """Runs all combinations, prints what differs, and fills the tables of a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", type=Path, help="a Markdown page whose tables are filled")
    args = parser.parse_args()
    av.logging.set_level(None)
    outcomes = []
    with TemporaryDirectory() as folder:
        for source, says, target in combinations():
            one = outcome(source, says, target, Path(folder))
            outcomes.append(one)
            if one.differs or one.refused:
                print(f"{source.name} {says} → {target}: {one.differs} {one.lost} {one.refused}")
    print(f"{len(outcomes)} copies")
    if args.page is not None:
        fill(args.page, page(outcomes))


if __name__ == "__main__":
    main()
