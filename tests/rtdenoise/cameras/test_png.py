"""Grey PNGs of few bits with transparency, which FFmpeg overlooks."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.png import grey_with_transparency, png_chunk
from rtdenoise.denoisers import Passthrough
from rtdenoise.frames.samples import Samples, samples_of
from rtdenoise.sinks.picture_tags import with_tags
from rtdenoise.stream.transcode import transcode


def save(path: Path, levels: Samples, bits: int, seen_through: int) -> Path:
    """A grey PNG of so many bits a sample, of which one level is transparent."""
    rows, columns = levels.shape
    wide = np.unpackbits(levels.astype(np.uint8)[..., None], axis=2)[..., -bits:]
    lines = np.packbits(wide.reshape(rows, -1), axis=1)
    body = b"".join(b"\0" + line.tobytes() for line in lines)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, 0, 0, 0, 0))
        + png_chunk(b"tRNS", struct.pack(">H", seen_through))
        + png_chunk(b"IDAT", zlib.compress(body))
        + png_chunk(b"IEND", b"")
    )
    return path


def drawn(bits: int) -> Samples:
    y, x = np.mgrid[:16, :33]
    return np.asarray((x // 3 + y) % (1 << bits), np.uint8)


def copied(source: Path, target: Path) -> tuple[str, ...]:
    return transcode(FileCamera(source), Passthrough(), str(target)).lost


@pytest.mark.parametrize("seen_through", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_transparency_of_few_bits_is_kept_or_said(
    tmp_path: Path, bits: int, seen_through: int
) -> None:
    levels = drawn(bits)
    source = save(tmp_path / "a.png", levels, bits, seen_through)
    assert copied(source, tmp_path / "out.png") == ()
    frame = next(iter(FileCamera(tmp_path / "out.png").frames()))
    assert frame.format.name == "ya8"  # grey stays grey
    expected = np.dstack([levels * (255 // ((1 << bits) - 1)), 255 * (levels != seen_through)])
    assert np.array_equal(samples_of(frame, deep=False), expected)
    assert "transparency" in copied(source, tmp_path / "out.jpg")
    assert "transparency" in copied(source, tmp_path / "out.mkv")


def test_a_transparent_level_that_is_not_in_the_picture_is_none(tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", drawn(4) // 2, 4, 15)
    assert copied(source, tmp_path / "out.jpg") == ()


def test_damaged_and_other_pictures_are_left_to_ffmpeg(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.png", drawn(2), 2, 1)
    assert grey_with_transparency(whole) is not None
    data = whole.read_bytes()
    for n in range(len(data)):
        whole.write_bytes(data[:n])
        assert grey_with_transparency(whole) is None, n
    eight = with_tags(cv2.imencode(".png", drawn(4))[1].tobytes(), b"", b"")
    (tmp_path / "b.png").write_bytes(eight)
    assert grey_with_transparency(tmp_path / "b.png") is None
    assert grey_with_transparency(tmp_path / "missing.png") is None
