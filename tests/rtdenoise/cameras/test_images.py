"""Folders of pictures that lie differently, or hold more than one picture, or none."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from rtdenoise.arrays import Bytes
from rtdenoise.cameras.images import ImagesCamera, passed_over
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import ClipError
from rtdenoise.frames.orientation import Orientation
from rtdenoise.frames.samples import samples_of, turned_frame
from rtdenoise.sinks.picture_tags import with_tags
from rtdenoise.stream.transcode import transcode

WAYS = [Orientation.from_exif(number) for number in range(1, 9)]


def exif(number: int) -> bytes:
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, number, 0, 0)


def upright() -> Bytes:
    """Each corner another grey, so that no turn looks like another."""
    rgb = np.full((32, 48, 3), 40, np.uint8)
    rgb[:16, 24:], rgb[16:, :24], rgb[16:, 24:] = 100, 160, 220
    return rgb


def save(path: Path, number: int) -> None:
    """The picture above, stored as a camera that was held as EXIF's number says."""
    stored = Orientation.from_exif(number).inverse().turn(upright())
    picture = cv2.imencode(path.suffix, stored, [cv2.IMWRITE_JPEG_QUALITY, 97])[1].tobytes()
    path.write_bytes(with_tags(picture, exif(number) if number else b"", b""))


def film_of(folder: Path, out: Path) -> list[Bytes]:
    transcode(ImagesCamera(folder), Passthrough(), str(out))
    with av.open(str(out)) as container:
        frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        return [np.asarray(frame, np.uint8) for frame in frames]


@pytest.mark.parametrize("suffixes", [(".jpg",), (".png",), (".jpg", ".png")])
@pytest.mark.parametrize("numbers", [(6, 8, 5, 7, 6), (1, 3, 0, 2, 4), (3, 1), (8, 6)])
def test_each_picture_of_a_film_is_turned_by_its_own_tag(
    tmp_path: Path, suffixes: tuple[str, ...], numbers: tuple[int, ...]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n, number in enumerate(numbers):
        save(folder / f"{n}{suffixes[n % len(suffixes)]}", number)
    frames = film_of(folder, tmp_path / "out.mkv")
    assert len(frames) == len(numbers)
    for frame in frames:
        assert frame.shape == (32, 48, 3)
        assert np.abs(frame.astype(int) - upright()).mean() < 4


def test_a_picture_of_another_size_once_it_is_turned_is_refused(tmp_path: Path) -> None:
    for n, number in enumerate((1, 6)):
        path = tmp_path / f"{n}.jpg"
        picture = cv2.imencode(".jpg", upright())[1].tobytes()
        path.write_bytes(with_tags(picture, exif(number), b""))
    with pytest.raises(ClipError, match=r"1\.jpg has 32×48 pixels, the first picture 48×32"):
        list(ImagesCamera(tmp_path).frames())


def test_pictures_that_lie_differently_are_not_copied_as_one_film(tmp_path: Path) -> None:
    save(tmp_path / "0.jpg", 3)
    save(tmp_path / "1.jpg", 3)
    assert ImagesCamera(tmp_path).all_alike
    save(tmp_path / "1.jpg", 1)
    assert not ImagesCamera(tmp_path).all_alike


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("name", ["rgb24", "gray16le", "yuvj420p", "yuvj422p", "rgb48le", "gray"])
def test_frames_of_any_format_are_turned(name: str, number: int) -> None:
    frame = VideoFrame.from_ndarray(upright(), format="rgb24")
    frame = frame.reformat(format=name, dst_color_range=2, dst_colorspace=5)
    way = Orientation.from_exif(number)
    turned = turned_frame(frame, way)
    deep = name.endswith("16le") or name.startswith("rgb48")
    assert (max(c.bits for c in turned.format.components) > 8) == deep
    difference = samples_of(turned, deep).astype(int) - way.turn(samples_of(frame, deep))
    assert np.abs(difference).mean() < (4 * 257 if deep else 4)


@pytest.mark.parametrize("one", WAYS)
def test_turns_are_undone_and_joined(one: Orientation) -> None:
    plane = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(one.inverse().turn(one.turn(plane)), plane)
    for other in WAYS:
        both = one.then(other).turn(plane)
        np.testing.assert_array_equal(both, other.turn(one.turn(plane)))


def test_what_holds_several_pictures_is_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    cv2.imwritemulti(str(tmp_path / "b.tif"), [upright(), upright()])
    with av.open(str(tmp_path / "c.png"), "w", format="apng") as container:
        stream = container.add_stream("apng", rate=5)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "rgb24"
        for _ in range(3):
            container.mux(stream.encode(VideoFrame.from_ndarray(upright(), "rgb24")))
        container.mux(stream.encode(None))
    camera = ImagesCamera(tmp_path)
    assert len(list(camera.frames())) == 3
    assert camera.remarks == (
        "b.tif, c.png hold several pictures, of which only the first was used.",
    )


def test_a_picture_in_a_codec_that_is_not_there_is_left_out_by_its_name(
    tmp_path: Path,
) -> None:
    for n in range(3):
        save(tmp_path / f"{n}.png", 1)
    # JPEG XL's beginning: FFmpeg tells the format by it, and has no decoder in PyAV.
    head = bytes.fromhex("ff0afb060012880200e0d169")
    (tmp_path / "1.jxl").write_bytes(head + bytes(60))
    camera = ImagesCamera(tmp_path)
    assert len(list(camera.frames())) == 3
    assert "1.jxl is no picture that can be read, and was left out (1 of 4" in camera.remarks[0]


def test_jpegs_of_any_suffix_are_taken_and_what_is_no_series_is_named(tmp_path: Path) -> None:
    for n, suffix in enumerate((".jpg", ".JFIF", ".jpe", ".mpo")):
        save(tmp_path / "a.jpg", 1)
        (tmp_path / "a.jpg").rename(tmp_path / f"{n}{suffix}")
    cv2.imwrite(str(tmp_path / "4.pnm"), upright())
    for name in ("b.psd", "a10.ico", "a9.ICO", "notes.txt"):
        (tmp_path / name).write_bytes(b"anything")
    camera = ImagesCamera(tmp_path)
    assert len(list(camera.frames())) == 5
    assert camera.remarks == (
        "a9.ICO, a10.ico, b.psd were left out: name each by itself to clean it.",
    )
    for name in ("b.psd", "a10.ico"):
        (tmp_path / name).unlink()
    assert passed_over(tmp_path) == ("a9.ICO was left out: name it by itself to clean it.",)
