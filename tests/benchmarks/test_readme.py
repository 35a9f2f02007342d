"""The list of benchmarks names commands, options, tables and pictures that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^\| `((?:app|archive|capture|evaluate|speed|live|noise|files|training)\.\w+)([^`]*)` \| (.*?) \|",
    README,
    re.MULTILINE,
)


def test_every_program_is_listed_with_options_that_it_has() -> None:
    folder = ROOT / "benchmarks"
    programs = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.glob("*/*.py")
        if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
    }
    assert {name for name, _, _ in COMMANDS} == programs - {"live.vapoursynth_filters"}
    for name, options, _ in COMMANDS:
        source = (folder / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
        for option in re.findall(r"--[\w-]+", options):
            assert f'"{option}"' in source, f"{name} has no {option}"


def test_every_table_and_picture_of_the_pages_is_made_by_a_command() -> None:
    makes = " ".join(made for _, _, made in COMMANDS)
    docs = ROOT / "docs"
    for page in docs.glob("*.md"):
        for name in re.findall(r"^<!-- ([\w-]+) -->$", page.read_text(encoding="utf-8"), re.M):
            assert f"`{name}`" in makes
            assert f"`docs/{page.name}`" in makes
    for path in docs.iterdir():
        if path.suffix != ".md":
            assert f"`docs/{path.name}`" in README
    for name in re.findall(r"`(docs/[\w./-]+)`", README):
        assert (ROOT / name).exists()
