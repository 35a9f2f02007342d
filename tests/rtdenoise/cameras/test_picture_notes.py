"""What pictures say beside EXIF and profile: from the file that is read into the one that is written."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.images import ImagesCamera
from rtdenoise.cameras.picture_notes import picture_notes, upright_xmp
from rtdenoise.cameras.picture_tags import (
    entries,
    exif_orientation,
    picture_tags,
    png_chunks,
    upright_exif,
)
from rtdenoise.denoisers import Passthrough
from rtdenoise.frames.facts import PictureNotes
from rtdenoise.sinks.picture_tags import with_tags
from rtdenoise.stream.transcode import transcode

XMP = b"<x:xmpmeta><rdf:Description tiff:Orientation='6'/><tiff:Orientation>8</tiff:Orientation>"
TEXTS = ((b"tEXt", b"Author\0me"), (b"iTXt", b"Title\0\0\0\0\0\xc3\xa4"), (b"zTXt", b"A\0\0x"))
DPI = Fraction(10_000, 254)  # pixels per metre of one per inch
NOTES = PictureNotes(XMP, b"\x1c\2\5\0\1a", b"made by me", TEXTS, (300 * DPI, 150 * DPI))


def exif_with_thumbnail(number: int, thumbnail: bytes = b"\xff\xd8 old \xff\xd9") -> bytes:
    """Orientation, a text that lies between both directories, and the second with its picture at the end."""
    first, text = 8, b"Somebody\0\0"
    at_text = first + 2 + 2 * 12 + 4
    second = at_text + len(text)
    at_thumbnail = second + 2 + 2 * 12 + 4
    return (
        struct.pack("<2sHI", b"II", 42, first)
        + struct.pack("<HHHIHH", 2, 0x0112, 3, 1, number, 0)
        + struct.pack("<HHIII", 0x013B, 2, len(text), at_text, second)
        + text
        + struct.pack("<HHHII", 2, 0x0201, 4, 1, at_thumbnail)
        + struct.pack("<HHIII", 0x0202, 4, 1, len(thumbnail), 0)
        + thumbnail
    )


def picture(path: Path, notes: PictureNotes, exif: bytes = b"") -> Path:
    rgb = np.full((16, 32, 3), 90, np.uint8)
    path.write_bytes(with_tags(cv2.imencode(path.suffix, rgb)[1].tobytes(), exif, b"", notes))
    return path


def copied(source: Path, target: Path) -> tuple[str, ...]:
    return transcode(FileCamera(source), Passthrough(), str(target)).lost


def near(density: Any, across: int, down: int) -> bool:
    return [round(float(side / DPI)) for side in density] == [across, down]


def test_a_jpeg_keeps_its_notes(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", replace(NOTES, texts=()))
    assert copied(source, tmp_path / "out.jpg") == ()
    found = picture_notes(tmp_path / "out.jpg")
    assert (found.iptc, found.comment) == (NOTES.iptc, NOTES.comment)
    assert found.xmp == XMP.replace(b"'6'", b"'1'").replace(b">8<", b">1<")
    assert near(found.density, 300, 150)


def test_a_png_keeps_its_notes(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png", replace(NOTES, iptc=b"", comment=b""))
    assert copied(source, tmp_path / "out.png") == ()
    found = picture_notes(tmp_path / "out.png")
    assert found.texts == TEXTS
    assert found.xmp == upright_xmp(XMP)
    assert near(found.density, 300, 150)
    assert cv2.imread(str(tmp_path / "out.png")) is not None


def test_what_the_other_format_has_no_place_for_is_said(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", NOTES)
    assert copied(source, tmp_path / "out.png") == ("IPTC", "its comment")
    assert near(picture_notes(tmp_path / "out.png").density, 300, 150)
    source = picture(tmp_path / "b.png", NOTES)
    assert copied(source, tmp_path / "out.jpg") == ("tags (Author, Title, A)",)
    found = picture_notes(tmp_path / "out.jpg")
    assert (found.xmp, near(found.density, 300, 150)) == (upright_xmp(XMP), True)
    source = picture(tmp_path / "c.png", replace(NOTES, density=(DPI, DPI)))
    lost = ("detail of colours (R'G'B' became 4:2:0)", "XMP", "tags (Author, Title, A)")
    assert copied(source, tmp_path / "out.mkv") == lost


def test_the_resolution_is_turned_with_the_picture(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.jpg", NOTES, exif_with_thumbnail(6))
    copied(source, tmp_path / "out.jpg")
    assert near(picture_notes(tmp_path / "out.jpg").density, 150, 300)


def test_nothing_is_said_that_the_picture_does_not_say(tmp_path: Path) -> None:
    source = tmp_path / "grey.tif"
    cv2.imwrite(str(source), np.full((16, 32), 90, np.uint8))
    copied(source, tmp_path / "out.png")
    kinds = {kind for kind, _ in png_chunks((tmp_path / "out.png").read_bytes())}
    assert kinds == {b"IHDR", b"IDAT", b"IEND"}
    copied(source, tmp_path / "out.jpg")
    assert b"Lavc" not in (tmp_path / "out.jpg").read_bytes()
    assert picture_notes(tmp_path / "out.jpg") == PictureNotes()


def test_the_thumbnail_goes_and_nothing_else(tmp_path: Path) -> None:
    exif = exif_with_thumbnail(6)
    source = picture(tmp_path / "a.jpg", PictureNotes(), exif)
    assert picture_tags(source)[0] == exif
    copied(source, tmp_path / "out.jpg")
    found = picture_tags(tmp_path / "out.jpg")[0]
    assert found == upright_exif(exif)
    assert exif_orientation(found) == 1
    assert b" old " not in found
    tags = {tag: at for tag, _, _, at in entries(found, "<")}
    start = struct.unpack_from("<I", found, tags[0x013B])[0]
    assert found[start:].startswith(b"Somebody\0")
    assert struct.unpack_from("<I", found, 8 + 2 + 2 * 12) == (0,)


def test_a_thumbnail_that_is_not_the_last_leaves_all_places_as_they_are() -> None:
    exif = exif_with_thumbnail(3) + b"of the maker, long"
    found = upright_exif(exif)
    assert len(found) == len(exif)
    assert found.endswith(b"of the maker, long")
    for n in range(len(exif)):
        upright_exif(exif[:n])  # whatever is there, nothing is raised


@pytest.mark.parametrize("keyword", [b"Raw profile type exif", b"Raw profile type iptc"])
def test_tags_in_texts_that_would_contradict_are_left_out_and_said(
    tmp_path: Path, keyword: bytes
) -> None:
    notes = PictureNotes(texts=((b"tEXt", keyword + b"\0\nexif\n 0\n"),))
    source = picture(tmp_path / "a.png", notes)
    assert copied(source, tmp_path / "out.png") == (f"tags ({keyword.decode()})",)
    assert picture_notes(tmp_path / "out.png").texts == ()


def test_packed_xmp_of_a_png_is_read(tmp_path: Path) -> None:
    text = b"XML:com.adobe.xmp\0\1\0en\0title\0" + zlib.compress(XMP)
    source = picture(tmp_path / "a.png", PictureNotes(texts=((b"iTXt", text),)))
    assert picture_notes(source) == PictureNotes(xmp=XMP)


def test_tags_of_tiff_go_along_or_are_said(tmp_path: Path) -> None:
    rows, columns, at = 8, 8, 8 + 64
    values = XMP + struct.pack("<IIII", 300, 1, 300, 1)
    places = {700: (7, len(XMP), at), 282: (5, 1, at + len(XMP)), 283: (5, 1, at + len(XMP) + 8)}
    plain = {256: columns, 257: rows, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: rows, 279: 64}
    tags = {tag: (4, 1, value) for tag, value in plain.items()} | places
    tags |= {270: (2, 4, int.from_bytes(b"sea\0", "little")), 296: (3, 1, 2)}
    head = struct.pack("<2sHI", b"II", 42, at + len(values))
    body = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    path = tmp_path / "a.tif"
    count = struct.pack("<H", len(tags))
    path.write_bytes(head + bytes([90] * 64) + values + count + body + bytes(4))
    assert copied(path, tmp_path / "out.jpg") == ("tags (ImageDescription)",)
    found = picture_notes(tmp_path / "out.jpg")
    assert (found.xmp, near(found.density, 300, 300)) == (upright_xmp(XMP), True)


def test_damaged_notes_are_no_notes(tmp_path: Path) -> None:
    for suffix in (".jpg", ".png"):
        data = picture(tmp_path / f"a{suffix}", NOTES, exif_with_thumbnail(6)).read_bytes()
        short = tmp_path / f"short{suffix}"
        for n in range(0, min(len(data), 1500), 3):
            short.write_bytes(data[:n] + b"\xff" * 9)
            picture_notes(short)  # whatever it finds, it raises nothing
    assert picture_notes(tmp_path / "missing.png") == PictureNotes()


def test_tags_of_avif_are_said_to_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.mux(stream.encode(VideoFrame(96, 64, "yuv420p")))
        container.mux(stream.encode(None))
    items = (
        struct.pack(">I4sIHHI", 21, b"infe", 2 << 24, 1, 0, 0x45786966) + b"\0"
        + struct.pack(">I4sIHH4s", 45, b"infe", 2 << 24, 2, 0, b"mime") + b"XMP\0application/rdf+xml\0"
    )  # fmt: skip
    meta = struct.pack(">I4sI", 12 + len(items), b"meta", 0) + items
    assert copied(path, tmp_path / "film.png") == ()
    path.write_bytes(path.read_bytes().replace(b"isom", b"avif", 1) + meta)
    assert copied(path, tmp_path / "out.png") == ("tags (EXIF, XMP)",)


# --- further pictures, and transparency ------------------------------------------------------------


def test_further_pictures_are_said(tmp_path: Path) -> None:
    page = np.full((16, 32, 3), 90, np.uint8)
    cv2.imwritemulti(str(tmp_path / "a.tif"), [page, page, page])
    assert copied(tmp_path / "a.tif", tmp_path / "out.png") == ("2 further pictures",)
    assert "2 further pictures" in copied(tmp_path / "a.tif", tmp_path / "out.mkv")
    index = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0xB001, 4, 1, 2, 0)
    data = cv2.imencode(".jpg", page)[1].tobytes()
    segment = struct.pack(">HH", 0xFFE2, len(index) + 6) + b"MPF\0" + index
    (tmp_path / "b.jpg").write_bytes(data[:2] + segment + data[2:])
    assert copied(tmp_path / "b.jpg", tmp_path / "out.jpg") == ("1 further picture",)


def test_the_largest_picture_of_an_icon_is_taken(tmp_path: Path) -> None:
    sizes = (16, 48, 32)
    files = [cv2.imencode(".png", np.full((n, n, 3), n, np.uint8))[1].tobytes() for n in sizes]
    at, head = 6 + 16 * len(files), struct.pack("<HHH", 0, 1, len(files))
    for size, data in zip(sizes, files, strict=True):
        head += struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(data), at)
        at += len(data)
    (tmp_path / "a.ico").write_bytes(head + b"".join(files))
    assert copied(tmp_path / "a.ico", tmp_path / "out.png") == ("2 further pictures",)
    found = cv2.imread(str(tmp_path / "out.png"))
    assert found is not None
    assert (found.shape, int(found.max())) == ((48, 48, 3), 48)


def test_the_frames_of_an_animation_are_taken_and_not_its_still(tmp_path: Path) -> None:
    path = (
        tmp_path / "in.mp4"
    )  # as an AVIF is for FFmpeg: two films by default, the first of one frame
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for _ in range(2):
            stream: Any = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            streams.append(stream)
        for stream, count in zip(streams, (1, 4), strict=True):
            stream.disposition = av.stream.Disposition.default
            for n in range(count):
                frame = VideoFrame(96, 64, "yuv420p")
                frame.pts, frame.time_base = n, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    report = transcode(FileCamera(path), Passthrough(), str(tmp_path / "out.mkv"))
    assert (report.frames, report.lost) == (4, ())


@pytest.mark.parametrize("turned", [1, 6])
def test_a_palette_with_transparency_keeps_it_in_png(tmp_path: Path, turned: int) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    row = bytes([0]) + bytes([n % 3 for n in range(32)])
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 16, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50, 90, 90, 90]))
        + chunk(b"tRNS", bytes([0, 128]))
        + chunk(b"IDAT", zlib.compress(row * 16))
        + chunk(b"IEND", b"")
    )
    path = tmp_path / "a.png"
    path.write_bytes(with_tags(data, exif_with_thumbnail(turned), b""))
    assert copied(path, tmp_path / "out.png") == ()
    found = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert set(np.unique(found[..., 3])) == {0, 128, 255}
    assert copied(path, tmp_path / "out.jpg") == ("transparency",)


# --- what a PNG says of its colours --------------------------------------------------------------

ADOBE = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
SRGB = struct.pack(">8I", 31269, 32901, 63999, 33001, 30000, 60000, 15000, 5999)
GAMMA_22, GAMMA_18 = struct.pack(">I", 45455), struct.pack(">I", 55556)
Colours = tuple[tuple[bytes, bytes], ...]


def colours_in(path: Path) -> Colours:
    kinds = (b"cHRM", b"gAMA", b"sRGB", b"cICP", b"iCCP")
    return tuple(chunk for chunk in png_chunks(path.read_bytes()) if chunk[0] in kinds)


@pytest.mark.parametrize("turned", [1, 6])
@pytest.mark.parametrize(
    ("colours", "in_jpeg", "in_film"),
    [
        (((b"cHRM", ADOBE), (b"gAMA", GAMMA_22)), "cHRM, gAMA", "cHRM"),
        (((b"cHRM", P3), (b"gAMA", GAMMA_22)), "cHRM, gAMA", ""),
        (((b"gAMA", GAMMA_18),), "gAMA", "gAMA"),
        (((b"gAMA", struct.pack(">I", 100000)),), "gAMA", ""),
        (((b"gAMA", struct.pack(">I", 45450)), (b"cHRM", SRGB)), "", ""),
        (((b"sRGB", b"\2"), (b"gAMA", GAMMA_22)), "", ""),
        (((b"cICP", bytes([12, 13, 0, 1])), (b"gAMA", GAMMA_22)), "cICP", ""),
        (((b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", GAMMA_18)), "", ""),
        ((), "", ""),
    ],
)
def test_what_a_png_says_of_its_colours_stays_or_is_said(
    tmp_path: Path, colours: Colours, in_jpeg: str, in_film: str, turned: int
) -> None:
    path = picture(tmp_path / "a.png", PictureNotes(colours=colours), exif_with_thumbnail(turned))
    assert colours_in(path) == colours
    assert copied(path, tmp_path / "out.png") == ()
    assert colours_in(tmp_path / "out.png") == colours
    told = [f"its colour space ({names})" if names else "" for names in (in_jpeg, in_film)]
    assert [*copied(path, tmp_path / "out.jpg")] == [text for text in told[:1] if text]
    lost = [text for text in copied(path, tmp_path / "out.mkv") if "space" in text]
    assert lost == [text for text in told[1:] if text]


def test_beside_a_profile_the_rest_of_what_a_png_says_counts_for_nothing(tmp_path: Path) -> None:
    profile = bytes(16) + b"RGB " + bytes(108)
    path = picture(tmp_path / "a.png", PictureNotes(colours=((b"gAMA", GAMMA_18),)))
    path.write_bytes(with_tags(path.read_bytes(), b"", profile))
    assert {kind for kind, _ in colours_in(path)} == {b"iCCP"}  # what was there is replaced
    path.write_bytes(
        with_tags(path.read_bytes(), b"", profile, PictureNotes(colours=((b"gAMA", GAMMA_18),)))
    )
    assert copied(path, tmp_path / "out.png") == ()
    assert {kind for kind, _ in colours_in(tmp_path / "out.png")} == {b"gAMA", b"iCCP"}
    assert copied(path, tmp_path / "out.jpg") == ()


def test_damaged_chunks_on_colours_are_none(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", PictureNotes(colours=((b"cHRM", ADOBE[:-1]),)))
    assert picture_notes(path).colours == ()


@pytest.mark.parametrize(("primaries", "told"), [(1, ()), (12, ("its colours' primaries",))])
def test_primaries_that_jpeg_can_not_say_are_said(
    tmp_path: Path, primaries: int, told: tuple[str, ...]
) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.color_primaries = primaries
        frame = VideoFrame(96, 64, "yuv420p")
        frame.color_primaries = primaries
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert copied(path, tmp_path / "out.jpg") == told
    assert copied(path, tmp_path / "out.png") == ()


def test_a_folder_as_a_film_says_what_it_loses_of_colours(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    for n in range(2):
        picture(folder / f"{n}.png", PictureNotes(colours=((b"gAMA", GAMMA_18),)))
    lost = transcode(ImagesCamera(folder), Passthrough(), str(tmp_path / "out.mkv")).lost
    assert "its colour space (gAMA)" in lost
