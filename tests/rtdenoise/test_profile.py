from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdenoise.cameras.base import CameraInfo
from rtdenoise.errors import ProfileError
from rtdenoise.profile import Profile, profiles

_ODD = '{"id": ["x"], "name": "n", "kind": "webcam", "spec": "s"}'
CAMERA = CameraInfo("046d:0825-ABC", "HD Webcam", "webcam", "/dev/video0")


def test_a_profile_remembers_its_camera(tmp_path: Path) -> None:
    profile = Profile.of(CAMERA, tmp_path)
    assert not profile.folder.exists()
    profile.remember(CAMERA)
    assert profile.camera() == CAMERA
    assert profiles(tmp_path) == [profile]


@given(st.text(min_size=1))
def test_any_camera_id_gives_one_folder_inside_the_home(camera_id: str) -> None:
    home = Path("/home/x")
    folder = Profile.of(CameraInfo(camera_id, "n", "webcam", "s"), home).folder
    assert folder.parent == home / "profiles"
    assert folder.name not in ("", ".", "..")


def test_ids_that_are_too_long_for_a_folder_keep_apart(tmp_path: Path) -> None:
    long = [CameraInfo("x" * 400 + end, "n", "webcam", "s") for end in "ab"]
    folders = [Profile.of(camera, tmp_path).folder for camera in long]
    assert folders[0] != folders[1]
    for folder in folders:
        folder.mkdir(parents=True)


def test_clips_are_listed_newest_first_and_only_with_a_sidecar(tmp_path: Path) -> None:
    profile = Profile.of(CAMERA, tmp_path)
    profile.clips_folder.mkdir(parents=True)
    for age, name in enumerate(["c", "a", "b"]):
        clip = profile.clips_folder / f"{name}.mkv"
        clip.touch()
        os.utime(clip, (1000 - age, 1000 - age))
        if name != "a":
            clip.with_suffix(".json").touch()
    assert [p.stem for p in profile.clips()] == ["c", "b"]


def test_links_that_lead_nowhere_and_folders_are_no_clips_and_no_networks(tmp_path: Path) -> None:
    profile = Profile.of(CAMERA, tmp_path)
    networks = profile.network_path("x").parent
    for folder, suffix in ((profile.clips_folder, ".mkv"), (networks, ".safetensors")):
        folder.mkdir(parents=True)
        (folder / f"gone{suffix}").symlink_to(tmp_path / "nowhere")
        (folder / f"folder{suffix}").mkdir()
        (folder / f"good{suffix}").touch()
        for name in ("gone", "folder", "good"):
            (folder / f"{name}.json").touch()
    assert [p.stem for p in profile.clips()] == ["good"]
    assert [p.stem for p in profile.networks()] == ["good"]


def test_new_clips_never_overwrite(tmp_path: Path) -> None:
    profile = Profile.of(CAMERA, tmp_path)
    profile.clips_folder.mkdir(parents=True)
    seen = set()
    for _ in range(5):
        path = profile.new_clip_path(".mkv")
        assert path not in seen
        path.touch()
        seen.add(path)


@pytest.mark.parametrize("text", ["", "[]", '{"id": "x"}', "\0", _ODD])
def test_a_damaged_camera_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    profile = Profile.of(CAMERA, tmp_path)
    profile.folder.mkdir(parents=True)
    (profile.folder / "camera.json").write_text(text)
    with pytest.raises(ProfileError, match="damaged"):
        profile.camera()
