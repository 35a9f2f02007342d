"""The facts of a camera's noise, on drawn clips whose noise is known."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.noise.cameras import frames_of, luma_of, main, tables
from benchmarks.noise.facts import Facts, facts, slopes, still_mask

ROWS, COLUMNS, FRAMES = 192, 256, 40
_SHARED = Path(__file__).parents[4] / "shared"


def scene() -> NDArray[np.float64]:
    """Smooth, with upright edges of two pixels' width every 32 pixels in the right half."""
    picture = np.full((ROWS, COLUMNS), 110.0)
    for left in range(128, COLUMNS, 32):
        picture[:, left : left + 16] = 60.0
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 0.8))


def clip(
    picture: NDArray[np.float64], std: NDArray[np.float64] | float, *, smooth: float = 0.0
) -> NDArray[np.float64]:
    """Frames of the picture with white noise of a deviation, per pixel or everywhere, smoothed over time."""
    random = np.random.default_rng(5)
    noise = random.normal(size=(FRAMES + 1, *picture.shape))
    noise = noise[1:] + smooth * noise[:-1]
    return picture + noise * std


def measured(frames: NDArray[np.float64]) -> Facts:
    return facts("drawn", np.clip(np.rint(frames), 0, 255).astype(np.uint8))


def edges_of(picture: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the picture is neither flat nor nearly so."""
    return np.asarray(np.hypot(*slopes(picture.astype(np.float32))) > 2)


def test_noise_at_edges_is_compared_with_that_of_flat_places() -> None:
    picture = scene()
    found = measured(clip(picture, np.where(edges_of(picture), 9.0, 1.5)))
    assert found.still > 0.8
    assert found.flat_std == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.03)
    assert found.edge_std == pytest.approx(9.0, rel=0.03)
    assert found.ratio == pytest.approx(81 / (1.5**2 + 1 / 12), rel=0.06)
    assert found.by_gradient[0] == pytest.approx(1, abs=0.05)


def test_white_noise_that_is_the_same_everywhere_has_no_ratio_in_any_coefficient() -> None:
    found = measured(clip(scene(), 3.0))
    assert found.ratio == pytest.approx(1, abs=0.05)
    assert found.coefficients == pytest.approx((1, 1, 1, 1), abs=0.12)
    assert found.neighbours == pytest.approx(0, abs=0.02)
    assert found.flat_lag1 == pytest.approx(0, abs=0.02)


def test_the_direction_of_edge_noise_and_its_spectrum_are_told() -> None:
    picture = scene()
    edge = edges_of(picture)
    white = clip(np.zeros_like(picture), 1.0)
    along = np.stack([cv2.GaussianBlur(f, (1, 9), 1.0) for f in white])
    flat = np.stack([cv2.GaussianBlur(f, (9, 9), 1.0) for f in white])
    noise = np.where(edge, 8 * along / along.std(), 3 * flat / flat.std())
    found = measured(picture + noise)
    # neighbours after a blur of 1 pixel: exp(-1/4)
    assert found.neighbours == pytest.approx(0.78, abs=0.03)
    assert found.along == pytest.approx(0.78, abs=0.04)
    assert found.across == pytest.approx(0, abs=0.04)
    lowest, *_, high = found.coefficients
    assert lowest is not None
    assert high is not None
    assert high > 5 * lowest


def test_lag_1_and_steps_of_brightness_are_found() -> None:
    random = np.random.default_rng(6)
    gains = np.exp(random.normal(0, 0.02, FRAMES))
    frames = clip(scene(), 2.0, smooth=0.5) * gains[:, None, None]
    found = measured(frames)
    assert found.flat_lag1 == pytest.approx(0.4, abs=0.04)
    assert found.edge_lag1 == pytest.approx(0.4, abs=0.06)
    known = gains / np.median(gains)
    assert np.allclose(np.array(found.gains) / np.median(found.gains), known, atol=0.003)
    assert found.step_rms == pytest.approx(np.sqrt((np.diff(np.log(gains)) ** 2).mean()), rel=0.05)


def test_noisy_edges_are_still_and_what_moves_is_not() -> None:
    picture = scene()
    frames = clip(picture, np.where(edges_of(picture), 12.0, 1.0))
    for index in range(FRAMES):  # a box that goes through the flat half
        left = 8 + 2 * index
        frames[index, 48:96, left : left + 24] = 180
    mask, _ = still_mask(np.clip(np.rint(frames), 0, 255).astype(np.uint8))
    assert mask[8:-8, 136:-8].mean() > 0.9
    assert mask[52:92, 16:100].mean() < 0.02
    assert mask[116:184, 16:100].mean() > 0.95


def test_a_trembling_picture_and_few_frames_say_nothing_wrong() -> None:
    flat = measured(clip(np.full((ROWS, COLUMNS), 120.0), 2.0))
    assert (flat.ratio, flat.edge_std, flat.along) == (None, None, None)
    with pytest.raises(ValueError, match="at least 12"):
        facts("short", np.zeros((5, 64, 64), np.uint8))
    assert "–" in tables([flat])["strength"]


def test_figures_go_into_page_and_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "".join(f"<!-- {n} -->\n<!-- /{n} -->\n" for n in ("strength", "likeness", "structure"))
    )
    spec = "simulated:chart?frames=14&processing=strong"
    wanted = ["--json", str(tmp_path / "f.json"), "--page", str(page)]
    main([spec, *wanted, "--picture", str(tmp_path / "p.png")])
    (read,) = json.loads((tmp_path / "f.json").read_text())
    assert read["name"] == spec
    assert page.read_text().count("`simulated:chart?processing=strong`") == 3
    assert (tmp_path / "p.png").stat().st_size > 10_000


@pytest.mark.skipif(
    not (_SHARED / "real/wall.mkv").is_file(), reason="needs footage of real cameras"
)
def test_a_real_camera_s_edges_are_far_noisier() -> None:
    name, frames = frames_of(str(_SHARED / "real/wall.mkv"), 45)
    found = facts(name, luma_of(frames))
    assert found.ratio is not None
    assert 60 < found.ratio < 180
    assert found.edge_lag1 == pytest.approx(0, abs=0.05)
