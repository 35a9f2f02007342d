"""Batches of clips: shapes, seeds, and noise that its variance curve tells."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from calibrate.synthesis import ClipBatch, Mix, PhotoClips, join, photographs
from calibrate.synthesis.edges import steepness
from rtdenoise.errors import ClipError

STILL = Mix(
    still=1, panned=0, talking=0, cut=0, drift=0, jump=0, banding=0, unfocused=0, steps=0, fade=0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two photographs, and one whose licence keeps it out."""
    path = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name in ("hill.jpg", "lake.png", "life_by_someone.jpg"):
        noise = random.random((300, 420, 3), np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 6)
        picture = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 255
        cv2.imwrite(str(path / name), picture.astype(np.uint8))
    return path


def all_tensors(batch: ClipBatch) -> list[torch.Tensor]:
    return [*batch.noisy, *batch.clean, batch.variance, batch.moving, batch.cut]


def test_shapes_and_ranges(folder: Path) -> None:
    clips = PhotoClips(photographs(folder), (96, 64), frames=5, seed=1, procedural=2)
    batch = clips.batch(3)
    assert len(batch) == 3
    for planes in (batch.noisy, batch.clean):
        assert planes[0].shape == (3, 5, 1, 64, 96)
        assert planes[1].shape == planes[2].shape == (3, 5, 1, 32, 48)
        for plane in planes:
            assert plane.dtype == torch.float32
            assert float(plane.min()) >= 0
            assert float(plane.max()) <= 255
    assert all(bool((p == p.round()).all()) for p in batch.noisy)
    assert not all(bool((p == p.round()).all()) for p in batch.clean)
    assert batch.variance.shape == (3, 3, 256)
    assert (batch.variance > 0).all()
    assert batch.moving.shape == (3, 5, 1, 16, 24)
    assert batch.moving.dtype == batch.cut.dtype == torch.bool
    assert not batch.moving[:, 0].any()
    assert batch.cut.shape == (3, 5)


def test_the_seed_decides(folder: Path) -> None:
    def made(seed: int) -> list[torch.Tensor]:
        clips = PhotoClips(photographs(folder), (64, 64), frames=3, seed=seed, procedural=2)
        return all_tensors(join([clips.batch(2), clips.batch(1)]))

    first, again, other = made(5), made(5), made(6)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_cuts_are_marked(folder: Path) -> None:
    clips = PhotoClips(photographs(folder), (64, 64), 6, 2, mix=Mix(cut=1.0), procedural=1)
    batch = clips.batch(6)
    assert (batch.cut.sum(1) == 1).all()
    assert not batch.cut[:, 0].any()
    for clip in range(6):
        at = int(batch.cut[clip].nonzero()[0])
        assert batch.moving[clip, at].all()


@pytest.mark.parametrize("plane_noise", [0.0, 1.0])
def test_noise_has_unit_variance_by_its_curve(tmp_path: Path, plane_noise: float) -> None:
    walls = np.random.default_rng(1).integers(40, 220, (5, 5, 3), np.uint8)
    walls = walls.repeat(130, 0).repeat(130, 1)
    cv2.imwrite(str(tmp_path / "walls.png"), walls)
    mix = Mix(**{**STILL.__dict__, "plane_noise": plane_noise, "procedural": 0})
    batch = PhotoClips(photographs(tmp_path), (128, 128), 12, 3, mix=mix, procedural=0).batch(24)
    for plane in range(3):
        level = batch.clean[plane].round().long()
        ratios = []
        for clip in range(len(batch)):
            # The curve is that of even walls: there is more noise at edges, in chroma too.
            even = steepness(batch.clean[0][clip, 0])[0] < 0.3
            if plane > 0:
                even = -torch.nn.functional.max_pool2d(-even[None].float(), 2)[0] > 0
            # Over time: what stays the same (fixed pattern, JPEG's own error) is no noise.
            seen = batch.noisy[plane][clip, :, 0].var(0)[even]
            told = batch.variance[clip, plane][level[clip, 0, 0]][even]
            if len(told) > 500 and float(told.mean()) > 0.3:
                ratios.append(float(seen.mean() / told.mean()))
        assert len(ratios) >= 3
        # Blotches and noise that is correlated in time leave few independent samples in a clip.
        assert np.median(ratios) == pytest.approx(1, abs=0.1)
        # Of the strongest processors' noise some reaches from edges onto walls, or is taken off there.
        assert 0.4 < min(ratios) <= max(ratios) < 1.6
        assert np.quantile(ratios, 0.1) > 0.6


def test_still_clips_are_still_and_their_mean_is_the_truth(folder: Path) -> None:
    mix = Mix(**{**STILL.__dict__, "plane_noise": 1.0})
    batch = PhotoClips(photographs(folder), (64, 64), 40, 8, mix=mix, procedural=1).batch(6)
    assert not batch.moving.any()
    for clip in range(6):
        clean = batch.clean[0][clip]
        assert torch.equal(clean, clean[:1].expand_as(clean))
        bias = (batch.noisy[0][clip] - clean).mean()
        away = (clean > 40) & (clean < 215)
        if away.all():
            assert abs(float(bias)) < 0.5


def test_clips_go_to_a_device_and_join(folder: Path) -> None:
    clips = PhotoClips(photographs(folder), (64, 64), 2, 0, procedural=1)
    one, two = clips.batch(1), clips.batch(2)
    both = join([one.to("cpu"), two])
    assert len(both) == 3
    for whole, first in zip(all_tensors(both), all_tensors(one), strict=True):
        assert torch.equal(whole[:1], first)


def test_photographs_are_chosen_by_name(folder: Path) -> None:
    assert [p.name for p in photographs(folder)] == ["hill.jpg", "lake.png"]


def test_wrong_arguments(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        PhotoClips(photographs(folder), (100, 64))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ClipError, match="can't be read"):
        PhotoClips([tmp_path / "broken.jpg"], procedural=0)
    with pytest.raises(ClipError, match="no pictures"):
        PhotoClips([], procedural=0)
