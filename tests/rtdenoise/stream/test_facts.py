"""What recordings and pictures say about themselves, from the file that is read to the file that is written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import VideoFrame

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.fitted import FittedCamera
from rtdenoise.cameras.iso_boxes import iso_facts
from rtdenoise.cameras.picture_tags import exif_orientation, picture_tags
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import ClipError, SinkError
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame
from rtdenoise.frames.facts import ColourTags, VideoFacts
from rtdenoise.frames.field_order import FieldMarker
from rtdenoise.frames.orientation import Orientation
from rtdenoise.sinks import beside, open_sink
from rtdenoise.sinks.beside import time_code
from rtdenoise.sinks.file import FileSink
from rtdenoise.sinks.picture_tags import with_tags
from rtdenoise.stream.transcode import TranscodeReport, transcode

ICC = b"\0" * 16 + b"RGB " + b"profile" * 20_000  # longer than one marker of JPEG


def film(path: Path, *, size: tuple[int, int] = (96, 64), frames: int = 3, **says: Any) -> Path:
    """A clip whose left half is dark, and whose codec context is told ``says``."""
    options = says.pop("options", {"qp": "0"})
    codec, pixels = says.pop("codec", "libx264"), says.pop("pixels", "yuv420p")
    turn, marker = says.pop("turn", None), FieldMarker(says.pop("fields", "progressive"))
    at = {"output_ts_offset": str(says.pop("starts", 0))}
    with av.open(str(path), "w", container_options=at) as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        for name, value in says.items():
            setattr(stream.codec_context, name, value)
        if turn is not None:
            stream.set_display_rotation(*turn)
        rgb = np.full((size[1], size[0], 3), 60, np.uint8)
        rgb[:, size[0] // 2 :] = 200
        rgb[: size[1] // 2, :, 2] = 90
        for n in range(frames):
            frame = VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(marker.mark(frame)))
        container.mux(stream.encode(None))
    return path


def copy(source: Path, target: Path) -> TranscodeReport:
    return transcode(FileCamera(source), Passthrough(), str(target))


def first(path: Path) -> VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def exif(number: int, order: str = "<") -> bytes:
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return head + struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, number, 0, 0)


# --- which way is up --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".nut", ".png", ".jpg"])
@pytest.mark.parametrize(
    ("turn", "number"), [((90,), 8), ((180,), 3), ((0, True, False), 2), ((90, True), 5)]
)
def test_a_turned_film_comes_out_upright(
    tmp_path: Path, suffix: str, turn: tuple[Any, ...], number: int
) -> None:
    picture = suffix in (".png", ".jpg")
    source = film(tmp_path / "in.mp4", turn=turn, frames=1 if picture else 3)
    way = FileCamera(source).facts.orientation
    assert way == Orientation.from_exif(number) or turn == (90, True)
    stored = first(source).to_ndarray(format="rgb24")
    copy(source, tmp_path / f"out{suffix}")
    shown = first(tmp_path / f"out{suffix}")
    assert shown.rotation == 0
    difference = shown.to_ndarray(format="rgb24").astype(int) - way.turn(stored)
    assert np.abs(difference).mean() < 4


def test_all_eight_ways_are_read_from_the_header(tmp_path: Path) -> None:
    found = set()
    for degrees in (0, 90, 180, 270):
        for flip in (False, True):
            path = film(tmp_path / f"{degrees}{flip}.mp4", turn=(degrees, flip), frames=1)
            found.add(FileCamera(path).facts.orientation)
    assert found == {Orientation.from_exif(n) for n in range(1, 9)}


def test_a_call_shows_it_upright_in_the_size_that_is_asked_for(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", turn=(90,))
    camera = FittedCamera(FileCamera(source), (40, 80), mirror=True)
    assert camera.facts is not None
    planes = planes_from_frame(next(iter(camera.frames())))
    out = tmp_path / "out.mkv"
    sink = open_sink(str(out), format=planes.format, rate_fps=Fraction(25), facts=camera.facts)
    for n in range(3):
        sink.write(Planes(planes.y, planes.u, planes.v, planes.format, n / 25))
    sink.close()
    shown = first(out)
    assert (shown.width, shown.height) == (40, 80)
    stored = first(source).to_ndarray(format="gray")
    upright = Orientation.from_exif(8).turn(stored)[:, ::-1]
    luma = shown.to_ndarray(format="gray")[12:-12]  # between the bars
    assert abs(int(luma[:20].mean()) - int(upright[:30].mean())) < 6
    assert abs(int(luma[-20:].mean()) - int(upright[-30:].mean())) < 6


def test_a_header_that_is_damaged_is_no_header(tmp_path: Path) -> None:
    path = film(tmp_path / "in.mp4", turn=(90,))
    data = path.read_bytes()
    for n in range(0, len(data), 7):
        short = tmp_path / "short.mp4"
        short.write_bytes(data[:n])
        iso_facts(short)  # whatever it finds, it raises nothing
    facts = iso_facts(path)
    assert facts is not None
    assert not facts.dolby_vision
    (tmp_path / "no.mp4").write_bytes(b"\0" * 99)
    assert iso_facts(tmp_path / "no.mp4") is None


def test_tiles_of_a_picture_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "in.mp4")
    path.write_bytes(path.read_bytes().replace(b"isom", b"heic", 1))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.disposition = av.stream.Disposition.dependent
        monkeypatch.setattr("rtdenoise.cameras.file.open_container", lambda _: container)
        with pytest.raises(ClipError, match="tiles"):
            FileCamera(path)


# --- colours ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(96, 64), (1280, 720)])
def test_what_is_not_said_stays_unsaid_and_is_read_as_players_do(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    source = film(tmp_path / "in.mp4", size=size, frames=1)
    camera = FileCamera(source)
    assert camera.facts.colour == ColourTags()
    planes = planes_from_frame(next(iter(camera.frames())))
    assert planes.format.matrix == ("bt709" if size[0] >= 1280 else "bt601")
    for suffix in (".mkv", ".mp4", ".nut"):
        copy(source, tmp_path / f"out{suffix}")
        assert FileCamera(tmp_path / f"out{suffix}").facts.colour == ColourTags()


def test_what_is_not_said_is_said_where_another_size_would_mean_another_matrix(
    tmp_path: Path,
) -> None:
    layout = PlaneFormat(96, 64, "420", False, "bt709")  # as of an HD film that was made smaller
    chroma = np.full(layout.chroma_shape, 128, np.uint8)
    sink = FileSink(tmp_path / "a.mkv", format=layout, rate_fps=Fraction(25), facts=VideoFacts())
    sink.write(Planes(np.full((64, 96), 90, np.uint8), chroma, chroma, layout, 0.0))
    sink.close()
    assert FileCamera(tmp_path / "a.mkv").facts.colour.matrix == 1


@pytest.mark.parametrize("size", [(96, 64), (35, 17)])
def test_nut_never_shows_full_range_as_limited(tmp_path: Path, size: tuple[int, int]) -> None:
    source = film(
        tmp_path / "in.mkv", size=size, codec="mjpeg", pixels="yuvj420p", options={}, color_range=2
    )
    copy(source, tmp_path / "out.nut")
    one, other = first(source), first(tmp_path / "out.nut")
    assert other.color_range == 2
    for a, b in zip(one.planes, other.planes, strict=True):
        rows = [
            np.frombuffer(bytes(p), np.uint8).reshape(p.height, -1)[:, : p.width] for p in (a, b)
        ]
        np.testing.assert_array_equal(rows[0], rows[1])


HLG: dict[str, Any] = {"color_primaries": 9, "color_trc": 18, "colorspace": 9, "color_range": 1}
X265 = {"x265-params": "log-level=none", "preset": "ultrafast"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".nut"])
def test_hdr_keeps_its_depth_and_its_tags(tmp_path: Path, suffix: str) -> None:
    source = film(tmp_path / "in.mp4", codec="libx265", pixels="yuv420p10le", options=X265, **HLG)
    report = copy(source, tmp_path / f"out{suffix}")
    assert report.lost == ()
    facts = FileCamera(tmp_path / f"out{suffix}").facts
    assert (facts.bits, facts.colour) == (10, ColourTags(9, 18, 9, 1))


@pytest.mark.parametrize("output", ["out.avi", "out.png", "virtual"])
def test_hdr_is_refused_where_it_would_look_washed_out(tmp_path: Path, output: str) -> None:
    source = film(
        tmp_path / "in.mp4", codec="libx265", pixels="yuv420p10le", options=X265, frames=1, **HLG
    )
    facts = FileCamera(source).facts
    layout = PlaneFormat(96, 64, "420", False, "bt2020")
    name = output if output == "virtual" else str(tmp_path / output)
    with pytest.raises(SinkError, match=r"HDR \(HLG\).*\.mkv"):
        open_sink(name, format=layout, rate_fps=Fraction(25), facts=facts)
    assert not (tmp_path / output).exists()


def test_the_display_that_hdr_was_graded_on_goes_along(tmp_path: Path) -> None:
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    words = f"log-level=none:hdr10=1:master-display={display}:max-cll=1000,400"
    pq = {**HLG, "color_trc": 16}
    source = film(
        tmp_path / "in.mp4",
        codec="libx265",
        pixels="yuv420p10le",
        options={"x265-params": words},
        **pq,
    )
    copy(source, tmp_path / "out.mkv")
    facts = FileCamera(tmp_path / "out.mkv").facts
    assert (facts.mastering, facts.light) == (display, "1000,400")


def test_dolby_vision_is_said_to_be_lost(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", codec="libx265", pixels="yuv420p10le", options=X265, **HLG)
    data = source.read_bytes()
    at = data.index(b"moov") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    box = struct.pack(
        ">I4s24s", 32, b"dvvC", bytes(24)
    )  # at the end of the header, where FFmpeg passes it over
    grown = (size + len(box)).to_bytes(4, "big")
    source.write_bytes(data[:at] + grown + data[at + 4 : at + size] + box + data[at + size :])
    assert "Dolby Vision" in copy(source, tmp_path / "out.mkv").lost


@pytest.mark.parametrize("bits", ["yuv420p10le", "yuv422p10le"])
def test_interlaced_films_of_10_bits_stay_both(tmp_path: Path, bits: str) -> None:
    options = {"qp": "0", "x264-params": "tff=1"}
    source = film(tmp_path / "in.mkv", pixels=bits, options=options, fields="top")
    assert copy(source, tmp_path / "out.mkv").lost == ()
    facts = FileCamera(tmp_path / "out.mkv").facts
    assert (facts.bits, facts.fields) == (10, "top")
    assert first(tmp_path / "out.mkv").format.name == bits


def fields_of(path: Path) -> list[str]:
    """What the frames of a film say of their fields, by FFmpeg's idea of it."""
    kinds = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            for kind in ("PROGRESSIVE", "TOPFIRST", "BOTTOMFIRST"):
                graph = av.filter.Graph()
                source = graph.add_buffer(template=container.streams.video[0])
                select = graph.add("select", f"eq(interlace_type\\,{kind})")
                sink = graph.add("buffersink")
                source.link_to(select)
                select.link_to(sink)
                graph.configure()
                graph.push(frame)
                try:
                    graph.pull()
                except av.BlockingIOError:
                    continue
                kinds.append(kind)
    return kinds


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv", ".nut"])
@pytest.mark.parametrize(
    ("order", "option", "kind"), [("top", "tff", "TOPFIRST"), ("bottom", "bff", "BOTTOMFIRST")]
)
def test_each_frame_says_which_field_comes_first(
    tmp_path: Path, target: str, order: str, option: str, kind: str
) -> None:
    options = {"qp": "0", "x264-params": f"{option}=1"}
    source = film(tmp_path / "in.mkv", options=options, fields=order)
    assert fields_of(source) == [kind] * 3
    assert copy(source, tmp_path / f"out{target}").lost == ()
    assert fields_of(tmp_path / f"out{target}") == [kind] * 3


def test_a_stream_whose_times_start_from_0_after_hours_goes_on(tmp_path: Path) -> None:
    parts = [
        film(tmp_path / f"{starts}.ts", codec="mpeg2video", options={}, starts=starts)
        for starts in (20_000, 0)
    ]
    joined = tmp_path / "in.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = copy(joined, tmp_path / "out.mp4")
    assert [r for r in report.remarks if r.startswith("Times start again in the middle (1×)")]
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([n / 25 for n in range(report.frames)], abs=0.001)
    assert report.frames == 6


def test_the_rate_of_dv_is_that_of_its_frames(tmp_path: Path) -> None:
    source = film(tmp_path / "in.dv", codec="dvvideo", size=(720, 576), options={})
    camera = FileCamera(source)
    assert camera.mode.rate_fps == 25
    assert camera.frame_count == 3
    camera.close()


def test_a_progressive_film_stays_one(tmp_path: Path) -> None:
    copy(film(tmp_path / "in.mkv"), tmp_path / "out.mp4")
    assert fields_of(tmp_path / "out.mp4") == ["PROGRESSIVE"] * 3


def test_the_order_is_that_of_the_frames_where_the_header_says_none(tmp_path: Path) -> None:
    # DV has no place for it in its header, and is shown with the bottom field first.
    source = film(tmp_path / "in.avi", codec="dvvideo", size=(720, 576), options={})
    assert fields_of(source) == ["BOTTOMFIRST"] * 3
    assert "that it is interlaced" not in copy(source, tmp_path / "out.mp4").lost
    assert fields_of(tmp_path / "out.mp4") == ["BOTTOMFIRST"] * 3


# --- what goes along ---------------------------------------------------------------------------------------


def test_what_a_phone_says_of_place_and_model_stays_in_mov(tmp_path: Path) -> None:
    says = {
        "com.apple.quicktime.location.ISO6709": "+48.1+011.5/",
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 12",
        "title": "Evening",
    }
    plain = film(tmp_path / "plain.mov")
    with (
        av.open(str(plain)) as given,
        av.open(
            str(tmp_path / "in.mov"), "w", container_options={"movflags": "use_metadata_tags"}
        ) as phone,
    ):
        phone.metadata.update(says)
        stream = phone.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                phone.mux(packet)
    assert copy(tmp_path / "in.mov", tmp_path / "out.mov").lost == ()
    with av.open(str(tmp_path / "out.mov")) as container:
        assert says.items() <= container.metadata.items()
    [lost] = copy(tmp_path / "in.mov", tmp_path / "out.mp4").lost
    assert "com.apple.quicktime.model" in lost


def test_the_time_code_of_dv_becomes_a_track(tmp_path: Path) -> None:
    source = film(tmp_path / "in.dv", codec="dvvideo", size=(720, 576), options={})
    with av.open(str(source)) as container:
        assert container.metadata["timecode"] == "00:00:00:00"
    for suffix in (".mp4", ".mov", ".mkv"):
        assert copy(source, tmp_path / f"out{suffix}").lost == ()


@pytest.mark.parametrize(("pixels", "was"), [("yuv444p", "4:4:4"), ("yuv422p", "4:2:2")])
def test_detail_of_colours_that_is_lost_is_said(tmp_path: Path, pixels: str, was: str) -> None:
    source = film(tmp_path / "in.mkv", pixels=pixels)
    for suffix in (".mp4", ".mov", ".mkv"):
        lost = copy(source, tmp_path / f"out{suffix}").lost
        assert lost == (f"detail of colours ({was} became 4:2:0)",)
    for suffix in (".avi", ".nut"):
        assert copy(source, tmp_path / f"out{suffix}").lost == ()
    grey = film(tmp_path / "grey.mkv", pixels="gray")
    assert copy(grey, tmp_path / "out.mkv").lost == ()
    rgb = film(tmp_path / "rgb.mkv", pixels="bgr0", codec="ffv1", options={})
    assert copy(rgb, tmp_path / "out.mp4").lost == ("detail of colours (R'G'B' became 4:2:0)",)


def roles(path: Path, kind: str) -> list[set[str | None]]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        return [{d.name for d in Disposition if s.disposition & d} for s in streams]


def test_what_tracks_are_for_stays_or_is_said_to_be_lost(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    said = [Disposition(0), Disposition.comment, Disposition.forced, Disposition.hearing_impaired]
    with av.open(str(film(tmp_path / "a.mkv"))) as given, av.open(str(source), "w") as target:
        outs: list[Any] = [target.add_stream_from_template(given.streams.video[0])]
        outs += [target.add_stream("mp2", rate=44_100) for _ in range(2)]
        outs += [target.add_mux_stream("subrip") for _ in range(2)]
        outs[0].disposition = Disposition(0)
        for out, role in zip(outs[1:], said, strict=True):
            out.disposition = role
        target.start_encoding()
        for packet in given.demux(video=0):
            packet.stream = outs[0]
            target.mux(packet)
        for out in outs[1:3]:
            piece = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), "s16", "stereo")
            piece.sample_rate, piece.pts = 44_100, 0
            target.mux([*out.encode(piece), *out.encode(None)])
        for out in outs[3:]:
            words = av.Packet(b"Hi")
            words.pts, words.dts, words.duration = 0, 0, 50
            words.time_base, words.stream = Fraction(1, 1000), out
            target.mux(words)
    kinds = ("audio", "subtitle")
    before = [roles(source, kind) for kind in kinds]
    assert before == [[set(), {"comment"}], [{"forced"}, {"hearing_impaired"}]]
    for suffix, lost in (
        (".mkv", ()),
        (".mp4", ("that no subtitle is the default",)),
        (
            ".mov",
            (
                "that no subtitle is the default",
                "what tracks are for (comment, forced, hearing impaired)",
            ),
        ),
    ):
        out_path = tmp_path / f"out{suffix}"
        assert copy(source, out_path).lost == lost
        assert ([roles(out_path, kind) for kind in kinds] == before) == (not lost)


def test_the_time_code_of_quicktime_stays_or_is_said_to_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(film(tmp_path / "plain.mov"))) as given, av.open(str(source), "w") as target:
        out = target.add_stream_from_template(given.streams.video[0])
        out.metadata["timecode"] = "01:00:00:02"
        for packet in given.demux(video=0):
            packet.stream = out
            target.mux(packet)
    for suffix in (".mp4", ".mov", ".mkv", ".avi", ".nut"):
        out_path = tmp_path / f"out{suffix}"
        assert copy(source, out_path).lost == ()
        with av.open(str(out_path)) as container:
            assert time_code(container) == "01:00:00:02"
    monkeypatch.setattr(beside, "time_code", lambda _: "")
    assert copy(source, tmp_path / "out.avi").lost == ("the time code",)


def test_a_track_that_never_came_is_left_out_and_said(tmp_path: Path) -> None:
    whole, source = tmp_path / "whole.ts", tmp_path / "in.ts"
    with av.open(str(whole), "w") as container:
        video: Any = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound: Any = container.add_stream("mp2", rate=44_100)
        for n in range(5):
            frame = VideoFrame.from_ndarray(np.full((64, 96, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(video.encode(frame.reformat(format="yuv420p")))
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), "s16", "mono")
        piece.sample_rate, piece.pts = 44_100, 0
        container.mux([*video.encode(None), *sound.encode(piece), *sound.encode(None)])
    data = whole.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    source.write_bytes(b"".join(p for p in packets if (p[1] & 31, p[2]) != (1, 1)))  # the sound's
    for suffix in (".mp4", ".mov", ".mkv", ".avi", ".nut"):
        report = copy(source, tmp_path / f"out{suffix}")
        assert report.frames == 5
        assert report.remarks == ("An audio track is without any sound, and left out.",)


def test_sound_that_an_edit_list_cuts_away_is_not_heard_again(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "whole.mp4"), "w") as container:
        picture: Any = container.add_stream("libx264", rate=25, options={"g": "100"})
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        sound: Any = container.add_stream("aac", rate=48_000)
        for n in range(50):
            frame = VideoFrame.from_ndarray(np.full((96, 96), 20 + n, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for n in range(94):
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            wave.pts, wave.time_base, wave.sample_rate = n * 1024, Fraction(1, 48_000), 48_000
            container.mux(sound.encode(wave))
        container.mux(sound.encode(None))
    # Times below 0 become an edit list: the first 0.8 s are stored, and not played.
    with (
        av.open(str(tmp_path / "whole.mp4")) as whole,
        av.open(str(tmp_path / "in.mp4"), "w") as cut,
    ):
        streams = {s.index: cut.add_stream_from_template(s) for s in whole.streams}
        for packet in whole.demux():
            if packet.size and packet.pts is not None and packet.dts is not None:
                back = round(Fraction(8, 10) / packet.time_base)
                packet.pts, packet.dts = packet.pts - back, packet.dts - back
                packet.stream = streams[packet.stream.index]
                cut.mux(packet)
    for suffix in (".mkv", ".mp4"):
        report = copy(tmp_path / "in.mp4", tmp_path / f"out{suffix}")
        assert report.frames == 30
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            times = [
                float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None
            ]
        first_s = first(tmp_path / f"out{suffix}").time
        assert first_s is not None
        assert first_s - min(times) < 0.06  # what AAC needs to begin


# --- pictures ---------------------------------------------------------------------------------------------


def picture(path: Path, number: int, *, alpha: bool = False) -> Path:
    """A PNG or JPEG of 8×4 pixels, dark on the left, with EXIF and a colour profile."""
    rgb = np.full((4, 8, 4 if alpha else 3), 200, np.uint8)
    rgb[:, :4] = 20
    context: Any = av.CodecContext.create("png" if path.suffix == ".png" else "mjpeg", "w")
    frame = VideoFrame.from_ndarray(rgb, format="rgba" if alpha else "rgb24")
    if path.suffix != ".png":
        frame = frame.reformat(format="yuvj444p", dst_color_range=2)
    context.width, context.height, context.pix_fmt = 8, 4, frame.format.name
    context.time_base = Fraction(1, 25)
    data = b"".join(bytes(p) for p in (*context.encode(frame), *context.encode(None)))
    path.write_bytes(with_tags(data, exif(number), ICC))
    return path


@pytest.mark.parametrize("source", [".png", ".jpg"])
@pytest.mark.parametrize("target", [".png", ".jpg"])
@pytest.mark.parametrize("number", [1, 2, 6, 7])
def test_pictures_are_turned_and_keep_exif_and_profile(
    tmp_path: Path, source: str, target: str, number: int
) -> None:
    path = picture(tmp_path / f"in{source}", number)
    assert picture_tags(path) == (exif(number), ICC)
    out = tmp_path / f"out{target}"
    assert copy(path, out).lost == ()
    stored = first(path).to_ndarray(format="gray")
    shown = first(out).to_ndarray(format="gray").astype(int)
    assert np.abs(shown - Orientation.from_exif(number).turn(stored)).max() < 8
    assert picture_tags(out) == (exif(1), ICC)


def test_transparency_stays_in_png_and_is_said_to_be_lost_in_jpeg(tmp_path: Path) -> None:
    path = picture(tmp_path / "in.png", 6, alpha=True)
    assert copy(path, tmp_path / "out.png").lost == ()
    assert set(np.unique(first(tmp_path / "out.png").to_ndarray(format="rgba")[..., 3])) == {
        20,
        200,
    }
    assert copy(path, tmp_path / "out.jpg").lost == ("transparency",)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tags_of_webp_and_tiff(tmp_path: Path, order: str) -> None:
    chunks = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in ((b"ICCP", ICC), (b"EXIF", exif(8, order)))
    )
    webp = tmp_path / "a.webp"
    webp.write_bytes(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks)
    found, icc = picture_tags(webp)
    assert (exif_orientation(found), icc) == (8, ICC)
    tiff = tmp_path / "a.tif"
    tiff.write_bytes(exif(5, order))
    assert exif_orientation(picture_tags(tiff)[0]) == 5


def test_damaged_tags_are_no_tags(tmp_path: Path) -> None:
    path = picture(tmp_path / "in.png", 6)
    data = path.read_bytes()
    short = tmp_path / "short.png"
    for n in range(0, len(data), 5):
        short.write_bytes(data[:n])
        picture_tags(short)
    broken = data.replace(zlib.compress(ICC, 9)[:40], bytes(40))
    short.write_bytes(broken)
    assert picture_tags(short) == (b"", b"")
    assert picture_tags(tmp_path / "missing.png") == (b"", b"")
    assert exif_orientation(b"II*\0\xff\xff\xff\xff") == 1


def test_the_default_one_of_several_films_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for size in ((96, 64), (48, 32)):
            stream: Any = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        streams[0].disposition = av.stream.Disposition(0)
        streams[1].disposition = av.stream.Disposition.default
        for n in range(3):
            for stream in streams:
                frame = VideoFrame(stream.width, stream.height, "yuv420p")
                frame.pts, frame.time_base = n, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    report = copy(path, tmp_path / "out.mkv")
    assert first(tmp_path / "out.mkv").width == 48
    assert report.lost == ("1 video stream",)


def test_the_command_says_what_is_lost(tmp_path: Path, run: Callable[..., Any]) -> None:
    source = picture(tmp_path / "in.png", 1, alpha=True)
    result = run(source, tmp_path / "out.jpg", "--network", "none")
    assert "Not carried over: transparency." in result.stderr


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    from click.testing import CliRunner

    from rtdenoise.cli import Settings
    from rtdenoise.commands.denoise import command

    def start(*args: object) -> Any:
        words = [str(arg) for arg in args]
        settings = Settings(home=tmp_path / "home")
        return CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)

    return start
