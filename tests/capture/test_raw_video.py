"""What Matroska can't hold is recorded as frames, bit for bit."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from capture.clip import Clip
from capture.record import record, suffix_for
from capture.series import judge_clip
from rtdenoise.cameras import open_camera
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes, planes_from_frame
from rtdenoise.frames.orientation import Orientation
from rtdenoise.sinks.picture_tags import with_tags

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


def frames_of(luma: NDArray[np.uint8], pixel_format: str) -> list[VideoFrame]:
    """Frames with that luma, and in 16 bits with fine steps between its levels."""
    frames = []
    for number, picture in enumerate(luma):
        if pixel_format.startswith(("rgb48", "gray16")):
            deep = (picture.astype(np.uint16) << 8) + np.arange(
                picture.shape[1], dtype=np.uint16
            ) % 256
            name = "rgb48le" if pixel_format.startswith("rgb") else "gray16le"
            array = np.repeat(deep[..., None], 3, 2) if name == "rgb48le" else deep
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(array), format=name)
        else:
            frame = VideoFrame.from_ndarray(picture, format="gray")
        if frame.format.name != pixel_format:
            frame = frame.reformat(format=pixel_format)
        frame.pts, frame.time_base = number, Fraction(1, 25)
        frames.append(frame)
    return frames


def stills(folder: Path, codec: str, suffix: str, frames: list[VideoFrame]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, frame in enumerate(frames):
        context = av.CodecContext.create(codec, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height = frame.width, frame.height
        context.pix_fmt, context.time_base = frame.format.name, Fraction(1, 25)
        packets = [*context.encode(frame), *context.encode(None)]
        (folder / f"{number}{suffix}").write_bytes(b"".join(map(bytes, packets)))
    return folder


def film(path: Path, codec: str, frames: list[VideoFrame]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt = frames[0].format.name
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def recorded(source: Path, to: Path) -> Path:
    with closing(open_camera(f"file:{source}")) as camera:
        return record(camera, to / f"clip{suffix_for(camera)}", 30).path


def decoded(path: Path) -> list[VideoFrame]:
    with closing(open_camera(f"file:{path}")) as camera:
        return list(camera.frames())


def assert_same(one: Path, other: Path) -> None:
    pairs = list(zip(decoded(one), decoded(other), strict=True))
    for a, b in pairs:
        first, second = planes_from_frame(a), planes_from_frame(b)
        assert first.format == second.format
        for x, y in zip(_planes(first), _planes(second), strict=True):
            np.testing.assert_array_equal(x, y)
    assert [float(a.time - pairs[0][0].time) for a, _ in pairs] == pytest.approx(
        [float(b.time) for _, b in pairs], abs=0.002
    )


def _planes(planes: Planes) -> tuple[NDArray[np.uint8], ...]:
    return planes.y, planes.u, planes.v


STILLS = [
    ("png", ".png", "rgb24"),
    ("png", ".png", "rgb48be"),
    ("png", ".png", "gray16be"),
    ("png", ".png", "rgba"),
    ("tiff", ".tif", "rgb24"),
    ("tiff", ".tiff", "rgb48le"),
    ("bmp", ".bmp", "bgr24"),
    ("ppm", ".ppm", "rgb48be"),
    ("pgm", ".pgm", "gray"),
    ("libwebp", ".webp", "yuv420p"),
]


@pytest.mark.parametrize(("codec", "suffix", "pixel_format"), STILLS)
def test_stills_are_recorded_as_they_are(
    scene: Floats, noisy: Noisy, tmp_path: Path, codec: str, suffix: str, pixel_format: str
) -> None:
    source = stills(tmp_path / "s", codec, suffix, frames_of(noisy(scene, 5), pixel_format))
    path = recorded(source, tmp_path)
    assert path.suffix == ".nut"
    assert_same(source, path)


def test_sixteen_bits_stay_sixteen_bits(scene: Floats, noisy: Noisy, tmp_path: Path) -> None:
    frames = frames_of(noisy(scene, 3), "gray16be")
    path = recorded(stills(tmp_path / "s", "png", ".png", frames), tmp_path)
    for kept, frame in zip(decoded(path), frames, strict=True):
        np.testing.assert_array_equal(
            kept.reformat(format="gray16le").to_ndarray(),
            frame.reformat(format="gray16le").to_ndarray(),
        )


FILMS = [
    ("huffyuv", "a.avi", "yuv422p"),
    ("utvideo", "a.avi", "yuv422p"),
    ("v210", "a.mov", "yuv422p10le"),
    ("gif", "a.gif", "bgr8"),
    ("flv1", "a.flv", "yuv420p"),
    ("wmv2", "a.wmv", "yuv420p"),
    ("qtrle", "a.mov", "rgb24"),
]


@pytest.mark.parametrize(("codec", "name", "pixel_format"), FILMS)
def test_films_are_recorded_as_they_are(
    scene: Floats, noisy: Noisy, tmp_path: Path, codec: str, name: str, pixel_format: str
) -> None:
    source = film(tmp_path / name, codec, frames_of(noisy(scene, 12), pixel_format))
    assert_same(source, recorded(source, tmp_path))


def test_what_matroska_holds_is_copied(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, tmp_path: Path
) -> None:
    for codec in ("mjpeg", "libx264"):
        source = write_clip(noisy(scene, 5), f"{codec}.mkv", codec)
        with closing(open_camera(f"file:{source}")) as camera:
            assert suffix_for(camera) == ".mkv"
    folder = stills(tmp_path / "s", "mjpeg", ".jpg", frames_of(noisy(scene, 3), "yuvj420p"))
    assert recorded(folder, tmp_path).suffix == ".mkv"


def test_a_folder_of_several_kinds_is_recorded(scene: Floats, noisy: Noisy, tmp_path: Path) -> None:
    luma = noisy(scene, 8)
    stills(tmp_path / "s", "mjpeg", ".jpg", frames_of(luma[:4], "yuvj444p"))
    for path in sorted((tmp_path / "s").iterdir()):
        path.rename(path.with_name(f"a{path.name}"))
    folder = stills(tmp_path / "s", "png", ".png", frames_of(luma[4:], "rgb24"))
    with closing(open_camera(f"file:{folder}")) as camera:
        recording = record(camera, tmp_path / f"clip{suffix_for(camera)}", 30)
    assert (recording.frames, recording.left_out) == (4, 4)  # of the kind of the first


@pytest.mark.parametrize("first", [1, 3, 6])
def test_pictures_that_are_turned_differently_are_recorded(
    scene: Floats, noisy: Noisy, tmp_path: Path, first: int
) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    picture = noisy(scene, 1)[0]
    for n, number in enumerate((first, *range(1, 9))):
        stored = np.asarray(Orientation.from_exif(number).inverse().turn(picture))
        frames = frames_of(np.ascontiguousarray(stored)[None], "yuvj420p")
        path = next(stills(tmp_path / str(n), "mjpeg", ".jpg", frames).iterdir())
        tag = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, number, 0, 0)
        (folder / f"{n}.jpg").write_bytes(with_tags(path.read_bytes(), tag, b""))
    path = recorded(folder, tmp_path)
    kept = [planes_from_frame(frame) for frame in decoded(path)]
    assert len(kept) == 9
    assert all(planes.format.full_range for planes in kept)
    with closing(open_camera(f"file:{folder}")) as camera:
        for planes, frame in zip(kept, camera.frames(), strict=True):
            np.testing.assert_array_equal(planes.y, planes_from_frame(frame).y)
            np.testing.assert_array_equal(planes.u, planes_from_frame(frame).u)


def test_pictures_that_are_all_of_other_kinds_are_told(
    scene: Floats, noisy: Noisy, tmp_path: Path
) -> None:
    luma = noisy(scene, 2)
    for name, part in zip(("yuvj420p", "yuvj444p"), luma, strict=True):
        path = next(stills(tmp_path / name, "mjpeg", ".jpg", frames_of(part[None], name)).iterdir())
        (tmp_path / "s").mkdir(exist_ok=True)
        path.rename(tmp_path / "s" / f"{name}.jpg")
    stills(tmp_path / "s", "png", ".png", frames_of(luma[:1], "rgb24"))
    (tmp_path / "s" / "0.png").rename(tmp_path / "s" / "z.png")
    with pytest.raises(ClipError, match=r"only 1 frame of the first one's .* 2 of others.*PNG"):
        recorded(tmp_path / "s", tmp_path)


@pytest.mark.parametrize(
    "names", [("yuvj422p", "yuvj420p"), ("yuvj420p", "yuvj444p"), ("yuvj422p", "yuvj444p")]
)
def test_a_sub_sampling_that_changes_begins_a_new_series(
    scene: Floats, noisy: Noisy, tmp_path: Path, names: tuple[str, str]
) -> None:
    luma = noisy(scene, 48, 4.0)
    parts = []
    for number, name in enumerate(names):
        frames = frames_of(luma[24 * number : 24 * (number + 1)], name)
        stills(tmp_path / f"s{number}", "mjpeg", ".jpg", frames)
        parts += [(tmp_path / f"s{number}" / f"{n}.jpg").read_bytes() for n in range(24)]
    path = tmp_path / "changes.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_mux_stream("mjpeg", rate=25, width=192, height=144)
        for number, data in enumerate(parts):
            packet: av.Packet[Any] = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = number * 40
            container.mux(packet)
    clip = judge_clip(path)
    assert clip.frames == 48
    assert {s.first for s in clip.series} >= {0, 24}
    formats = {planes.format for series in clip.series for planes in clip.read(series)}
    assert len(formats) == 1
    assert Clip.load(path).facts["format_changes"] == 1


def test_frames_of_another_size_are_left_out_and_counted(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, tmp_path: Path
) -> None:
    luma = noisy(scene, 40, 4.0)
    path = tmp_path / "sizes.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_mux_stream("mjpeg", rate=25, width=192, height=144)
        number = 0
        for part in (luma[:20], luma[:, :120, :160][:6], luma[20:]):
            source = write_clip(np.ascontiguousarray(part), "part.mkv")
            with av.open(str(source)) as opened:
                for packet in opened.demux(opened.streams.video[0]):
                    if packet.size:
                        packet.stream, packet.time_base = stream, Fraction(1, 1000)
                        packet.pts = packet.dts = number * 40
                        container.mux(packet)
                        number += 1
    clip = judge_clip(path)
    assert (clip.frames, clip.facts["other_size"]) == (40, 6)
    assert [(s.first, s.count) for s in clip.accepted] == [(0, 20), (20, 20)]
    assert len(list(clip.read())) == 40
