"""Recordings that were put together, whose sound overlaps where they meet."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from rtdenoise.cameras.file import FileCamera
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import SinkError
from rtdenoise.frames import Planes
from rtdenoise.sinks.copied_times import CopiedTimes
from rtdenoise.sinks.file import FileSink
from rtdenoise.stream.transcode import transcode

RATE = 44_100
HOLD_ALL = (".mkv", ".nut")
HELD = {  # beside what holds all
    "aac": (".mp4", ".mov", ".avi"),
    "mp2": (".mp4", ".mov", ".avi"),
    "ac3": (".mp4", ".mov", ".avi"),
    "flac": (".mp4",),
    "pcm_s16le": (".mov", ".avi"),
    "adpcm_ms": (".avi",),
}
PAIRS = [
    (codec, suffix)
    for codec, more in HELD.items()
    for suffix in (*more, *HOLD_ALL)
    if (codec, suffix) != ("adpcm_ms", ".mkv")
]


def recording(path: Path, codec: str, *, seconds: float = 0.6, start_s: float = 0.0) -> Path:
    """Black pictures at 25/s, and a tone."""
    at = {"output_ts_offset": str(start_s)} if start_s else {}
    with av.open(str(path), "w", container_options=at) as container:
        video: Any = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound: Any = container.add_stream(codec, rate=RATE)
        sound.layout = "mono"
        container.start_encoding()
        black = VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        for n in range(round(seconds * 25)):
            black.pts, black.time_base = n, Fraction(1, 25)
            container.mux(video.encode(black.reformat(format="yuv420p")))
        container.mux(video.encode(None))
        piece = sound.codec_context.frame_size or 1024
        kind = sound.codec_context.format.name
        for n in range(round(seconds * RATE / piece)):
            tone = np.sin(np.arange(n * piece, (n + 1) * piece) * 0.05) * 0.3
            whole = kind.startswith("s16")
            data = (tone * 32767).astype(np.int16) if whole else tone.astype(np.float32)
            frame = av.AudioFrame.from_ndarray(data[None], kind, "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, n * piece, Fraction(1, RATE)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def read(path: Path, kind: str) -> list[Any]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(**{kind: 0}) if packet.size]


def times(packets: list[Any]) -> list[float]:
    return [float(p.pts * p.time_base) for p in packets if p.pts is not None and p.time_base]


def joined(source: Path, target: Path, make: Planes, *, overlap_s: float, joints: int = 1) -> float:
    """The sound of a recording again and again, each a little early; what was left out in s."""
    with av.open(str(source)) as container:
        stream = container.streams.audio[0]
        sink = FileSink(
            target, format=make.format, rate_fps=Fraction(25), audio=[stream], start_s=0.0
        )
        parts = 1 + joints
        for n in range(15 * parts):
            sink.write(replace(make, time_s=n / 25))
        length_s = 0.0
        for part in range(parts):
            container.seek(0)
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                assert packet.dts is not None
                assert packet.pts is not None
                assert packet.time_base is not None
                ticks = round(part * (length_s - overlap_s) / packet.time_base)
                end_s = float((packet.dts + (packet.duration or 0)) * packet.time_base)
                length_s = max(length_s, end_s) if not part else length_s
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                sink.copy(packet)
        sink.close()
    return sink.overlap_s


@pytest.mark.parametrize(("codec", "suffix"), PAIRS)
def test_sound_that_overlaps_is_kept_and_stays_in_time(
    tmp_path: Path, make_picture: Any, codec: str, suffix: str
) -> None:
    container = ".avi" if codec.startswith("adpcm") else ".mkv"
    source = recording(tmp_path / f"one{container}", codec)
    out = tmp_path / f"out{suffix}"
    left_out_s = joined(source, out, make_picture(), overlap_s=0.02, joints=3)
    before, after = read(source, "audio"), read(out, "audio")
    placed = times(after)
    assert placed == sorted(placed if suffix == ".mkv" else set(placed))
    piece_s = float(np.median(np.diff(times(before))))
    timeless = suffix == ".avi" or (suffix, codec) == (".mov", "pcm_s16le")
    stored, given = (sum(p.size for p in packets) for packets in (after, before))
    if timeless:  # it can't say when a sound is heard
        priming_s = max(0.0, -times(before)[0])
        assert 0 <= left_out_s <= 3 * (0.02 + priming_s) + piece_s
        share = left_out_s / (4 * piece_s * len(before))
        assert stored == pytest.approx(4 * given * (1 - share), rel=0.02)
    else:
        assert (left_out_s, stored) == (0, 4 * given)
    # The last packet comes when it should.
    length_s = max(float((p.dts + p.duration) * p.time_base) for p in before)
    late_s = placed[-1] - placed[0] - (times(before)[-1] - times(before)[0]) - 3 * (length_s - 0.02)
    assert abs(late_s) < (1.2 * piece_s if timeless else 0.005 + before[0].time_base / 2)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".nut"])
def test_packets_shorter_than_a_tick_of_the_recording_keep_their_times(
    tmp_path: Path, make_picture: Any, suffix: str
) -> None:
    make, length_s = make_picture(), 40 / 48_000  # of TrueHD
    source, out = recording(tmp_path / "one.mkv", "mp2"), tmp_path / f"out{suffix}"
    given = [round(n * length_s * 1000) / 1000 for n in range(720)]
    with av.open(str(source)) as container:
        stream = container.streams.audio[0]
        sink = FileSink(out, format=make.format, rate_fps=Fraction(25), audio=[stream], start_s=0.0)
        for n in range(15):
            sink.write(replace(make, time_s=n / 25))
        piece = bytes(next(container.demux(stream)))
        for time_s in given:
            packet: Any = av.Packet(piece)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = round(time_s * 1000)
            assert sink.copy(packet)
        sink.close()
    with av.open(str(out)) as container:
        placed = [float(p.dts * p.time_base) for p in container.demux(audio=0) if p.dts is not None]
    assert len(given) > len(set(given))
    assert placed == pytest.approx(given, abs=0.002)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".nut"])
def test_streams_of_which_one_follows_another(tmp_path: Path, suffix: str) -> None:
    one = recording(tmp_path / "one.ts", "mp2", seconds=0.56)
    source = tmp_path / "both.ts"
    source.write_bytes(one.read_bytes() * 2)
    report = transcode(FileCamera(source), Passthrough(), str(tmp_path / f"out{suffix}"))
    assert report.frames == 28
    assert len(read(tmp_path / f"out{suffix}", "audio")) == len(read(source, "audio"))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".nut", ".avi"])
def test_recordings_that_overlap_stay_together(tmp_path: Path, suffix: str) -> None:
    parts = [recording(tmp_path / f"{n}.ts", "mp2", seconds=1.0, start_s=n * 0.76) for n in (0, 1)]
    source, out = tmp_path / "both.ts", tmp_path / f"out{suffix}"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = transcode(FileCamera(source), Passthrough(), str(out))
    assert report.frames == 50
    ends = [max(times(read(out, kind))) for kind in ("video", "audio")]
    was = [max(times(read(parts[1], kind))) for kind in ("video", "audio")]
    late_s = ends[1] - ends[0] - (was[1] - was[0])
    assert abs(late_s) < (0.04 if suffix == ".avi" else 0.02)
    overlap = [text for text in report.remarks if "overlap" in text]
    assert len(overlap) == (suffix == ".avi")


@pytest.mark.parametrize("suffix", [".avi", ".mov"])
def test_silence_fills_pauses_that_the_file_can_not_say(
    tmp_path: Path, make_picture: Any, suffix: str
) -> None:
    source, out = recording(tmp_path / "one.mkv", "pcm_s16le"), tmp_path / f"out{suffix}"
    assert joined(source, out, make_picture(), overlap_s=-0.5, joints=1) == 0
    length_s = sum(p.size for p in read(source, "audio")) / 2 / RATE
    stored = b"".join(bytes(p) for p in read(out, "audio"))
    assert len(stored) / 2 / RATE == pytest.approx(2 * length_s + 0.5, abs=0.002)
    middle = round((length_s + 0.25) * RATE) * 2
    assert not any(stored[middle - 2000 : middle + 2000])


@pytest.mark.parametrize(("codec", "pause_s"), [("adpcm_ms", 1.0), ("pcm_s16le", 4000.0)])
def test_other_pauses_of_the_sound_are_refused(
    tmp_path: Path, make_picture: Any, codec: str, pause_s: float
) -> None:
    source = recording(tmp_path / "one.avi", codec)
    with pytest.raises(SinkError, match=f"sound pauses for {pause_s:.0f}") as error:
        joined(source, tmp_path / "out.avi", make_picture(), overlap_s=-pause_s)
    assert ".nut" in error.value.hint


def test_a_pause_of_the_picture_that_avi_can_not_say_is_refused(
    tmp_path: Path, make_picture: Any
) -> None:
    picture, rate = make_picture(), Fraction(25)
    for suffix in (".mp4", ".nut", ".avi"):
        sink = FileSink(tmp_path / f"out{suffix}", format=picture.format, rate_fps=rate)
        sink.write(picture)
        if suffix == ".avi":
            with pytest.raises(SinkError, match="picture pauses for 3600"):
                sink.write(replace(picture, time_s=3600.0))
        else:
            sink.write(replace(picture, time_s=3600.0))
            sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "out.nut"]


def test_blocks_of_adpcm_last_in_avi_as_long_as_before(tmp_path: Path) -> None:
    source, out = recording(tmp_path / "one.avi", "adpcm_ms"), tmp_path / "out.avi"
    transcode(FileCamera(source), Passthrough(), str(out))
    before, after = read(source, "audio"), read(out, "audio")
    assert [bytes(p) for p in after] == [bytes(p) for p in before]
    assert times(after) == pytest.approx(times(before), abs=1e-4)


def test_adpcm_whose_blocks_nothing_tells_is_refused_in_avi(tmp_path: Path) -> None:
    source = recording(tmp_path / "one.nut", "adpcm_ms")
    with pytest.raises(SinkError, match=r"\.avi can't hold audio in adpcm_ms") as error:
        transcode(FileCamera(source), Passthrough(), str(tmp_path / "out.avi"))
    assert ".nut" in error.value.hint


def test_what_the_muxer_refuses_is_said_without_the_name_of_a_temporary_file(
    tmp_path: Path, make_picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise av.error.ArgumentError(22, "Invalid argument", "file:.out.12.part.mp4")

    picture = make_picture()
    source = recording(tmp_path / "one.mkv", "mp2")
    with av.open(str(source)) as container:
        sound = container.streams.audio[0]
        sink = FileSink(
            tmp_path / "out.mp4", format=picture.format, rate_fps=Fraction(25), audio=[sound]
        )
        sink.write(picture)
        monkeypatch.setattr(sink, "_begun", True)
        monkeypatch.setattr(sink, "_store", refuse)
        with pytest.raises(SinkError, match="can't hold the sound in MP2") as error:
            sink.copy(next(container.demux(sound)))
    assert ".part" not in str(error.value)
    assert "returned" not in str(error.value)


@pytest.mark.parametrize(("codec", "rate"), [("adpcm_ms", 11_025), ("pcm_s16le", 44_100)])
def test_hours_of_sound_go_into_avi_whole(codec: str, rate: int) -> None:
    with av.open(io.BytesIO(), "w", format="avi") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        container.start_encoding()
        # The header's rate is a whole number of bits.
        size, samples = (256, 500) if codec == "adpcm_ms" else (2048, 1024)
        stream.codec_context.bit_rate = size * 8 * rate // samples
        stored = CopiedTimes(stream, ".avi")
        for n in range(120_000):
            packet: Any = av.Packet(size)
            packet.time_base = Fraction(samples, rate)
            packet.pts = packet.dts = n
            assert len(stored.place(packet)) == 1
    assert stored.left_out_s == 0
