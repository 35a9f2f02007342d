"""What a second program sees of known pictures, through the webcam's real driver and v4l2loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import Array, draw_noisy, jpeg, outcome

WIDTH, HEIGHT, PATCH = 640, 360, 80
DAMAGED = (3, 5, 6)
CHART_FRAMES = 6


def _chart() -> Array:
    """Patches of known colours, black and white among them, and fine lines."""
    rng = np.random.default_rng(5)
    colours = rng.integers(30, 226, (3, WIDTH // PATCH, 3))
    colours[0, 0], colours[0, 1] = 0, 255
    picture = np.kron(colours, np.ones((PATCH, PATCH, 1))).astype(float)
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT - 3 * PATCH))
    lines = 128 + 60 * np.sign(np.sin(x / 9 + 0.3)) * np.sign(np.sin(y / 7 + 0.2))
    return np.concatenate([picture, np.repeat(lines[..., None], 3, axis=-1)])


def _damage(data: bytes, kind: int) -> bytes:
    """Cut short, its middle overwritten, its middle missing."""
    third, rng = len(data) // 3, np.random.default_rng(kind)
    if kind == 0:
        return data[: 2 * third]
    if kind == 1:
        return data[:third] + rng.integers(0, 255, third, np.uint8).tobytes() + data[2 * third :]
    return data[:third] + data[2 * third :]


@pytest.fixture(scope="module")
def share(play: Callable[..., Path]) -> Path:
    def draw(folder: Path) -> None:
        rng = np.random.default_rng(3)
        fed = rng.integers(16, 236, (5, HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
        np.save(folder / "fed.npy", fed)
        draw_noisy(folder, WIDTH, HEIGHT, 8)
        for kind, number in enumerate(DAMAGED):
            path = folder / f"{WIDTH}-{number}.jpg"
            path.write_bytes(_damage(path.read_bytes(), kind))
        noise = rng.normal(0, 5, (CHART_FRAMES, HEIGHT, WIDTH, 1))
        for n, one in enumerate(noise):
            picture = np.clip(_chart() + one, 0, 255).astype(np.uint8)
            (folder / f"chart-{n}.jpg").write_bytes(jpeg(picture, 95))

    return play("pictures", draw)


def _seen(share: Path, step: str) -> Array:
    frames: Array = np.load(share / f"{step}.npz")["frames"]
    return frames


def test_strength_0_gives_every_byte_as_it_was(share: Path) -> None:
    outcome(share, "exact")
    fed = np.load(share / "fed.npy")
    frames = _seen(share, "exact")
    assert len(frames) == 40
    shown = {next((n for n, one in enumerate(fed) if (one == frame).all()), -1) for frame in frames}
    assert shown == {0, 1, 2, 3, 4}


def test_damaged_pictures_are_held_back(share: Path) -> None:
    assert outcome(share, "garbled")["damaged"] >= 3
    whole = [n for n in range(8) if n not in DAMAGED]
    good = [_bgr_of(share / f"{WIDTH}-{n}.jpg") for n in whole]
    nearest = []
    for frame in _seen(share, "garbled"):
        shown = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420).astype(float)
        errors = [_blocks(np.abs(shown - one)).max() for one in good]
        nearest.append(whole[int(np.argmin(errors))])
        assert min(errors) < 8  # mean of the worst block of 8 × 8
    assert set(nearest) == set(whole)


def test_a_still_chart_is_cleaned_without_shift_colour_or_range_change(share: Path) -> None:
    assert outcome(share, "chart")["frames_out"] > 0
    sent = [_bgr_of(share / f"chart-{n}.jpg") for n in range(CHART_FRAMES)]
    truth = np.mean(sent, axis=0)
    inner = slice(PATCH // 4, 3 * PATCH // 4)

    def within_patches(picture: Array) -> Array:
        """(3, PATCH/2, n, PATCH/2, 3)."""
        cut: Array = picture[: 3 * PATCH].reshape(3, PATCH, -1, PATCH, 3)[:, inner, :, inner]
        return cut

    def noise(picture: Array) -> float:
        return float(np.median(within_patches(picture).mean(-1).std(axis=(1, 3))))

    frames = [cv2.cvtColor(f, cv2.COLOR_YUV2BGR_I420).astype(float) for f in _seen(share, "chart")]
    # A slow machine may show the camera's own picture for some of them.
    cleanest = min(range(len(frames)), key=lambda n: noise(frames[n]))
    assert noise(frames[cleanest]) < 0.6 * noise(sent[0])
    for n in (cleanest, -1):
        luma = _seen(share, "chart")[n, :HEIGHT]
        assert luma.min() in range(14, 20)  # limited range, used to its ends
        assert luma.max() in range(231, 238)
        means = [within_patches(picture).mean((1, 3)) for picture in (frames[n], truth)]
        assert np.abs(means[0] - means[1]).max() < 2.5
        shift, _ = cv2.phaseCorrelate(frames[n].mean(-1), truth.mean(-1))
        assert np.abs(shift).max() < 0.05


def _bgr_of(path: Path) -> Array:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture.astype(float)


def _blocks(values: Array) -> Array:
    """Means of blocks of 8 × 8."""
    means: Array = values.reshape(HEIGHT // 8, 8, WIDTH // 8, 8, 3).mean((1, 3, 4))
    return means
