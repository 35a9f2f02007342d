"""Raw files, developed into known colours and levels."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.images import ImagesCamera, pictures_in
from rtdenoise.cameras.raw import RAW_SUFFIXES, is_raw
from rtdenoise.cli import Settings
from rtdenoise.commands.denoise import command
from rtdenoise.errors import ClipError
from tests.dng import Floats, mosaic, srgb, write_dng

Run = Callable[..., Result]
Deep = NDArray[np.uint16]

needs_rawpy = pytest.mark.skipif(
    importlib.util.find_spec("rawpy") is None, reason="the extra rtdenoise[raw] isn't installed"
)

# Linear sRGB of four patches above and four below; no two corners are alike.
PATCHES = (
    ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2), (0.6, 0.1, 0.1), (0.02, 0.02, 0.02)),
    ((0.1, 0.5, 0.15), (0.05, 0.1, 0.6), (0.3, 0.3, 0.05), (0.8, 0.8, 0.8)),
)
SIDE = 32  # pixels of a patch


def scene() -> Floats:
    rows = [[np.full((SIDE, SIDE, 3), colour) for colour in row] for row in PATCHES]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def patches(picture: Deep) -> Floats:
    """The mean of each patch's middle, (2, 4, 3), in levels of 255."""
    parts = picture.reshape(2, SIDE, 4, SIDE, 3)[:, 8:-8, :, 8:-8]
    return np.asarray(parts.mean(axis=(1, 3)) / 257)


def decoded(path: Path) -> Deep:
    """A picture as ``rtdenoise`` reads it: R'G'B' of 16 bits."""
    with closing(FileCamera(path)) as camera:
        (frame,) = camera.frames()
    return np.asarray(frame.reformat(format="rgb48le").to_ndarray(), np.uint16)


@pytest.fixture
def denoise(tmp_path: Path) -> Run:
    settings = Settings(home=tmp_path / "home")

    def run(*args: object) -> Result:
        words = [str(arg) for arg in args]
        return CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)

    return run


@pytest.fixture
def without_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtdenoise.cameras.raw.find_spec", lambda name: None)


@needs_rawpy
def test_patches_have_the_colours_and_levels_that_the_sensor_saw(tmp_path: Path) -> None:
    found = patches(decoded(write_dng(tmp_path / "a.dng", mosaic(scene()))))
    np.testing.assert_allclose(found, srgb(np.array(PATCHES)), atol=0.5)


@needs_rawpy
def test_levels_dont_depend_on_what_else_is_in_the_picture(tmp_path: Path) -> None:
    dark, bright = scene(), scene()
    dark[:, 3 * SIDE :] = 0
    bright[:, 3 * SIDE :] = 1
    one = patches(decoded(write_dng(tmp_path / "a.dng", mosaic(dark))))
    other = patches(decoded(write_dng(tmp_path / "b.dng", mosaic(bright))))
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=0.02)


@needs_rawpy
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_once(tmp_path: Path, orientation: int) -> None:
    source = write_dng(tmp_path / "a.dng", mosaic(scene()), orientation)
    with closing(FileCamera(source)) as camera:
        assert camera.facts.orientation == camera.facts.upright().orientation
    turns: tuple[Callable[[Deep], Deep], ...] = (
        lambda p: p,
        lambda p: p[:, ::-1],
        lambda p: p[::-1, ::-1],
        lambda p: p[::-1],
        lambda p: p.transpose(1, 0, 2),
        lambda p: p.transpose(1, 0, 2)[:, ::-1],
        lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        lambda p: p.transpose(1, 0, 2)[::-1],
    )
    upright = decoded(write_dng(tmp_path / "b.dng", mosaic(scene())))
    np.testing.assert_array_equal(decoded(source), turns[orientation - 1](upright))


@needs_rawpy
def test_a_dng_is_known_by_any_name(tmp_path: Path) -> None:
    named = write_dng(tmp_path / "a.dng", mosaic(scene()))
    other = write_dng(tmp_path / "a.tif", mosaic(scene()))
    np.testing.assert_array_equal(decoded(named), decoded(other))


def test_other_pictures_are_not_raw(tmp_path: Path) -> None:
    for suffix in ("tif", "png"):
        cv2.imwrite(str(tmp_path / f"a.{suffix}"), np.zeros((8, 8, 3), np.uint8))
        assert not is_raw(tmp_path / f"a.{suffix}")
    (tmp_path / "short.tif").write_bytes(b"II*\0\xff\xff\xff\x7f")
    assert not is_raw(tmp_path / "short.tif")
    assert all(is_raw(tmp_path / f"a{suffix.upper()}") for suffix in RAW_SUFFIXES)


@needs_rawpy
def test_one_is_denoised_into_a_picture(denoise: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "photo.dng", tmp_path / "clean.png"
    wall = np.broadcast_to(np.linspace(0.05, 0.7, 320)[:, None], (240, 320, 3))
    write_dng(source, mosaic(wall, noise=200))
    result = denoise(source, out)
    assert "✓" in result.output
    assert "Next to nothing" not in result.output
    assert "Not carried over: EXIF." in result.output
    truth = srgb(wall)
    clean = np.asarray(cv2.imread(str(out)))[..., ::-1]
    before, after = (
        np.sqrt(np.mean((picture - truth) ** 2)) for picture in (decoded(source) / 257, clean)
    )
    assert after < 0.5 * before


@needs_rawpy
def test_a_png_keeps_all_bits_of_one_that_stays_as_it_is(denoise: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "photo.dng", tmp_path / "same.png"
    write_dng(source, mosaic(scene()))
    denoise(source, out, "--network", "none")
    kept = np.asarray(cv2.imread(str(out), cv2.IMREAD_UNCHANGED))
    np.testing.assert_array_equal(kept[..., ::-1], decoded(source))


@needs_rawpy
def test_a_folder_becomes_a_folder_or_a_film(denoise: Run, tmp_path: Path) -> None:
    raws, out, film = tmp_path / "raws", tmp_path / "clean", tmp_path / "film.nut"
    raws.mkdir()
    for number in range(3):
        write_dng(raws / f"{number}.dng", mosaic(scene(), noise=60, seed=number))
    (raws / "3.nef").write_bytes((raws / "0.dng").read_bytes()[:9000])  # was cut off
    result = denoise(raws, f"{out}/")
    assert "3 pictures, each by itself, 1 left out" in result.output
    assert "3.nef is no raw file that LibRaw can develop, or is damaged" in result.output
    assert sorted(p.name for p in out.iterdir()) == ["0.png", "1.png", "2.png"]
    result = denoise(raws, film)
    assert "3.nef is no picture that can be read, and was left out (1 of 4 pictures)" in (
        result.output
    )
    with closing(FileCamera(film)) as camera:
        frames = [frame.to_ndarray(format="rgb24") for frame in camera.frames()]
    assert len(frames) == 3
    for frame in frames:
        found = patches(np.asarray(frame, np.uint16) * 257)
        np.testing.assert_allclose(found[0, :3], srgb(np.array(PATCHES))[0, :3], atol=3)


@needs_rawpy
@pytest.mark.parametrize("size", [0, 100, 400, 9000])
def test_a_damaged_one_ends_in_one_sentence(
    tmp_path: Path, size: int, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = write_dng(tmp_path / "a.dng", mosaic(scene())).read_bytes()
    path = tmp_path / "b.dng"
    path.write_bytes(whole[:size])
    with pytest.raises(ClipError, match=r"b\.dng is no raw file that LibRaw can develop"):
        FileCamera(path)
    assert capfd.readouterr() == ("", "")


@needs_rawpy
def test_any_damage_ends_in_a_picture_or_one_sentence(tmp_path: Path) -> None:
    whole = write_dng(tmp_path / "a.dng", mosaic(scene())).read_bytes()
    ends = []
    for seed in range(12):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(6):
            data[chance.randrange(8, 420)] = chance.choice((0, 1, 255, chance.randrange(256)))
        (tmp_path / "b.dng").write_bytes(data)
        try:
            with closing(FileCamera(tmp_path / "b.dng")) as camera:
                ends.append(len(list(camera.frames())) == 1)
        except ClipError:
            ends.append(False)
    assert set(ends) == {True, False}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_of_libraw_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = tmp_path / "crashing"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("rtdenoise.cameras.raw.find_spec", lambda name: True)
    monkeypatch.setattr(sys, "executable", str(crashing))
    with pytest.raises(ClipError, match="or is damaged"):
        FileCamera(write_dng(tmp_path / "a.dng", mosaic(scene())))


@needs_rawpy
def test_one_with_too_many_pixels_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_dng(tmp_path / "a.dng", mosaic(scene()))
    monkeypatch.setattr("rtdenoise.cameras.decoding.MOST_PIXELS", 1000)
    with pytest.raises(ClipError, match="too many pixels"):
        FileCamera(path)


@pytest.mark.usefixtures("without_rawpy")
def test_without_the_extra_the_cure_is_told(denoise: Run, tmp_path: Path) -> None:
    path = write_dng(tmp_path / "a.dng", mosaic(scene()))
    for given, out in ((path, "a.png"), (tmp_path, "clean/"), (tmp_path, "a.mkv")):
        with pytest.raises(ClipError, match=r'a\.dng is a raw .* pip install "rtdenoise\[raw\]"'):
            denoise(given, f"{tmp_path}/{out}")


@pytest.mark.usefixtures("without_rawpy")
def test_a_jpeg_stands_for_the_raw_file_beside_it_and_that_is_said(
    denoise: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    for number in range(2):
        cv2.imwrite(str(folder / f"DSC{number}.JPG"), np.full((64, 64, 3), 90, np.uint8))
        write_dng(folder / f"dsc{number}.nef", mosaic(scene()))
    assert [p.suffix for p in pictures_in(folder)] == [".JPG", ".JPG"]
    said = "2 raw files were passed over for the JPEG of the same name"
    camera = ImagesCamera(folder)
    assert len(list(camera.frames())) == 2
    assert camera.remarks[0].startswith(said)
    assert said in denoise(folder, f"{tmp_path}/clean/").output
