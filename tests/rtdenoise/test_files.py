from __future__ import annotations

import errno
import json
import math
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.errors import ProfileError, StorageError
from rtdenoise.files import (
    check_writable,
    count_of,
    number_of,
    read_json,
    text_of,
    user_path,
    whole_file,
    write_bytes,
    write_json,
)

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has other links, devices and permissions"
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


@posix
@pytest.mark.parametrize("links", [1, 2])
@pytest.mark.parametrize("old", [b"old", None])
def test_what_a_link_points_to_is_written(tmp_path: Path, links: int, old: bytes | None) -> None:
    (tmp_path / "disk").mkdir()
    real = tmp_path / "disk" / "real.mp4"
    if old is not None:
        real.write_bytes(old)
    path = tmp_path / "link1.mp4"
    path.symlink_to("disk/real.mp4")
    if links == 2:
        path = tmp_path / "link2.mp4"
        path.symlink_to(tmp_path / "link1.mp4")
    check_writable(path)
    write_bytes(path, b"new")
    assert path.is_symlink()
    assert not real.is_symlink()
    assert real.read_bytes() == b"new"
    assert list(real.parent.iterdir()) == [real]


@posix
def test_a_link_in_a_circle_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(StorageError, match="leads back to itself"):
        check_writable(tmp_path / "a")


@posix
def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe.json", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_json(pipe, {"a": 1})
    reader.join(timeout=60)
    assert json.loads(got[0]) == {"a": 1}
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_devices_and_open_files_are_written_to(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        if os.path.exists(name):
            check_writable(Path(name))
            write_json(Path(name), {"to": name})
            assert json.loads(capfd.readouterr().out) == {"to": name}
    link = tmp_path / "figures.json"
    link.symlink_to("/dev/null")
    write_json(link, {})
    assert link.is_symlink()
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_a_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    path.chmod(0o444)
    # Root may write it.
    monkeypatch.setattr(os, "access", lambda at, *_, **__: not os.path.isfile(at))
    (tmp_path / "link.mp4").symlink_to(path)
    for name in ("a.mp4", "link.mp4"):
        with pytest.raises(StorageError, match=r"no permission to write .*\.mp4\."):
            check_writable(tmp_path / name)
        with pytest.raises(StorageError, match="no permission to write"):
            write_bytes(tmp_path / name, b"after")
    assert path.read_bytes() == b"before"
    write_bytes(tmp_path / "b.mp4", b"new")


@posix
def test_a_file_that_is_replaced_hands_on_its_permissions(tmp_path: Path) -> None:
    for mode in (0o600, 0o644, 0o666, 0o750):
        path = tmp_path / f"{mode:o}"
        path.write_bytes(b"old")
        path.chmod(mode)
        write_bytes(path, b"new")
        assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (mode, b"new")


@pytest.mark.parametrize("name", ["a" * 245 + ".mkv", "é" * 120 + ".mkv", "日" * 80 + ".json"])
def test_long_names_can_be_written(tmp_path: Path, name: str) -> None:
    check_writable(tmp_path / name)
    write_bytes(tmp_path / name, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"is too long\. Choose a shorter one"):
        write_bytes(tmp_path / ("a" * 300 + ".mkv"), b"")


@posix
def test_any_byte_of_a_name_survives_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff.mkv")
    write_json(tmp_path / "a.json", {"path": name, "word": "é ✓"})
    assert read_json(tmp_path / "a.json", ProfileError, "") == {"path": name, "word": "é ✓"}


def test_a_tilde_means_the_users_folder_only_before_a_slash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert user_path("~/a.mkv") == tmp_path / "a.mkv"
    for name in ("~clip.mkv", "./~clip.mkv", "a~", "x/~/y", "~~"):
        assert user_path(name) == Path(name)
