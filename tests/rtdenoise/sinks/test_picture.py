from __future__ import annotations

from pathlib import Path

import pytest

from rtdenoise.errors import SinkError
from rtdenoise.frames import PlaneFormat, black_planes
from rtdenoise.sinks.picture import PictureSink


def test_a_picture_too_wide_for_jpeg_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    wide = black_planes(PlaneFormat(65535, 1, "420", True, "bt601"))
    with pytest.raises(SinkError, match=r"can't hold a picture of 65535×1 pixels.*\.png"):
        PictureSink(path).write(wide)
    sink = PictureSink(tmp_path / "wide.png")
    sink.write(wide)
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["wide.png"]
