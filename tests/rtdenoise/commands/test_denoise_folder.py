"""`rtdenoise denoise` of a folder into another: what the copies are called, and what of them is said."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result

from rtdenoise.arrays import Bytes
from rtdenoise.cli import Settings
from rtdenoise.commands.denoise import command


def denoise(home: Path, *args: object) -> Result:
    words = [*(str(arg) for arg in args), "--network", "none"]
    settings = Settings(home=home)
    return CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)


def plain(level: int, samples: int = 3) -> Bytes:
    return np.full((16, 24, samples), level, np.uint8)


def save(path: Path, picture: Bytes) -> None:
    """In the format that the name says; what ends in two suffixes goes by the last one."""
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())


def test_no_copy_is_written_over_another(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    source.mkdir()
    names = ["a.bmp", "a.png", "a.bmp.png", "a.tif", "a.ppm", "a.ppm-2.png", "b.BMP", "b.tif"]
    for n, name in enumerate(names):
        save(source / name, plain(10 + 20 * n))
    result = denoise(tmp_path, source, f"{out}/")
    assert "8 pictures, each by itself" in result.output
    levels = {}
    for path in out.iterdir():
        found = cv2.imread(str(path))
        assert found is not None
        levels[path.name] = int(found[0, 0, 0])
    assert sorted(levels.values()) == [10 + 20 * n for n in range(len(names))]
    for n, name in enumerate(names):
        if name.endswith(".png"):
            assert levels[name] == 10 + 20 * n
    assert {"b.png", "b.tif.png"} <= set(levels)


def test_names_that_differ_in_capitals_only_are_one(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    source.mkdir()
    for n, name in enumerate(("A.PNG", "a.bmp")):
        save(source / name, plain(100 + n))
    denoise(tmp_path, source, f"{out}/")
    assert sorted(p.name for p in out.iterdir()) == ["A.PNG", "a.bmp.png"]


def test_what_pictures_lost_is_summed_up(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    source.mkdir()
    for n in range(5):
        cv2.imwritemulti(str(source / f"{n}.tif"), [plain(100), plain(120)])
    save(source / "plain.png", plain(90))
    result = denoise(tmp_path, source, f"{out}/")
    lines = [line for line in result.stderr.splitlines() if "Not carried over" in line]
    assert lines == ["Not carried over: 1 further picture (0.tif, 1.tif, 2.tif and 2 others)."]
