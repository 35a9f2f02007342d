"""TIFF files that FFmpeg reads wrongly without a word."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.tiff import further_pages, read_otherwise
from rtdenoise.errors import ClipError
from rtdenoise.frames.orientation import Orientation
from rtdenoise.frames.samples import Samples, samples_of

Tags = dict[int, tuple[int, ...]]


def picture(samples: int = 3, kind: type = np.uint8, shape: tuple[int, int] = (32, 48)) -> Samples:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    planes = [60 + x * 3, 200 - y * 4, 40 + x + y, 80 + y * 5][:samples]
    return (np.dstack(planes) * (257 if kind is np.uint16 else 1)).astype(kind)


def save(path: Path, samples: Samples, tags: Tags, order: str = "<", tile: int = 0) -> Path:
    """An uncompressed TIFF, in one strip or in tiles of so many pixels a side, with ``tags`` beside what it needs."""
    rows, columns, count = samples.shape
    stored = samples.astype(samples.dtype.newbyteorder("<" if order == "<" else ">"))
    parts = [stored.tobytes()]
    if tile:
        corners = [(y, x) for y in range(0, rows, tile) for x in range(0, columns, tile)]
        parts = [stored[y : y + tile, x : x + tile].tobytes() for y, x in corners]
    bits = samples.dtype.itemsize * 8
    starts = [8 + sum(map(len, parts[:n])) for n in range(len(parts))]
    sizes = [len(part) for part in parts]
    own: Tags = {256: (columns,), 257: (rows,), 258: (bits,) * count, 259: (1,)}
    own |= {262: (2 if count > 2 else 1,), 277: (count,), 284: (1,)}
    if tile:
        own |= {322: (tile,), 323: (tile,), 324: tuple(starts), 325: tuple(sizes)}
    else:
        own |= {273: tuple(starts), 278: (rows,), 279: tuple(sizes)}
    path.write_bytes(_joined(b"".join(parts), {**own, **tags}, order))
    return path


def _joined(data: bytes, tags: Tags, order: str) -> bytes:
    short = (258, 259, 262, 274, 277, 284, 338, 339)
    at = 8 + len(data)
    beyond, entries = at + 2 + 12 * len(tags) + 4, []
    extra = b""
    for tag, numbers in sorted(tags.items()):
        kind, letter = (3, "H") if tag in short else (4, "I")
        value = struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
        if len(value) > 4:
            value, extra = struct.pack(order + "I", beyond + len(extra)), extra + value
        entries.append(struct.pack(order + "HHI", tag, kind, len(numbers)) + value.ljust(4, b"\0"))
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "2sHI", mark, 42, at)
    count = struct.pack(order + "H", len(entries))
    return head + data + count + b"".join(entries) + bytes(4) + extra


def read(path: Path) -> Samples:
    """Samples as a picture of it is read, of 16 bits where it has more than 8."""
    camera = FileCamera(path)
    frame = next(iter(camera.frames()))
    camera.close()
    return samples_of(frame, deep=max(c.bits for c in frame.format.components) > 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("samples", [1, 3, 4])
def test_tiles_are_read(tmp_path: Path, samples: int, kind: type, order: str) -> None:
    expected = picture(samples, kind)
    tags: Tags = {338: (2,)} if samples == 4 else {}
    path = save(tmp_path / "a.tif", expected, tags, order, tile=16)
    found = read(path)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("number", [1, 6, 8])
def test_tiles_lie_as_the_file_says(tmp_path: Path, number: int) -> None:
    expected = picture(shape=(32, 64))
    path = save(tmp_path / "a.tif", expected, {274: (number,)}, tile=32)
    np.testing.assert_array_equal(read(path), expected)
    assert FileCamera(path).facts.orientation == Orientation.from_exif(number)


@pytest.mark.parametrize("grey", [False, True])
def test_jpeg_in_tiff_is_read(tmp_path: Path, grey: bool) -> None:
    expected = picture(1 if grey else 3)
    path = tmp_path / "a.tif"
    cv2.imwrite(str(path), expected[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 7])
    assert struct.pack("<HHIH", 259, 3, 1, 7) in path.read_bytes()
    found = read(path)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 6


def test_ycbcr_is_of_full_range(tmp_path: Path) -> None:
    expected = picture()
    ycc = cv2.cvtColor(expected, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    path = save(tmp_path / "a.tif", np.ascontiguousarray(ycc), {262: (6,), 530: (1, 1)})
    assert np.abs(read(path).astype(int) - expected).mean() < 2


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_colours_multiplied_by_their_transparency_are_divided(tmp_path: Path, kind: type) -> None:
    expected, most = picture(4, kind), np.iinfo(kind).max
    multiplied = expected.copy()
    multiplied[..., :3] = np.rint(expected[..., :3] * (expected[..., 3:] / most))
    found = read(save(tmp_path / "a.tif", multiplied, {338: (1,)}))
    assert np.abs(found.astype(int) - expected).max() <= most / 80
    np.testing.assert_array_equal(found[..., 3], expected[..., 3])


@pytest.mark.parametrize(
    ("samples", "kind", "tags", "tile", "words"),
    [
        (4, np.uint16, {262: (5,)}, 0, "CMYK of 16 bits"),
        (4, np.uint8, {262: (5,)}, 16, "in tiles"),
        (3, np.uint16, {339: (3,) * 3}, 0, "16-bit numbers"),
        (3, np.uint16, {339: (2,) * 3}, 0, "16-bit numbers"),
        (3, np.uint32, {}, 0, "32-bit numbers"),
        (1, np.uint8, {259: (6,)}, 0, "compressed as JPEG"),
        (2, np.uint8, {338: (1,)}, 0, "multiplied by their transparency"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_cure(
    tmp_path: Path, samples: int, kind: type, tags: Tags, tile: int, words: str
) -> None:
    path = save(tmp_path / "a.tif", picture(samples, kind), tags, tile=tile)
    with pytest.raises(ClipError, match=words) as caught:
        FileCamera(path)
    assert "magick FILE photo.png" in str(caught.value)


def test_tiles_that_are_missing_are_no_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "a.tif", picture(), {}, tile=16)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 8), struct.pack("<I", 1 << 30)))
    with pytest.raises(ClipError):
        FileCamera(path)
    for n in range(0, len(data), 41):
        path.write_bytes(data[:n])
        with pytest.raises(ClipError):
            FileCamera(path)
    assert capfd.readouterr() == ("", "")


def test_tiles_of_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", picture(), {256: (60_000,), 257: (60_000,)}, tile=16)
    with pytest.raises(ClipError, match="million pixels"):
        FileCamera(path)


def test_what_ffmpeg_reads_rightly_is_left_to_it(tmp_path: Path) -> None:
    cases: list[tuple[int, Tags]] = [(1, {}), (3, {}), (4, {338: (2,)}), (4, {262: (5,)})]
    for samples, tags in cases:
        assert read_otherwise(save(tmp_path / "a.tif", picture(samples), tags)) is None
    np.testing.assert_array_equal(read(save(tmp_path / "a.tif", picture(), {})), picture())
    (tmp_path / "b.tif").write_bytes(b"II*\0" + b"\xff" * 40)
    (tmp_path / "c.png").write_bytes(b"\x89PNG")
    assert read_otherwise(tmp_path / "b.tif") is read_otherwise(tmp_path / "c.png") is None


def test_pages_are_counted_but_not_smaller_copies(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    cv2.imwritemulti(str(path), [picture(), picture(), picture()])
    assert further_pages(path) == 2
    data = path.read_bytes()
    second = struct.unpack_from("<I", data, _link(data))[0]
    entry = data.index(struct.pack("<HHI", 254, 4, 1), second)
    path.write_bytes(data[: entry + 8] + struct.pack("<I", 1) + data[entry + 12 :])
    assert further_pages(path) == 1


def _link(data: bytes) -> int:
    """Where a TIFF says where its second directory is."""
    first = struct.unpack_from("<I", data, 4)[0]
    return int(first + 2 + 12 * struct.unpack_from("<H", data, first)[0])
