"""Video files and folders of pictures as cameras."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame

from rtdenoise.cameras.decoding import MOST_PIXELS
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.images import ImagesCamera, natural_key
from rtdenoise.cameras.picture_headers import claimed_size
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes, frame_from_planes, planes_from_frame

MakeClip = Callable[..., Path]
MakePicture = Callable[..., Planes]
FOOTAGE = Path(__file__).resolve().parents[3] / "../shared/data"


def remade(path: Path, change: Callable[[int, bytes], bytes]) -> Path:
    """A copy of a clip in which each packet's bytes went through ``change``."""
    copy = path.with_name(f"remade-{path.name}")
    with av.open(str(path)) as source, av.open(str(copy), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        for index, packet in enumerate(p for p in source.demux(stream) if p.size):
            new = av.Packet(change(index, bytes(packet)))
            new.pts, new.dts, new.time_base = packet.pts, packet.dts, packet.time_base
            new.stream = out
            target.mux(new)
    return copy


def test_plays_all_frames_with_their_times(make_clip: MakeClip, make_picture: MakePicture) -> None:
    camera = FileCamera(make_clip(frames=7))
    times = []
    for index, frame in enumerate(camera.frames()):
        planes = planes_from_frame(frame)
        truth = make_picture(shift=index)
        assert planes.format == truth.format
        assert np.abs(planes.y.astype(int) - truth.y).mean() < 2
        times.append(planes.time_s)
    assert times == pytest.approx([n / 25 for n in range(7)])
    assert camera.damaged_packets == 0
    assert camera.mode.rate_fps == 25
    assert str(camera.mode) == "MJPG 64×48 @ 25"
    assert camera.frame_count == 7
    camera.close()
    camera.close()


def test_packets_are_those_of_the_file(make_clip: MakeClip) -> None:
    path = make_clip(frames=4)
    with av.open(str(path)) as container:
        stored = [bytes(p) for p in container.demux(video=0) if p.size]
    camera = FileCamera(path)
    assert [bytes(p) for p in camera.packets()] == stored
    assert camera.template is not None
    camera.close()


def test_frames_that_the_decoder_holds_back_come_at_the_end(make_clip: MakeClip) -> None:
    camera = FileCamera(make_clip("clip.mp4", frames=12, codec="libx264"))
    times = [planes_from_frame(frame).time_s for frame in camera.frames()]
    assert times == pytest.approx([n / 25 for n in range(12)])
    assert camera.mode.codec == "h264"
    camera.close()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_jpegs_are_counted_and_left_out(make_clip: MakeClip, share: float) -> None:
    path = remade(
        make_clip(frames=6), lambda i, data: data[: int(len(data) * share)] if i in (0, 3) else data
    )
    camera = FileCamera(path)
    assert len(list(camera.frames())) == 4
    assert camera.damaged_packets == 2
    camera.close()


def test_a_jpeg_without_its_end_marker_is_whole(make_clip: MakeClip) -> None:
    camera = FileCamera(remade(make_clip(frames=3), lambda _, data: data[:-2]))
    assert len(list(camera.frames())) == 3
    assert camera.damaged_packets == 0
    camera.close()


def test_damage_is_not_printed(make_clip: MakeClip, capfd: pytest.CaptureFixture[str]) -> None:
    camera = FileCamera(remade(make_clip(frames=3), lambda i, data: data[:500] if i == 1 else data))
    list(camera.frames())
    camera.close()
    assert capfd.readouterr() == ("", "")


def test_nothing_but_damage_is_an_error(make_clip: MakeClip) -> None:
    camera = FileCamera(remade(make_clip(frames=3), lambda _, data: bytes(len(data))))
    with pytest.raises(ClipError, match="None of the frames"):
        list(camera.frames())
    camera.close()


def test_a_file_that_was_cut_off_plays_to_the_cut(make_clip: MakeClip) -> None:
    path = make_clip(frames=20)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    camera = FileCamera(path)
    assert 5 <= len(list(camera.frames())) <= 12
    camera.close()


def test_id_is_that_of_the_content_or_of_the_sidecar(make_clip: MakeClip) -> None:
    path = make_clip("evening.mkv")
    first = FileCamera(path).info
    assert first.kind == "file"
    assert first.name == "evening.mkv"
    assert first.id.startswith("file-evening-")
    assert FileCamera(path).info == first
    other = make_clip("evening2.mkv", frames=3).rename(path)
    assert FileCamera(other).info.id != first.id

    camera = {"id": "046d-0825-abc", "name": "C270", "kind": "webcam", "spec": "/dev/video0"}
    path.with_suffix(".json").write_text(json.dumps({"camera": camera}))
    info = FileCamera(path).info
    assert (info.id, info.name, info.kind) == ("046d-0825-abc", "C270", "file")
    assert info.spec == f"file:{path}"
    path.with_suffix(".json").write_text('{"camera": []}')
    assert FileCamera(path).info.id.startswith("file-evening-")


def test_says_what_is_wrong(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("milk\neggs\n" * 50)
    fake = tmp_path / "fake.mkv"
    fake.write_text("milk\neggs\n" * 50)
    empty = tmp_path / "empty.mkv"
    empty.touch()
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        assert isinstance(stream, av.AudioStream)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        piece.sample_rate = 48000
        container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    for path, words in (
        (tmp_path / "missing.mkv", "There is no file"),
        (text, "is a text file"),
        (fake, "is no video or picture|is a text file"),
        (empty, "is empty"),
        (sound, "holds no video"),
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "is a device"),
        (tmp_path / ("a" * 300), "can't be read: File name too long"),
    ):
        with pytest.raises(ClipError, match=words) as error:
            FileCamera(path)
        assert error.value.hint
        assert "\n" not in str(error.value)


def _png(width: int, height: int) -> bytes:
    """A picture of a few bytes that claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">2I5B", width, height, 16, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is told in other units")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
def test_a_picture_that_claims_to_be_huge_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(_png(16000, 16000))  # two gigabytes
    assert MOST_PIXELS < 16000 * 16000
    # In a process of its own, so that the peak is that of this file.
    script = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from rtdenoise.cameras.file import FileCamera\n"
        "from rtdenoise.errors import ClipError\n"
        "try:\n"
        "    FileCamera(Path(sys.argv[1]))\n"
        "except ClipError as error:\n"
        "    print(error)\n"
        # Unlike getrusage()'s, this peak isn't handed on by the process that started it.
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    said, peak_kb = done.stdout.splitlines()
    assert "more than 134 million pixels" in said
    assert int(peak_kb) < 400_000


def test_a_film_that_is_too_large_is_told(tmp_path: Path) -> None:
    path = tmp_path / "huge.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("mjpeg", rate=30, width=12000, height=12000)
        packet = av.Packet(b"\xff\xd8" + bytes(50))
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 30)
        container.mux(packet)
    with pytest.raises(ClipError, match="more than 134 million pixels"):
        FileCamera(path)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.webp", b"RIFF\x32\0\0\0WEBPVP8X\n\0\0\0\x02" + bytes(50), "a WebP of several frames"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(range(1, 256)) * 20, "it is damaged"),
        ("a.jpg", random.Random(1).randbytes(20000), "it is damaged"),
        ("a.bmp", b"BM" + bytes(16) + struct.pack("<ii", 20000, -20000) + bytes(40), "20000×20000"),
        ("a.jxl", b"\xff\x0a" + bytes(2000), "photo.png|it is damaged"),
    ],
)
def test_why_a_picture_has_no_size_is_told(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ClipError, match=words) as caught:
        FileCamera(path)
    assert ("million pixels" in str(caught.value)) == ("×" in words)
    assert "clip.mkv" not in str(caught.value)


def test_the_size_that_pictures_claim_is_read(tmp_path: Path) -> None:
    picture = np.zeros((37, 53, 3), np.uint8)
    for name in ("a.png", "a.jpg", "a.bmp"):
        cv2.imwrite(str(tmp_path / name), picture)
        assert claimed_size(tmp_path / name) == (53, 37)
    (tmp_path / "a.txt").write_text("BMW")
    assert claimed_size(tmp_path / "a.txt") is None


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_no_frames_is_an_error(make_clip: MakeClip, suffix: str) -> None:
    path = make_clip(f"clip.{suffix}", frames=0)
    with pytest.raises(ClipError, match="holds no frames"):
        list(FileCamera(path).frames())


def test_names_with_colons_are_names(make_clip: MakeClip) -> None:
    path = make_clip(frames=2)
    odd = path.rename(path.with_name("concat:10:30.mkv"))
    camera = FileCamera(odd)
    assert len(list(camera.frames())) == 2
    camera.close()


def test_close_from_another_thread_ends_the_frames(make_clip: MakeClip) -> None:
    camera = FileCamera(make_clip(frames=50))
    frames = camera.frames()
    next(frames)
    closer = threading.Thread(target=camera.close)
    closer.start()
    closer.join()
    assert list(frames) == []


def test_frames_outlive_the_camera(make_clip: MakeClip, make_picture: MakePicture) -> None:
    camera = FileCamera(make_clip(frames=5))
    planes = [planes_from_frame(frame) for frame in camera.frames()]
    camera.close()
    for index, kept in enumerate(planes):
        assert np.abs(kept.y.astype(int) - make_picture(shift=index).y).mean() < 2


def save_png(path: Path, planes: Planes) -> None:
    frame_from_planes(planes).reformat(format="rgb24").save(str(path))


def test_folder_of_pictures_plays_in_natural_order(
    tmp_path: Path, make_picture: MakePicture
) -> None:
    for index in (0, 1, 2, 10):
        save_png(tmp_path / f"frame{index}.png", make_picture(shift=index * 10))
    (tmp_path / "notes.txt").write_text("not a picture")
    camera = ImagesCamera(tmp_path, rate_fps=10)
    corners = []
    for index, frame in enumerate(camera.frames()):
        planes = planes_from_frame(frame)
        assert planes.time_s == pytest.approx(index / 10)
        assert planes.format.chroma == "444"
        corners.append(int(planes.y[0, 0]))
    assert camera.frame_count == 4
    assert corners == pytest.approx([40, 50, 60, 140], abs=4)
    assert camera.mode.rate_fps == Fraction(10)
    assert camera.info.kind == "file"
    camera.close()
    camera.close()


def test_pictures_of_two_sizes_are_refused(tmp_path: Path, make_picture: MakePicture) -> None:
    save_png(tmp_path / "a.png", make_picture(64, 48))
    save_png(tmp_path / "b.png", make_picture(32, 48))
    with pytest.raises(ClipError, match=r"b\.png has 32×48 pixels, the first picture 64×48"):
        list(ImagesCamera(tmp_path).frames())


def test_damaged_pictures_are_counted_or_named(tmp_path: Path, make_picture: MakePicture) -> None:
    for name in "abc":
        save_png(tmp_path / f"{name}.png", make_picture())
    data = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(data[:60] + bytes(len(data) - 60))
    camera = ImagesCamera(tmp_path)
    assert len(list(camera.frames())) == 2
    assert camera.damaged_packets or "b.png" in camera.remarks[0]


def test_hidden_files_are_no_pictures(tmp_path: Path, make_picture: MakePicture) -> None:
    for name in ("a.png", "b.png", ".c.png"):
        save_png(tmp_path / name, make_picture())
    for name in ("._a.png", "._b.png", "._z.png"):  # as macOS leaves them on other file systems
        (tmp_path / name).write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4000))
    camera = ImagesCamera(tmp_path)
    assert (camera.frame_count, len(list(camera.frames())), camera.remarks) == (2, 2, ())


@pytest.mark.parametrize("bad", ["0.png", "1.png", "2.png"])
@pytest.mark.parametrize("content", [b"", b"milk and eggs\n" * 20, b"\0\5\x16\7" + bytes(500)])
def test_what_is_no_picture_is_passed_over_and_said(
    tmp_path: Path, make_picture: MakePicture, bad: str, content: bytes
) -> None:
    for index in range(3):
        save_png(tmp_path / f"{index}.png", make_picture(shift=index))
    (tmp_path / bad).write_bytes(content)
    camera = ImagesCamera(tmp_path)
    assert len(list(camera.frames())) == 2
    if camera.damaged_packets:  # FFmpeg goes by the name, and finds out when it decodes
        assert (camera.damaged_packets, camera.remarks) == (1, ())
        return
    (remark,) = camera.remarks
    assert bad in remark
    assert "1 of 3 pictures" in remark


def test_a_folder_without_a_single_picture_is_an_error(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_text("milk and eggs\n" * 20)
    with pytest.raises(ClipError, match="None of the pictures"):
        ImagesCamera(tmp_path)


def long_film(path: Path, codec: str, **options: str) -> Path:
    """60 frames that refer to those before, with one key frame only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 300
        generator = np.random.default_rng(0)
        for index in range(60):
            luma = generator.integers(90, 110, (48, 64), np.uint8)
            grey = np.concatenate([np.roll(luma, index, 1), np.full((24, 64), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("whole", [True, False])
def test_a_playlist_is_played_from_the_start_and_not_waited_for(
    tmp_path: Path, whole: bool
) -> None:
    path = tmp_path / "list.m3u8"
    names = ["0.ts", "1.ts", "2.ts", "3.ts", "4.ts"]
    for name in names:
        long_film(tmp_path / name, "mpeg2video")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", *(f"#EXTINF:2,\n{name}" for name in names)]
    path.write_text("\n".join(lines + ["#EXT-X-ENDLIST"] * whole) + "\n")
    assert len(list(FileCamera(path).frames())) == 300
    assert FileCamera(path).mode.rate_fps == 30


def without(path: Path, lost: set[int]) -> Path:
    copy = path.with_name(f"lossy{path.suffix}")
    with av.open(str(path)) as source, av.open(str(copy), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        for index, packet in enumerate(packets):
            if index not in lost:
                packet.stream = out
                target.mux(packet)
    return copy


HEVC = {"x265-params": "log-level=none:bframes=0:keyint=300"}


@pytest.mark.parametrize("keep", [True, False])
def test_frames_that_lack_what_they_refer_to_are_counted(tmp_path: Path, keep: bool) -> None:
    camera = FileCamera(without(long_film(tmp_path / "a.mkv", "libx265", **HEVC), {20}))
    if keep:
        camera.keep_incomplete()
    frames = list(camera.frames())
    missing = 60 - 1 - 20
    if keep:
        assert (len(frames), camera.damaged_packets) == (59, 0)
        assert camera.remarks == (
            f"{missing} frames are incomplete, because parts of the recording are missing.",
        )
    else:
        assert (len(frames), camera.damaged_packets, camera.remarks) == (20, missing, ())


def test_a_film_that_begins_in_the_middle_begins_with_its_first_whole_frame(tmp_path: Path) -> None:
    camera = FileCamera(without(long_film(tmp_path / "a.mkv", "libx265", **HEVC), {0}))
    camera.keep_incomplete()
    with pytest.raises(ClipError, match="can be decoded"):
        list(camera.frames())  # there is only one, and it is gone
    assert camera.damaged_packets == 59


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"bf": "3"}),
        ("a.ts", "libx264", {"bf": "2", "flags": "+ildct+ilme"}),
        ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "100k"}),
        ("b.webm", "libvpx-vp9", {"cpu-used": "8", "lag-in-frames": "16"}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("a.mpg", "mpeg2video", {"bf": "2"}),
        ("b.mkv", "libx265", {"x265-params": "log-level=none"}),
    ],
)
def test_whole_films_have_no_damage(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    camera = FileCamera(long_film(tmp_path / name, codec, **options))
    assert len(list(camera.frames())) == 60
    assert (camera.damaged_packets, camera.remarks) == (0, ())


@pytest.mark.parametrize("part", [0.5, 0.8])
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mkv", {}), ("a.mp4", {"movflags": "faststart"}), ("a.mov", {"movflags": "faststart"})],
)
def test_a_film_that_was_cut_off_says_so(
    tmp_path: Path, name: str, options: dict[str, str], part: float
) -> None:
    path = long_film(tmp_path / "whole.mkv", "libx264")
    cut = tmp_path / name
    with av.open(str(path)) as source, av.open(str(cut), "w", options=options) as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = out
                target.mux(packet)
    data = cut.read_bytes()
    cut.write_bytes(data[: int(len(data) * part)])
    camera = FileCamera(cut)
    assert 10 < len(list(camera.frames())) < 60
    (remark,) = camera.remarks
    assert "says that it lasts 2.0 s" in remark
    assert "cut off" in remark


def test_a_file_without_its_index_is_told_from_one_that_is_no_video(tmp_path: Path) -> None:
    path = long_film(tmp_path / "a.mp4", "libx264")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(ClipError, match="the index at its end is missing"):
        FileCamera(path)


def test_an_error_in_the_middle_keeps_what_was_read(
    make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = FileCamera(make_clip(frames=20))
    packets = camera.container.demux(camera.template)

    class Failing:
        def __iter__(self) -> Failing:
            return self

        count = 0

        def __next__(self) -> object:
            self.count += 1
            if self.count > 8:
                raise av.error.OSError(5, "Input/output error", "clip.mkv")
            return next(packets)

    monkeypatch.setattr(FileCamera, "_demuxed", lambda self: Failing())
    assert len(list(camera.frames())) == 8
    (remark,) = camera.remarks
    assert "Input/output error" in remark
    assert "after frame 8" in remark


def test_natural_order() -> None:
    names = ["b1", "a10", "a2", "A1", "a2b", "10", "9"]
    assert sorted(names, key=natural_key) == ["9", "10", "A1", "a2", "a2b", "a10", "b1"]


@pytest.mark.parametrize(("name", "frames", "size"), [("parking", 120, "320×240 @ 25")])
def test_real_footage(name: str, frames: int, size: str) -> None:
    path = FOOTAGE / f"{name}.mkv"
    if not path.exists():
        pytest.skip("the real footage is not here")
    camera = FileCamera(path)
    assert str(camera.mode) == f"MJPG {size}"
    assert len(list(camera.frames())) == frames
    assert camera.damaged_packets == 0
    camera.close()


def sound_and_picture(path: Path, *, starts_s: float = 0.0, cover: bool = False) -> Path:
    """A second of silence, and from ``starts_s`` on a second of video, or one PNG that stands for the file."""
    with av.open(str(path), "w") as container:
        sound: Any = container.add_stream("aac", rate=48_000)
        picture: Any = container.add_stream("png" if cover else "libx264", rate=25)
        picture.width, picture.height = 64, 48
        picture.pix_fmt = "rgb24" if cover else "yuv420p"
        if cover:
            picture.disposition = Disposition.attached_pic
        for n in range(1 if cover else 25):
            rgb = np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8)
            frame = VideoFrame.from_ndarray(rgb, format="rgb24")
            frame = frame.reformat(format=picture.pix_fmt)
            frame.pts, frame.time_base = n + round(starts_s * 25), Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for n in range(46):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            silence.pts, silence.time_base = n * 1024, Fraction(1, 48_000)
            silence.sample_rate = 48_000
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("starts_s", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_picture_that_begins_later_is_not_cut_off(
    tmp_path: Path, suffix: str, starts_s: float
) -> None:
    path = sound_and_picture(tmp_path / f"clip{suffix}", starts_s=starts_s)
    camera = FileCamera(path)
    assert len(list(camera.frames())) == 25
    assert camera.remarks == ()
    camera.close()


def test_a_late_picture_that_is_cut_off_is_said_to_be(tmp_path: Path) -> None:
    path = sound_and_picture(tmp_path / "clip.mkv", starts_s=0.6)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    camera = FileCamera(path)
    assert len(list(camera.frames())) < 20
    assert "cut off" in camera.remarks[0]
    camera.close()


def test_a_sound_file_with_a_cover_is_no_film(tmp_path: Path) -> None:
    path = sound_and_picture(tmp_path / "song.mp4", cover=True)
    with pytest.raises(
        ClipError, match=r"song\.mp4 is a sound file with a cover picture.*cover\.png"
    ):
        FileCamera(path)
