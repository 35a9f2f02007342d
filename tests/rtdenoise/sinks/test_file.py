"""Files as sinks: what is in them, and that they are written whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rtdenoise.cameras import open_camera
from rtdenoise.cameras.file import FileCamera
from rtdenoise.errors import SinkError, StorageError
from rtdenoise.frames import (
    Chroma,
    Matrix,
    PlaneFormat,
    Planes,
    convert,
    empty_planes,
    planes_from_frame,
)
from rtdenoise.sinks import open_sink
from rtdenoise.sinks.file import FileSink
from rtdenoise.sinks.null import NullSink
from rtdenoise.sinks.storage import VIDEO_SUFFIXES

MakePicture = Callable[..., Planes]
MakeClip = Callable[..., Path]
RATE = Fraction(30000, 1001)


def read(path: Path) -> list[Planes]:
    camera = FileCamera(path)
    frames = [planes_from_frame(frame).copy() for frame in camera.frames()]
    camera.close()
    return frames


def noise(layout: PlaneFormat, seed: int, time_s: float) -> Planes:
    rng = np.random.default_rng(seed)
    planes = empty_planes(layout, time_s)
    for plane in (planes.y, planes.u, planes.v):
        plane[:] = rng.integers(0, 256, plane.shape)
    return planes


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
@pytest.mark.parametrize(
    ("chroma", "full", "matrix", "size"),
    [
        ("420", False, "bt601", (64, 48)),
        ("422", True, "bt709", (64, 48)),
        ("444", True, "bt601", (33, 47)),
        ("gray", True, "bt601", (64, 48)),
    ],
)
def test_pictures_come_back(
    tmp_path: Path,
    make_picture: MakePicture,
    suffix: str,
    chroma: Chroma,
    full: bool,
    matrix: Matrix,
    size: tuple[int, int],
) -> None:
    path = tmp_path / f"clip{suffix}"
    pictures = [
        make_picture(*size, chroma, full, matrix, shift=5 * n, time_s=7 + n / 30) for n in range(6)
    ]
    sink = open_sink(str(path), format=pictures[0].format, rate_fps=RATE)
    assert sink.name == path.name
    for picture in pictures:
        sink.write(picture)
    assert not path.exists()
    sink.close()
    sink.close()
    back = read(path)
    assert len(back) == 6
    assert [p.time_s for p in back] == pytest.approx([n / 30 for n in range(6)], abs=1e-3)
    assert back[0].format.full_range == (True if suffix == ".avi" else full)
    assert back[0].format.matrix == ("bt601" if suffix == ".avi" else matrix)
    assert (back[0].format.width, back[0].format.height) == size
    if matrix == back[0].format.matrix:
        for one, other in zip(pictures, back, strict=True):
            expected = convert(one, one.format.chroma, other.format.full_range).y
            assert np.abs(expected.astype(int) - other.y).mean() < 2
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_nut_keeps_every_bit(tmp_path: Path, chroma: Chroma, full: bool, matrix: Matrix) -> None:
    layout = PlaneFormat(35, 17, chroma, full, matrix)
    frames = [noise(layout, n, n / 30) for n in range(3)]
    path = tmp_path / "clip.nut"
    sink = FileSink(path, format=layout, rate_fps=RATE)
    for frame in frames:
        sink.write(frame)
    sink.close()
    for one, other in zip(frames, read(path), strict=True):
        assert one.format == other.format
        for a, b in ((one.y, other.y), (one.u, other.u), (one.v, other.v)):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut", ".avi"])
def test_times_that_do_not_rise_are_mended(
    tmp_path: Path, make_picture: MakePicture, suffix: str
) -> None:
    path = tmp_path / f"clip{suffix}"
    picture = make_picture()
    sink = FileSink(path, format=picture.format, rate_fps=Fraction(25))
    for time_s in (3.0, 3.04, 3.04, 2.0, 3.5):
        sink.write(replace(picture, time_s=time_s))
    sink.close()
    times = [p.time_s for p in read(path)]
    # An interval of 1/25 s where the clock stood still; a gap stays a gap (in AVI: empty packets).
    expected = [0, 0.04, 0.08, 0.12, 0.5]
    assert times == pytest.approx(expected, abs=0.021 if suffix == ".avi" else 1e-3)


def test_abort_leaves_what_was_there(tmp_path: Path, make_picture: MakePicture) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("earlier")
    picture = make_picture()
    sink = FileSink(path, format=picture.format, rate_fps=RATE)
    sink.write(picture)
    sink.abort()
    sink.abort()
    sink.close()
    assert path.read_text() == "earlier"
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_abort_after_close_keeps_the_file(tmp_path: Path, make_picture: MakePicture) -> None:
    path = tmp_path / "clip.mkv"
    picture = make_picture()
    sink = FileSink(path, format=picture.format, rate_fps=RATE)
    sink.write(picture)
    sink.close()
    sink.abort()
    assert len(read(path)) == 1


def test_no_frames_is_no_file(tmp_path: Path, make_picture: MakePicture) -> None:
    sink = FileSink(tmp_path / "clip.mp4", format=make_picture().format, rate_fps=RATE)
    sink.close()
    assert os.listdir(tmp_path) == []


def test_another_format_in_the_middle_is_refused(tmp_path: Path, make_picture: MakePicture) -> None:
    sink = FileSink(tmp_path / "clip.mp4", format=make_picture().format, rate_fps=RATE)
    sink.write(make_picture())
    with pytest.raises(SinkError, match="changed"):
        sink.write(make_picture(32, 32))
    assert os.listdir(tmp_path) == []


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Lets no file of this process grow over ``size`` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill(path: Path) -> None:
    layout = PlaneFormat(320, 240, "420", True, "bt601")
    sink = FileSink(path, format=layout, rate_fps=RATE)
    for n in range(60):
        sink.write(noise(layout, n, n / 30))
    sink.close()


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_a_file_that_can_not_grow_is_removed(tmp_path: Path, suffix: str) -> None:
    with largest_file(100_000), pytest.raises(StorageError, match="can't be written"):
        fill(tmp_path / f"clip{suffix}")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_full_disk(tiny_disk: Path, suffix: str) -> None:
    path = tiny_disk / f"clip{suffix}"
    with pytest.raises(StorageError) as error:
        fill(path)
    assert error.value.message == f"The disk that holds {path} is full."
    assert error.value.hint
    assert os.listdir(tiny_disk) == []


@pytest.mark.parametrize("suffix", VIDEO_SUFFIXES)
def test_a_film_ends_whole_before_its_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"film{suffix}"
    layout = PlaneFormat(64, 48, "420", True, "bt601")
    free = [20_000_000]
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free[0]))
    sink = open_sink(str(path), format=layout, rate_fps=RATE)
    for index in range(20):
        sink.write(noise(layout, index, index / float(RATE)))
    free[0] = 100
    for index in range(20, 30):
        sink.write(noise(layout, index, index / float(RATE)))
    with pytest.raises(StorageError, match="the film ends here, and is kept"):
        sink.write(noise(layout, 30, 30 / float(RATE)))
    sink.abort()
    assert os.listdir(tmp_path) == [path.name]
    assert len(list(open_camera(f"file:{path}").frames())) == 30
    with pytest.raises(StorageError, match="full but for 8 MB"):
        open_sink(str(path), format=layout, rate_fps=RATE).write(noise(layout, 0, 0.0))


def test_a_picture_on_a_full_disk(tiny_disk: Path) -> None:
    layout = PlaneFormat(640, 480, "420", True, "bt601")
    sink = open_sink(str(tiny_disk / "a.png"), format=layout, rate_fps=RATE)
    sink.write(noise(layout, 0, 0.0))
    with pytest.raises(StorageError, match="full"):
        sink.close()
    assert os.listdir(tiny_disk) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".nut", ".mov"])
def test_audio_is_copied_byte_for_byte(
    tmp_path: Path, make_clip: MakeClip, make_picture: MakePicture, suffix: str
) -> None:
    source = make_clip("source.mkv", frames=5, audio=0.5)
    path = tmp_path / f"copy{suffix}"
    picture = make_picture()
    with av.open(str(source)) as container:
        streams = list(container.streams.audio)
        sink = FileSink(
            path, format=picture.format, rate_fps=Fraction(25), audio=streams, start_s=0.0
        )
        for n in range(5):
            sink.write(replace(picture, time_s=n / 25))
        sound = []
        for packet in container.demux(streams):
            if packet.size:
                sound.append(bytes(packet))
                sink.copy(packet)
        sink.close()
    with av.open(str(path)) as container:
        assert [bytes(p) for p in container.demux(audio=0) if p.size] == sound


@pytest.mark.parametrize(("codec", "good"), [("pcm_mulaw", ".mov"), ("pcm_s16le", ".mkv")])
def test_audio_that_the_container_can_not_hold(
    tmp_path: Path, make_picture: MakePicture, codec: str, good: str
) -> None:
    source = tmp_path / "source.avi"
    with av.open(str(source), "w") as container:
        stream = container.add_stream(codec, rate=8000)
        assert isinstance(stream, av.AudioStream)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        piece.sample_rate = 8000
        for packet in (*stream.encode(piece), *stream.encode(None)):
            container.mux(packet)
    picture = make_picture()
    with av.open(str(source)) as container:
        audio = list(container.streams.audio)
        with pytest.raises(SinkError, match=f"can't hold audio in {codec}") as error:
            FileSink(tmp_path / "a.mp4", format=picture.format, rate_fps=RATE, audio=audio)
    assert good in error.value.hint
    assert os.listdir(tmp_path) == ["source.avi"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("clean.xyz", "unknown suffix .xyz"),
        ("clean", "no suffix"),
        ("virtal", "Did you mean virtual?"),
        ("virtal:Camera", "Did you mean virtual:Camera?"),
        ("nul", "Did you mean null?"),
        (".", "is a folder"),
    ],
)
def test_unknown_outputs_get_a_hint(make_picture: MakePicture, output: str, words: str) -> None:
    with pytest.raises(SinkError) as error:
        open_sink(output, format=make_picture().format, rate_fps=RATE)
    assert words in str(error.value)


def test_all_suffixes_are_named(make_picture: MakePicture) -> None:
    with pytest.raises(SinkError) as error:
        open_sink("clean.xyz", format=make_picture().format, rate_fps=RATE)
    for suffix in (*VIDEO_SUFFIXES, ".png", ".jpg", "virtual", "null"):
        assert suffix in error.value.hint


def test_null_counts(make_picture: MakePicture) -> None:
    sink = open_sink("null", format=make_picture().format, rate_fps=RATE)
    assert isinstance(sink, NullSink)
    sink.write(make_picture())
    sink.close()
    sink.abort()
    assert sink.frames == 1
    assert sink.name == "null"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".PNG"])
@pytest.mark.parametrize("chroma", ["420", "444", "gray"])
def test_pictures(tmp_path: Path, make_picture: MakePicture, suffix: str, chroma: Chroma) -> None:
    path = tmp_path / f"picture{suffix}"
    picture = make_picture(65, 49, chroma)
    sink = open_sink(str(path), format=picture.format, rate_fps=RATE)
    sink.write(picture)
    assert os.listdir(tmp_path) == []
    sink.close()
    (back,) = read(path)
    assert back.format.full_range
    assert np.abs(back.y.astype(int) - picture.y).mean() < 1.5


def test_one_picture_is_one_frame(tmp_path: Path, make_picture: MakePicture) -> None:
    sink = open_sink(str(tmp_path / "a.png"), format=make_picture().format, rate_fps=RATE)
    sink.write(make_picture())
    with pytest.raises(SinkError, match="more than one frame"):
        sink.write(make_picture())
    sink.abort()
    sink.close()
    assert os.listdir(tmp_path) == []
