"""`rtdenoise denoise`, mostly with the denoiser that changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result

from rtdenoise import stream
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cli import Settings
from rtdenoise.commands.denoise import command
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import ClipError, RtdenoiseError, SinkError, StorageError
from rtdenoise.frames import Planes, planes_from_frame, rgb_frame
from rtdenoise.sinks.file import FileSink
from rtdenoise.stream import transcode

MakeClip = Callable[..., Path]
MakePicture = Callable[..., Planes]
FOOTAGE = Path(__file__).resolve().parents[3] / "../shared/data"


@pytest.fixture
def denoise(tmp_path: Path) -> Callable[..., Result]:
    """Runs the command; raises what it raises."""
    settings = Settings(home=tmp_path / "home")

    def run(*args: object) -> Result:
        words = [str(arg) for arg in args]
        return CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)

    return run


def read(path: Path) -> list[Planes]:
    camera = FileCamera(path)
    frames = [planes_from_frame(frame).copy() for frame in camera.frames()]
    camera.close()
    return frames


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def assert_same(a: list[Planes], b: list[Planes]) -> None:
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.format == other.format
        assert one.time_s == pytest.approx(other.time_s, abs=1e-3)
        for x, y in ((one.y, other.y), (one.u, other.u), (one.v, other.v)):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "options", [("--network", "none"), ("--network", "recursive", "--strength", "0")]
)
def test_nothing_done_is_bit_exact(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path, options: tuple[str, ...]
) -> None:
    source, out = make_clip(frames=8), tmp_path / "out.nut"
    result = denoise(source, out, *options)
    assert result.exit_code == 0
    assert "8 frames" in result.output
    assert_same(read(out), read(source))


def test_recursive_denoiser_changes_the_picture_and_strength_says_how_much(
    denoise: Callable[..., Result], make_picture: MakePicture, tmp_path: Path
) -> None:
    picture, rng = make_picture(320, 240), np.random.default_rng(0)
    source = tmp_path / "noisy.nut"
    sink = FileSink(source, format=picture.format, rate_fps=Fraction(25))
    for n in range(8):
        y = picture.y + rng.normal(0, 6, picture.y.shape)
        noisy = y.round().clip(0, 255).astype(np.uint8)
        sink.write(replace(picture, y=noisy, time_s=n / 25))
    sink.close()
    outs = {}
    for strength in ("0", "0.5", "1"):
        out = tmp_path / f"{strength}.nut"
        options = ("--network", "recursive", "--strength", strength)
        assert denoise(source, out, *options).exit_code == 0
        outs[strength] = read(out)[-1].y.astype(int)
    half, whole = (np.abs(outs[s] - outs["0"]).mean() for s in ("0.5", "1"))
    assert whole > 1
    assert half == pytest.approx(whole / 2, rel=0.2)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "nut"])
def test_audio_is_copied_byte_for_byte(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path, suffix: str
) -> None:
    source, out = make_clip(frames=25, audio=1.0), tmp_path / f"out.{suffix}"
    result = denoise(source, out, "--network", "none")
    assert "audio copied" in result.output
    assert packets(out, "audio") == packets(source, "audio")
    assert len(read(out)) == 25


def test_sound_and_picture_stay_together(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    # The recording starts at 2 s; its copy starts at 0, by the same shift for both.
    source, out = make_clip(frames=25, audio=1.0, start=50), tmp_path / "out.mkv"
    denoise(source, out, "--network", "none")

    def begins(path: Path) -> tuple[float, float]:
        with av.open(str(path)) as container:
            first: dict[str, float] = {}
            for packet in container.demux():
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    first.setdefault(packet.stream.type, float(packet.pts * packet.time_base))
        return first["video"], first["audio"]

    before, after = begins(source), begins(out)
    assert before[0] == pytest.approx(2.0, abs=0.03)
    assert after[0] == pytest.approx(0.0, abs=0.03)
    assert after[0] - after[1] == pytest.approx(before[0] - before[1], abs=2e-3)


def test_seconds_cut_picture_and_sound(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    source, out = make_clip(frames=50, audio=2.0), tmp_path / "out.mkv"
    result = denoise(source, out, "--network", "none", "--seconds", "0.4")
    assert "10 frames" in result.output
    assert len(read(out)) == 10
    assert 0.3 * 48000 / 1024 < len(packets(out, "audio")) < 0.5 * 48000 / 1024


def test_picture_to_picture(
    denoise: Callable[..., Result], make_picture: MakePicture, tmp_path: Path
) -> None:
    png, out, jpg = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.jpg"
    rgb_frame(make_picture(61, 47, "444")).save(str(png))
    assert denoise(png, out, "--network", "none").exit_code == 0
    with av.open(str(png)) as one, av.open(str(out)) as other:
        rgb, same = (next(c.decode(video=0)).to_ndarray(format="rgb24") for c in (one, other))
    np.testing.assert_array_equal(rgb, same)
    assert denoise(png, jpg, "--network", "none").exit_code == 0
    assert np.abs(read(jpg)[0].y.astype(int) - read(png)[0].y).mean() < 1.5


def test_folder_of_pictures_to_video(
    denoise: Callable[..., Result], make_picture: MakePicture, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(3):
        rgb_frame(make_picture(shift=n)).save(str(folder / f"{n}.png"))
    assert denoise(folder, tmp_path / "out.mp4", "--network", "none").exit_code == 0
    assert len(read(tmp_path / "out.mp4")) == 3


def test_damaged_packets_are_reported(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    source = make_clip(frames=20)
    with av.open(str(source)) as container:
        packet = [bytes(p) for p in container.demux(video=0) if p.size][10]
    data = bytearray(source.read_bytes())
    middle = data.index(packet) + len(packet) // 2  # not where the container says what follows
    data[middle : middle + 40] = bytes(40)
    source.write_bytes(data)
    result = denoise(source, tmp_path / "out.mkv", "--network", "none")
    assert "1 damaged left out" in result.output


def test_says_what_is_wrong(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    clip = make_clip(frames=3)
    text = tmp_path / "notes.txt"
    text.write_text("milk\n" * 99)
    before = set(os.listdir(tmp_path))
    for source, out, words in (
        (tmp_path / "no.mkv", "out.mp4", "There is no file"),
        (text, "out.mp4", "is a text file"),
        ("/dev/null", "out.mp4", "is a device, and no recording"),
        (clip, "out.xyz", "unknown suffix"),
        (clip, clip.name, "is the input itself"),
        (clip, "out.png", "more than one frame"),
        (clip, "", "is a folder"),
    ):
        with pytest.raises(RtdenoiseError, match=words):
            denoise(source, f"{tmp_path}/{out}", "--network", "none")
        assert set(os.listdir(tmp_path)) == before
    with pytest.raises(RtdenoiseError, match="no network 'fancy'"):
        denoise(clip, tmp_path / "out.mp4", "--network", "fancy")
    assert denoise(clip, tmp_path / "out.mp4", "--strength", "2").exit_code == 2


def test_names_that_are_too_long(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    clip, long = make_clip(frames=3), tmp_path / ("x" * 300 + ".mp4")
    with pytest.raises(ClipError, match="can't be read: File name too long"):
        denoise(long, tmp_path / "out.mp4")
    with pytest.raises(ClipError, match="can't be read: File name too long"):
        denoise(f"file:{long}", tmp_path / "out.mp4")
    with pytest.raises(StorageError, match="is too long"):
        denoise(clip, long, "--network", "none")
    with pytest.raises(SinkError, match="no suffix"):
        denoise(clip, f"{long.with_suffix('')}/", "--network", "none")


@pytest.mark.parametrize("at", ["in", "out"])
def test_a_folder_that_may_not_be_read(
    denoise: Callable[..., Result],
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
) -> None:
    clip, folder = make_clip(frames=3), tmp_path / "locked"
    stat = os.stat

    def refuse(path: object, *args: object, **more: object) -> os.stat_result:
        if str(path).startswith(f"{folder}/"):  # root may read it
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *args, **more)  # type: ignore[arg-type]

    folder.mkdir()
    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    names = (folder / "a.mkv", tmp_path / "out.mp4") if at == "in" else (clip, folder / "a.mkv")
    with pytest.raises(RtdenoiseError, match=r"no permission to (read|write) .*locked/a\.mkv"):
        denoise(*names, "--network", "none")


class Interrupted(Passthrough):
    """Presses Ctrl-C in the third frame."""

    frames = 0

    def __call__(self, planes: Planes) -> Planes:
        self.frames += 1
        if self.frames == 3:
            raise KeyboardInterrupt
        return planes


def test_ctrl_c_leaves_no_file(make_clip: MakeClip, tmp_path: Path) -> None:
    source = make_clip(frames=30)
    camera = FileCamera(source)
    with pytest.raises(KeyboardInterrupt):
        transcode(camera, Interrupted(), str(tmp_path / "out.mp4"))
    assert os.listdir(tmp_path) == [source.name]


def test_ctrl_c_says_so(
    denoise: Callable[..., Result],
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stream, "transcode", interrupted)
    result = denoise(make_clip(frames=3), tmp_path / "out.mp4", "--network", "none")
    assert result.exit_code == 1
    assert "was not written" in result.output


def test_full_disk_leaves_no_file(
    make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_clip(frames=10)
    frames = []

    def full(self: FileSink, frame: object) -> None:
        frames.append(frame)
        if len(frames) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(FileSink, "_mux", full)
    with pytest.raises(StorageError, match="is full"):
        transcode(FileCamera(source), Passthrough(), str(tmp_path / "out.mp4"))
    assert os.listdir(tmp_path) == [source.name]


def test_real_footage(denoise: Callable[..., Result], tmp_path: Path) -> None:
    source = FOOTAGE / "parking.mkv"
    if not source.exists():
        pytest.skip("the real footage is not here")
    out = tmp_path / "clean.mp4"
    assert "120 frames" in denoise(source, out).output
    noisy, clean = (np.stack([p.y for p in read(path)[60:80]]) for path in (source, out))
    assert clean.shape == noisy.shape
    # Most of the picture is still: what changes there from frame to frame is noise.
    assert np.median(clean.std(axis=0)) < 0.6 * np.median(noisy.std(axis=0))
    assert np.abs(clean.mean(axis=0) - noisy.mean(axis=0)).mean() < 2


def joined(path: Path, parts: list[Path]) -> Path:
    """The packets of several recordings of 10 frames one after the other."""
    with av.open(str(path), "w") as target:
        outs: dict[str, av.stream.Stream] = {}
        for place, part in enumerate(parts):
            with av.open(str(part)) as source:
                if not outs:
                    for stream in source.streams:
                        outs[stream.type] = target.add_stream_from_template(stream)
                for packet in source.demux():
                    if packet.size:
                        assert packet.pts is not None
                        assert packet.time_base is not None
                        packet.pts += round(place * 0.4 / packet.time_base)
                        packet.dts = packet.pts
                        packet.stream = outs[packet.stream.type]
                        target.mux(packet)
    return path


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("parts", [2, 3])
def test_times_that_start_again_go_on_with_the_sound(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path, suffix: str, parts: int
) -> None:
    # Transport streams may be put together as they are.
    one = make_clip("one.ts", frames=50, codec="mpeg2video", audio=2.0)
    source = tmp_path / "joined.ts"
    source.write_bytes(one.read_bytes() * parts)
    out = tmp_path / f"out.{suffix}"
    result = denoise(source, out, "--network", "none")
    assert f"{50 * parts} frames" in result.output
    with av.open(str(out)) as container:
        sound = [p.dts for p in container.demux(container.streams.audio[0]) if p.dts is not None]
    assert sound == sorted(sound if suffix == "mkv" else set(sound))
    video = [planes.time_s for planes in read(out)]
    assert np.diff(video) == pytest.approx(0.04, abs=0.045)
    assert video[-1] == pytest.approx(2.0 * parts, abs=0.3)
    assert len(packets(out, "audio")) == len(packets(source, "audio"))


def test_a_picture_that_changes_is_brought_to_the_first_one(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    large, small = make_clip("a.mkv", size=(64, 48)), make_clip("b.mkv", size=(32, 24))
    out = tmp_path / "out.nut"
    result = denoise(joined(tmp_path / "c.mkv", [large, small]), out, "--network", "none")
    assert "20 frames" in result.output
    assert "10 frames were brought to that of the first one" in result.output
    frames = read(out)
    assert {(f.format.width, f.format.height) for f in frames} == {(64, 48)}
    assert abs(frames[15].y.mean() - frames[5].y.mean()) < 8


def test_a_track_that_ffmpeg_does_not_know_is_left_out_and_said(
    denoise: Callable[..., Result], make_clip: MakeClip, tmp_path: Path
) -> None:
    source = make_clip("clip.mov", frames=10, codec="libx264", audio=0.4)
    data = bytearray(source.read_bytes())
    sample = data.rindex(b"stsd")
    for old, new in ((b"mp4a", b"apac"), (b"esds", b"dapa")):
        at = data.index(old, sample)
        data[at : at + 4] = new
    source.write_bytes(data)
    result = denoise(source, tmp_path / "out.mov", "--network", "none")
    assert "An audio track is in a format that FFmpeg doesn't know, and left out" in result.output
    assert len(read(tmp_path / "out.mov")) == 10


@pytest.mark.parametrize(
    ("codec", "suffix", "good"),
    [
        ("libopus", ".mov", ".mkv"),
        ("pcm_s16le", ".mp4", ".mov"),
        ("flac", ".mov", ".mkv"),
        ("flac", ".avi", ".nut"),
        ("eac3", ".avi", ".mp4"),
    ],
)
def test_the_suffix_that_an_error_names_holds_the_audio(
    denoise: Callable[..., Result], tmp_path: Path, codec: str, suffix: str, good: str
) -> None:
    source = tmp_path / "clip.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("mjpeg", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuvj420p"
        sound = container.add_stream(codec, rate=48000)
        assert isinstance(sound, av.AudioStream)
        for index in range(5):
            frame = av.VideoFrame(64, 48, "yuvj420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = np.zeros((1, 9600), np.int16)
        piece = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        piece.sample_rate, piece.pts, piece.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    with pytest.raises(RtdenoiseError) as error:
        denoise(source, tmp_path / f"out{suffix}", "--network", "none")
    named = [word.rstrip(".,") for word in error.value.hint.split() if word.startswith(".")]
    assert good in named
    assert suffix not in named
    for other in named:
        assert denoise(source, tmp_path / f"out{other}", "--network", "none").exit_code == 0


def test_no_file_that_is_read_is_written(
    denoise: Callable[..., Result], make_clip: MakeClip, make_picture: MakePicture, tmp_path: Path
) -> None:
    clip = make_clip(frames=3)
    clip.with_suffix(".json").write_text("{}")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        rgb_frame(make_picture()).save(str(folder / f"{name}.png"))
    (tmp_path / "hard.mkv").hardlink_to(clip)
    (tmp_path / "soft.mkv").symlink_to(clip)
    (tmp_path / "facts.mkv").symlink_to(clip.with_suffix(".json"))
    (tmp_path / "hard.png").hardlink_to(folder / "b.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for source, out, words in (
        (clip, "hard.mkv", "is the input itself"),
        (clip, "soft.mkv", "is the input itself"),
        (tmp_path / "soft.mkv", "clip.mkv", "is the input itself"),
        (clip, "facts.mkv", "belongs to the input"),
        (folder, "pictures/a.png", "belongs to the input"),
        (folder, "hard.png", "belongs to the input"),
    ):
        with pytest.raises(RtdenoiseError, match=words):
            denoise(source, tmp_path / out, "--network", "none")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has fewer names")
@pytest.mark.parametrize(
    "name",
    [
        "clip [hd].mp4",
        "my:cat:.mp4",
        "out[/x].mp4",
        "[bold]a.mp4",
        "-dash.mp4",
        "~tilde.mp4",
        "two\nlines.mp4",
        os.fsdecode(b"caf\xe9\xff.mp4"),
        "a" * 241 + ".mp4",
        "{}.mp4",
    ],
)
def test_any_name_is_itself(
    make_clip: MakeClip,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    from rtdenoise.charset import narrow, visible
    from rtdenoise.cli import run

    monkeypatch.chdir(tmp_path)
    make_clip(frames=3)
    Path(name).parent.mkdir(exist_ok=True)
    said: list[str] = []
    monkeypatch.setattr("rtdenoise.console.show", lambda text, *_: said.append(text))
    home = ["--home", str(tmp_path / "home")]
    assert run([*home, "denoise", "--network", "none", "--", "clip.mkv", name]) == 0
    assert run([*home, "denoise", "--network", "none", "--", name, "again.mkv"]) == 0
    assert len(read(tmp_path / "again.mkv")) == 3
    assert sorted(os.listdir(tmp_path)) == sorted(["clip.mkv", name.split("/")[0], "again.mkv"])
    from rich.text import Text

    shown = Text.from_markup(said[0], emoji=False).plain
    assert narrow(visible(name), "utf-8") in narrow(shown, "utf-8")
