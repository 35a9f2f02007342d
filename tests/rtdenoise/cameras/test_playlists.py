"""Lists of files, one of which isn't there or may not be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rtdenoise.cameras.base import remarks_of
from rtdenoise.cameras.file import FileCamera
from rtdenoise.denoisers import Passthrough
from rtdenoise.errors import ClipError
from rtdenoise.stream.transcode import transcode

MakeClip = Callable[..., Path]


def playlist(path: Path, *names: str) -> Path:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", *(f"#EXTINF:0.4,\n{name}" for name in names)]
    path.write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    return path


@pytest.fixture
def parts(make_clip: MakeClip) -> list[str]:
    return [
        make_clip(f"a{n}.ts", frames=10, codec="mpeg2video", start=10 * n).name for n in range(3)
    ]


def test_a_part_that_is_missing_is_said(tmp_path: Path, parts: list[str]) -> None:
    whole, source = playlist(tmp_path / "a.m3u8", *parts), tmp_path / "b.m3u8"
    assert remarks_of(FileCamera(whole)) == ()
    playlist(source, parts[0], "gone.ts", parts[2])
    report = transcode(FileCamera(source), Passthrough(), str(tmp_path / "out.mkv"))
    assert report.frames == 20
    assert "b.m3u8 lacks gone.ts" in report.remarks[0]


def test_lists_that_a_list_names_are_looked_at(tmp_path: Path, parts: list[str]) -> None:
    playlist(tmp_path / "b.m3u8", parts[0], "file:gone.ts", "http://example.org/far.ts", "lost.ts")
    main = tmp_path / "main.m3u8"
    main.write_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nb.m3u8\n")
    (said,) = remarks_of(FileCamera(main))
    assert "main.m3u8 lacks gone.ts and 1 more" in said


def test_a_list_without_its_first_file(tmp_path: Path, make_clip: MakeClip) -> None:
    path = tmp_path / "c.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile gone.mkv\nfile {make_clip('a.mkv').name}\n")
    with pytest.raises(ClipError, match=r"names gone\.mkv, which can't be read"):
        FileCamera(path)


@pytest.mark.parametrize("name", ["../a.mkv", "'a b.mkv'", "file:a.mkv", ".a.mkv"])
def test_names_that_ffmpeg_refuses_are_told_as_that(
    tmp_path: Path, make_clip: MakeClip, name: str
) -> None:
    make_clip("a.mkv")
    path = tmp_path / "c.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile a.mkv\nfile {name}\n")
    with pytest.raises(ClipError) as error:
        FileCamera(path)
    assert f"names {name.strip(chr(39))}" in error.value.message
    assert "-safe 0" in error.value.hint
