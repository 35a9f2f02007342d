"""Every frame, time and tag of a recording comes through ``denoise --network none``, or is said to be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.files.carried import combinations, outcome, page
from benchmarks.files.matrix import TARGETS, Source

CASES = list(combinations())
# What a container has no place for, and the words that tell so.
CAN_NOT = {
    ".mp4": {"attachments", "alpha", "chroma"},
    ".mov": {"attachments", "alpha", "covers", "chroma"},
    ".mkv": {"alpha", "chroma"},
    ".nut": {"attachments", "alpha", "covers", "subtitles"},
    ".avi": {
        *("attachments", "alpha", "covers", "subtitles", "chapters", "creation", "languages"),
        *("defaults", "primaries", "transfer", "bits", "fields"),
    },
}
WORDS = {
    "alpha": "transparency",
    "attachments": "attachment",
    "bits": "bits a sample",
    "chapters": "chapters",
    "chroma": "detail of colours",
    "covers": "cover",
    "creation": "creation_time",
    "defaults": "which stream is the default",
    "fields": "interlaced",
    "languages": "languages",
    "primaries": "primaries",
    "subtitles": "subtitle",
    "transfer": "transfer",
}
NO_SOUND = {".mp4": ("pcm_s16le",), ".mov": ("libopus", "flac"), ".avi": ("libopus", "flac")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


def why_refused(source: Source, says: str, target: str) -> str:
    if target == ".avi" and says in ("hlg", "pq"):
        return "HDR"
    if target == ".avi" and says == "late":
        return "sound begins"
    return "can't hold audio" if source.audio in NO_SOUND.get(target, ()) else ""


def test_there_are_enough() -> None:
    assert len(CASES) >= 200
    assert {target for _, _, target in CASES} == set(TARGETS)


@pytest.mark.parametrize(
    ("source", "says", "target"), CASES, ids=[f"{c[0].name}-{c[1]}-to{c[2]}" for c in CASES]
)
def test_a_copy_says_what_its_recording_says(
    source: Source, says: str, target: str, folder: Path
) -> None:
    found = outcome(source, says, target, folder)
    reason = why_refused(source, says, target)
    assert bool(found.refused) == bool(reason), found.refused
    assert reason in found.refused
    assert set(found.differs) <= CAN_NOT[target], found
    told = ", ".join(found.lost)
    assert [name for name in found.differs if WORDS[name] not in told] == [], told


def test_nothing_is_said_to_be_lost_that_is_there(folder: Path) -> None:
    for source, says, target in CASES:
        if source.suffix == ".mkv" and target == ".mkv" and says != "alpha":
            if "420" not in source.pixel_format:
                continue
            assert outcome(source, says, target, folder).lost == ()


def test_the_page_tells_what_is_lost(folder: Path) -> None:
    some = [c for c in CASES if c[0].suffix == ".mkv" and c[1] in ("nothing", "chapters")]
    text = page([outcome(*case, folder) for case in some])
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:-1] for line in text["carried"].splitlines()
    }
    assert [cell.strip() for cell in rows["chapters"]] == [
        "yes",
        "yes",
        "yes",
        "said to be lost",
        "yes",
    ]
    assert all(cell.strip() == "yes" for cell in rows["frames and their times"])
