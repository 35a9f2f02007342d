from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rtdenoise.errors import RtdenoiseError, SinkError, StorageError
from rtdenoise.frames import Planes
from rtdenoise.sinks import open_sinks
from rtdenoise.sinks.base import watched
from rtdenoise.sinks.file import FileSink
from rtdenoise.sinks.null import NullSink
from rtdenoise.sinks.several import SeveralSinks

MakePicture = Callable[..., Planes]


class Fake:
    """Fails with the frame of that number, and when it is closed if told."""

    def __init__(
        self, name: str, watched: bool | None = None, fail_at: int = -1, closing: bool = False
    ) -> None:
        self.name, self.watched = name, watched
        self.frames = self.closed = self.aborted = 0
        self._fail_at, self._closing = fail_at, closing

    def write(self, planes: Planes) -> None:
        if self.frames == self._fail_at:
            raise StorageError("The disk is full.", "Free some space.")
        self.frames += 1

    def close(self) -> None:
        self.closed += 1
        if self._closing:
            raise SinkError("It can't be finished.")

    def abort(self) -> None:
        self.aborted += 1


def test_every_sink_gets_every_frame(make_picture: MakePicture) -> None:
    a, b = Fake("a"), Fake("b")
    both = SeveralSinks([a, b])
    assert both.name == "a + b"
    for index in range(3):
        both.write(make_picture(shift=index))
    both.close()
    both.close()
    assert (a.frames, b.frames, a.closed, b.closed) == (3, 3, 1, 1)


def test_one_that_fails_does_not_take_the_other_with_it(make_picture: MakePicture) -> None:
    notes: list[str] = []
    film, camera = Fake("film", fail_at=1), Fake("camera")
    both = SeveralSinks([film, camera], notes.append)
    for index in range(4):
        both.write(make_picture(shift=index))
    assert (film.frames, film.aborted, camera.frames) == (1, 1, 4)
    assert notes == ["The disk is full. Free some space. camera goes on."]
    with pytest.raises(StorageError, match="disk is full"):
        both.close()  # in the end it is told again, by the exit code
    assert camera.closed == 1
    assert film.closed == 0


def test_the_last_one_that_fails_ends_it(make_picture: MakePicture) -> None:
    both = SeveralSinks([Fake("a", fail_at=0), Fake("b", fail_at=0)])
    with pytest.raises(StorageError):
        both.write(make_picture())


def test_all_are_finished_though_one_cannot_be() -> None:
    a, b = Fake("a", closing=True), Fake("b")
    with pytest.raises(SinkError, match="finished"):
        SeveralSinks([a, b]).close()
    assert b.closed == 1


def test_readers_of_any_count_unless_one_cannot_tell() -> None:
    assert SeveralSinks([Fake("a", False), Fake("b", True)]).watched is True
    assert SeveralSinks([Fake("a", False), Fake("b", False)]).watched is False
    assert SeveralSinks([Fake("a", True), NullSink()]).watched is None
    assert watched(NullSink()) is None
    assert watched(Fake("a", True)) is True


def test_a_film_and_another(make_picture: MakePicture, tmp_path: Path) -> None:
    names = [str(tmp_path / "a.nut"), str(tmp_path / "b.nut")]
    pictures = [make_picture(shift=index) for index in range(3)]
    sink = open_sinks(names, format=pictures[0].format, rate_fps=Fraction(25))
    for picture in pictures:
        sink.write(picture)
    sink.close()
    for name in names:
        with av.open(name) as container:
            frames = [frame.to_ndarray() for frame in container.decode(video=0)]
        assert [np.array_equal(f[:48], p.y) for f, p in zip(frames, pictures, strict=True)] == [
            True
        ] * 3


def test_what_was_opened_before_a_failure_is_let_go(
    make_picture: MakePicture, tmp_path: Path
) -> None:
    names = [str(tmp_path / "a.nut"), "clean.xyz"]
    with pytest.raises(RtdenoiseError, match="unknown suffix"):
        open_sinks(names, format=make_picture().format, rate_fps=Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_one_output_is_that_sink(make_picture: MakePicture, tmp_path: Path) -> None:
    sink = open_sinks(
        [str(tmp_path / "a.mkv")], format=make_picture().format, rate_fps=Fraction(25)
    )
    assert isinstance(sink, FileSink)
    sink.abort()
