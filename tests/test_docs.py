"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
HOW = (ROOT / "docs/how-it-works.md").read_text(encoding="utf-8")
ROOMS = {
    path.name + "/" * path.is_dir()
    for path in (ROOT / "rtdenoise").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
} - {"__init__.py", "__main__.py"}


def product() -> str:
    """All of the product's source, without what is built."""
    files = [
        p for folder in ("rtdenoise", "capture", "calibrate") for p in (ROOT / folder).rglob("*")
    ]
    return "\n".join(
        p.read_text(encoding="utf-8") for p in files if p.suffix in (".py", ".c", ".h")
    )


def test_every_room_is_named() -> None:
    told = HOW[HOW.index("## The rooms") : HOW.index("## One frame's way")]
    assert sorted(room for room in ROOMS if f"`{room}`" not in told) == []


def test_every_function_on_a_frames_way_is_there() -> None:
    way = HOW[HOW.index("## One frame's way") : HOW.index("## Learning a camera's noise")]
    source = product()
    words = {word for name in re.findall(r"`([A-Za-z_][\w.]*)`", way) for word in name.split(".")}
    assert len(words) > 30
    assert (
        sorted(
            w
            for w in words
            if not re.search(rf"\b(def|class|EXPORT \w+|static void) {w}\b", source)
        )
        == []
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_files_that_are_named_or_linked_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [x for x in links if x and "://" not in x and not (page.parent / x).exists()]
    for name in re.findall(r"`([\w./-]+/[\w-]+\.(?:py|c|h|inc\.h))`", text):
        places = (ROOT / name, ROOT / "rtdenoise" / name, ROOT / "rtdenoise/engines" / name)
        if not any(place.exists() for place in places):
            missing.append(name)
    assert missing == []
