from __future__ import annotations

import errno
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.errors import ProfileError, StorageError
from rtdenoise.files import (
    count_of,
    number_of,
    read_json,
    text_of,
    whole_file,
    write_bytes,
    write_json,
)

values = st.dictionaries(
    st.text(max_size=8),
    st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.booleans())),
    max_size=5,
)


@given(values)
def test_json_round_trip(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_json(path, value)
    assert read_json(path, ProfileError, "") == value


@given(st.binary(max_size=40))
def test_any_bytes_are_json_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_bytes(data)
    try:
        value = json.loads(data.decode())
    except ValueError:
        value = None
    if isinstance(value, dict):
        assert read_json(path, ProfileError, "Mend it.") == value
    else:
        with pytest.raises(ProfileError, match=r"damaged.*Mend it\."):
            read_json(path, ProfileError, "Mend it.")


def test_json_without_end_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a":' + "[" * 200_000)
    with pytest.raises(ProfileError, match="not valid JSON"):
        read_json(path, ProfileError, "")


def test_what_a_damaged_file_holds_instead_is_no_string_count_or_number() -> None:
    assert (text_of("é"), count_of(7), number_of(2, 0, 3)) == ("é", 7, 2.0)
    value: object
    for value in (None, 5, ["x"], "x" * 5000):
        with pytest.raises((TypeError, ValueError)):
            text_of(value)
    for value in (True, 1.0, "1", -1, 2**40, None):
        with pytest.raises((TypeError, ValueError)):
            count_of(value)
    for value in (True, "1", None, math.nan, math.inf, 3.01, 10**400):
        with pytest.raises((TypeError, ValueError)):
            number_of(value, 0, 3)


def test_a_failure_leaves_what_was_there_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_bytes(path, b"old")

    def fail() -> None:
        with whole_file(path) as temporary:
            temporary.write_bytes(b"half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_name_keeps_the_suffix(tmp_path: Path) -> None:
    with whole_file(tmp_path / "clip.mkv") as temporary:
        assert temporary.suffix == ".mkv"
        assert temporary.parent == tmp_path
        temporary.touch()


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    def fill() -> None:
        with whole_file(tmp_path / "a.bin"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"is full\. Free some space"):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="part of its path is a file"):
        write_bytes(tmp_path / "file" / "deeper" / "a.bin", b"")
