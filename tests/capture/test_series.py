from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from capture.clip import Clip
from capture.quality import deviations
from capture.segments import cut_segments, judge_segment
from capture.series import judge_clip
from capture.verdict import SIGMA_LIMIT
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.errors import ClipError

Floats = NDArray[np.float32]
Noisy = Callable[..., NDArray[np.uint8]]
WriteClip = Callable[..., Path]


def test_segments_have_at_most_23_frames_and_end_at_cuts(scene: Floats, noisy: Noisy) -> None:
    frames = list(noisy(scene, 43, 2.0)) + list(noisy(255 - scene, 31, 2.0)) + [frame_of(scene)] * 2
    segments = list(cut_segments(((f, 0, 255) for f in frames), ()))
    assert [(first, len(stack)) for first, stack, _, _ in segments] == [
        (0, 20),
        (20, 23),
        (43, 20),
        (63, 11),
        (74, 2),
    ]
    for first, stack, _, _ in segments:
        assert (stack[0] == frames[first]).all()


def test_known_scene_starts_are_cuts(scene: Floats, noisy: Noisy) -> None:
    frames = noisy(scene, 30, 2.0)
    segments = list(cut_segments(((f, 0, 255) for f in frames), {12}))
    assert [(first, len(stack)) for first, stack, _, _ in segments] == [(0, 12), (12, 18)]


def test_flicker_and_brightness_are_no_cuts(scene: Floats) -> None:
    rows = np.arange(144)[:, None]
    frames = [
        frame_of(scene * (1 + 0.1 * (k % 2) + 0.15 * np.sin(rows / 20 + 2 * k))) for k in range(20)
    ]
    assert len(list(cut_segments(((f, 0, 255) for f in frames), ()))) == 1


def frame_of(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def test_a_good_segment_is_accepted_with_true_figures(scene: Floats, noisy: Noisy) -> None:
    segment = judge_segment(0, noisy(scene, 20, 4.0))
    m = segment.measures
    assert segment.problem is None
    assert m.mu == pytest.approx(4 * np.sqrt(19 / 20) / scene.mean(), rel=0.02)
    assert m.noise_levels == pytest.approx(4, rel=0.1)
    assert m.sigma < 0.001
    assert m.shift_px < 0.1
    assert m.drift_levels < 0.2
    assert abs(m.lag1) < 0.05
    assert m.static_fraction > 0.97


def test_a_camera_that_moves_is_refused(scene: Floats, noisy: Noisy) -> None:
    crept = judge_segment(0, noisy(rolled(scene, 0.6), 20, 3.0))
    assert crept.problem == "bump"
    assert crept.measures.shift_px == pytest.approx(0.3, abs=0.15)
    assert crept.measures.bump_px == pytest.approx(0.6 * 15 / 19, abs=0.1)
    moved = judge_segment(0, noisy(rolled(scene, 4.0), 20, 3.0))
    assert moved.problem == "shift"
    assert moved.measures.shift_px == pytest.approx(2.0, abs=0.6)


def test_mains_flicker_is_a_fact_of_the_clip(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    rows = np.arange(144)[:, None]
    pictures = [
        (scene + 3 * np.sin(2 * np.pi * (rows / 80 + k / 3))).astype(np.float32) for k in range(20)
    ]
    clip = judge_clip(write_clip(noisy(pictures, 20, 3.0)))
    assert clip.facts["flicker_levels"] == pytest.approx(3, abs=0.6)


def test_a_pan_is_refused_and_is_no_flicker(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    clip = judge_clip(write_clip(noisy(rolled(scene, 19.0), 20, 3.0)))
    assert "The camera moved by" in clip.series[0].reason
    assert clip.facts["flicker_levels"] == 0


def rolled(scene: Floats, total: float) -> list[Floats]:
    """A pan by ``total`` pixels over 20 frames."""
    x = np.arange(scene.shape[1])
    return [
        np.stack([np.interp(x - total * k / 19, x, row) for row in scene]).astype(np.float32)
        for k in range(20)
    ]


def test_drift_is_refused(scene: Floats, noisy: Noisy) -> None:
    segment = judge_segment(0, noisy([scene + 3 * k / 19 for k in range(20)], 20, 1.0))
    assert segment.problem == "drift"
    assert segment.measures.drift_levels == pytest.approx(3 * 15 / 19, abs=0.1)


def test_uneven_deviations_are_refused(scene: Floats, noisy: Noisy) -> None:
    quiet, loud = noisy(scene, 20, 2.0), noisy(scene, 20, 12.0, seed=1)
    frames = np.where((np.arange(20) % 3 == 0)[:, None, None], loud, quiet)
    segment = judge_segment(0, frames)
    assert segment.problem == "sigma"
    assert segment.measures.sigma > SIGMA_LIMIT


def test_frozen_dark_and_bright_pictures_are_refused(scene: Floats, noisy: Noisy) -> None:
    frozen = np.repeat(frame_of(scene)[None], 20, axis=0)
    assert judge_segment(0, frozen).problem == "frozen"
    assert judge_segment(0, noisy(np.zeros_like(scene), 20, 2.0)).problem == "dark"
    assert judge_segment(0, noisy(np.full_like(scene, 255), 20, 2.0)).problem == "bright"
    limited = noisy(np.full_like(scene, 16), 20, 1.0)
    assert judge_segment(0, limited, 16, 235).problem == "dark"


def test_a_still_clip_becomes_one_series(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    path = write_clip(noisy(scene, 70, 4.0))
    clip = judge_clip(path)
    assert clip.frames == 70
    assert [(s.first, s.count, s.accepted) for s in clip.series] == [(0, 70, True)]
    series = clip.series[0]
    luma = np.stack([planes.y for planes in clip.read(series)])
    mask = clip.static_mask(series)
    e = deviations(luma, luma.astype(np.float64).mean(0).astype(np.float32), mask)
    assert series.mu == pytest.approx(e.mean(), rel=1e-4)
    assert series.sigma == pytest.approx(e.std(), rel=1e-2)
    assert series.static_fraction == pytest.approx(mask.mean())
    assert Clip.load(path) == clip
    assert clip.facts["damaged_packets"] == 0
    assert clip.facts["noise_levels"] == pytest.approx(4, rel=0.15)


def test_two_scenes_with_a_turn_between_become_two_series(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    other = np.ascontiguousarray(scene[::-1, ::-1])
    turn = [np.roll(scene, 25 * k, axis=1) for k in range(1, 7)]
    pictures = [scene] * 40 + turn + [other] * 30
    clip = judge_clip(write_clip(noisy(pictures, 76, 3.0)))
    accepted = clip.accepted
    assert [s.first for s in accepted] == [0, 46]
    assert [s.count for s in accepted] == [40, 30]
    refused = [s for s in clip.series if not s.accepted]
    assert len(refused) == 1
    assert "jumps from frame to frame" in refused[0].reason
    assert sum(s.count for s in clip.series) == 76


def test_something_that_moves_slowly_is_masked_in_the_joined_series(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    # Half a level per 20 frames shows only over the whole clip.
    pictures = []
    for k in range(100):
        picture = scene.copy()
        picture[60:90, 60:100] += k * 0.06
        pictures.append(picture)
    clip = judge_clip(write_clip(noisy(pictures, 100, 2.0)))
    assert [s.count for s in clip.accepted] == [100]
    mask = clip.static_mask(clip.accepted[0])
    assert (~mask)[64:86, 64:96].mean() > 0.9
    assert mask[:40].mean() > 0.95


def test_exposure_that_settles_costs_only_the_beginning(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    pictures = [scene + 4 * np.float32(np.exp(-k / 6)) for k in range(80)]
    clip = judge_clip(write_clip(noisy(pictures, 80, 1.5)))
    assert not clip.series[0].accepted
    assert "lock the exposure" in clip.series[0].reason
    assert sum(s.count for s in clip.accepted) >= 40


def test_h264_is_refused_with_what_to_do(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    path = write_clip(noisy(scene, 40, 5.0, spatial=0.8), codec="libx264")
    clip = judge_clip(path)
    assert not clip.accepted
    assert clip.series[0].lag1 > 0.3
    assert "H.264" in clip.series[0].reason
    assert "MJPG or raw" in clip.series[0].reason


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_frames_are_refused(
    write_clip: WriteClip, scene: Floats, noisy: Noisy, count: int
) -> None:
    clip = judge_clip(write_clip(noisy(scene, count, 4.0)))
    assert not clip.accepted
    assert f"Only {count} frame" in clip.series[0].reason


def test_four_frames_are_enough(write_clip: WriteClip, scene: Floats, noisy: Noisy) -> None:
    assert judge_clip(write_clip(noisy(scene, 4, 4.0))).accepted


def test_judging_again_keeps_the_facts_and_clears_old_masks(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    path = write_clip(noisy(scene, 24, 4.0))
    camera = CameraInfo("usb-1", "Cam", "webcam", "/dev/video0")
    mode = Mode("mjpeg", "yuvj420p", 192, 144, Fraction(30))
    first = judge_clip(path, camera, mode, facts={"started": "2025", "controls": {"gain": 4}})
    assert first.camera == camera
    stale = first.mask_path(5)
    stale.write_bytes(b"old")
    again = judge_clip(path)
    assert again == first
    assert not stale.exists()
    assert first.mask_path(0).exists()


def test_a_damaged_sidecar_is_no_hindrance(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    path = write_clip(noisy(scene, 8, 4.0))
    path.with_suffix(".json").write_text("{")
    assert judge_clip(path).accepted


def test_damaged_packets_are_left_out_and_counted(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    path = write_clip(noisy(scene, 30, 4.0))
    data = bytearray(path.read_bytes())
    begin = data.index(b"\xff\xd8\xff", len(data) // 2)  # a JPEG in the middle
    end = data.index(b"\xff\xd9", begin)
    data[begin:end] = bytes(end - begin)
    path.write_bytes(bytes(data))
    clip = judge_clip(path)
    assert clip.facts["damaged_packets"] == 1
    assert clip.frames == 29
    assert [(s.first, s.count) for s in clip.accepted] == [(0, 29)]
    assert len(list(clip.read(replace(clip.series[0], first=20, count=9)))) == 9


def test_a_garbled_frame_that_still_decodes_is_in_no_accepted_series(
    write_clip: WriteClip, scene: Floats, noisy: Noisy
) -> None:
    frames = noisy(scene, 45, 4.0)
    frames[30, 70:] = 128  # what FFmpeg makes of a JPEG that ends early
    clip = judge_clip(write_clip(frames))
    assert sum(s.count for s in clip.accepted) >= 30
    assert not any(s.first <= 30 < s.stop for s in clip.accepted)


def test_a_text_file_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "notes.mkv"
    path.write_text("nothing to see here\n" * 100)
    with pytest.raises(ClipError, match=r"notes\.mkv"):
        judge_clip(path)
