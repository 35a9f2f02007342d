"""Clips from a camera's own still series."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from calibrate.synthesis import Mix, SeriesClips, StillStack, still_stack
from rtdenoise.errors import ClipError
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise

WIDTH, HEIGHT, COUNT = 224, 160, 24
LUMA_VARIANCE = 16.0
CHROMA_VARIANCE = 9.0
STILL = Mix(
    still=1,
    panned=0,
    talking=0,
    cut=0,
    drift=0,
    jump=0,
    banding=0,
    steps=0,
    fade=0,
    leaves=0,
    blinks=0,
)
CALM = replace(STILL, still=0)


def noise_model() -> NoiseModel:
    luma = PlaneNoise(
        NoiseCurve((0.0, 255.0), (LUMA_VARIANCE, LUMA_VARIANCE)), (0.5, 0.1), (0.5, 0.1)
    )
    chroma = PlaneNoise(
        NoiseCurve((0.0, 255.0), (CHROMA_VARIANCE, CHROMA_VARIANCE)), (0.3,), (0.3,)
    )
    return NoiseModel(luma, chroma, chroma, chroma="420")


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    planes = []
    for shape in ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2)):
        rough = cv2.GaussianBlur(random.random(shape), (0, 0), 8)
        planes.append(60 + 130 * (rough - rough.min()) / (rough.max() - rough.min()))
    return planes[0], planes[1], planes[2]


def frames(count: int = COUNT, seed: int = 0) -> list[Planes]:
    random = np.random.default_rng([seed, 1])
    layout = PlaneFormat(WIDTH, HEIGHT, "420", full_range=True, matrix="bt601")
    taken = []
    for _ in range(count):
        y, u, v = (
            np.clip(np.round(p + random.normal(0, variance**0.5, p.shape)), 0, 255).astype(np.uint8)
            for p, variance in zip(
                scene(seed), (LUMA_VARIANCE, CHROMA_VARIANCE, CHROMA_VARIANCE), strict=True
            )
        )
        taken.append(Planes(y, u, v, layout, 0.0))
    return taken


@pytest.fixture(scope="module")
def stacks() -> list[StillStack]:
    return [still_stack(frames(seed=k)) for k in range(2)]


def clips(stacks: list[StillStack], length: int = 6, **options: object) -> SeriesClips:
    arguments = {"size": (96, 64), "frames": length, "seed": 3, **options}
    means, residuals = [s.mean for s in stacks], [s.residuals for s in stacks]
    return SeriesClips(means, residuals, noise_model(), **arguments)  # type: ignore[arg-type]


def test_residuals_have_the_variance_of_the_noise(stacks: list[StillStack]) -> None:
    for stack in stacks:
        assert stack.residuals[0].shape == (COUNT, HEIGHT, WIDTH)
        assert stack.residuals[1].shape == (COUNT, HEIGHT // 2, WIDTH // 2)
        # Rounding to bytes adds a twelfth.
        assert stack.residuals[0].var() == pytest.approx(LUMA_VARIANCE + 1 / 12, rel=0.01)
        assert stack.residuals[2].var() == pytest.approx(CHROMA_VARIANCE + 1 / 12, rel=0.02)
        assert np.abs(stack.residuals[0].mean(0)).max() < 1e-3


def test_drifting_light_is_no_noise() -> None:
    layout = PlaneFormat(WIDTH, HEIGHT, "420", full_range=True, matrix="bt601")
    drifting = []
    for k, frame in enumerate(frames(12)):
        y = np.clip(np.round(frame.y * (1 + 0.004 * k)), 0, 255).astype(np.uint8)
        drifting.append(Planes(y, frame.u, frame.v, layout, 0.0))
    still = np.ones((HEIGHT, WIDTH), bool)
    still[:20] = False
    stack = still_stack(drifting, still)
    means = stack.residuals[0].mean((1, 2))
    assert np.abs(means).max() < 0.1
    assert stack.residuals[0].var() == pytest.approx(LUMA_VARIANCE * 1.045, rel=0.03)


def test_finer_chroma_is_averaged_down() -> None:
    layout = PlaneFormat(32, 16, "422", full_range=True, matrix="bt601")
    u = np.repeat(np.arange(16, dtype=np.uint8)[:, None] * 2, 16, 1)
    frame = Planes(np.zeros((16, 32), np.uint8), u, u, layout, 0.0)
    stack = still_stack([frame] * 4)
    np.testing.assert_allclose(stack.mean[1][:, 0], np.arange(8) * 4 + 1)


def test_shapes(stacks: list[StillStack]) -> None:
    maker = clips(stacks)
    for batch in (maker.batch(3), maker.still(3)):
        assert batch.noisy[0].shape == batch.clean[0].shape == (3, 6, 1, 64, 96)
        assert batch.noisy[1].shape == batch.clean[2].shape == (3, 6, 1, 32, 48)
        assert batch.variance.shape == (3, 3, 256)
        assert batch.moving.shape == (3, 6, 1, 16, 24)
        assert batch.cut.shape == (3, 6)
        assert all(bool((p == p.round()).all()) for p in batch.noisy)
        assert float(batch.noisy[0].min()) >= 0
        assert float(batch.noisy[0].max()) <= 255


def test_the_seed_decides(stacks: list[StillStack]) -> None:
    one, same, other = (clips(stacks, seed=seed).batch(2).noisy[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("mix", [STILL, CALM])
def test_noise_on_moving_means_is_the_cameras(stacks: list[StillStack], mix: Mix) -> None:
    batch = clips(stacks, mix=mix).batch(12)
    for plane, variance in enumerate((LUMA_VARIANCE, CHROMA_VARIANCE, CHROMA_VARIANCE)):
        inside = (batch.clean[plane] > 20) & (batch.clean[plane] < 235)
        noise = (batch.noisy[plane] - batch.clean[plane])[inside]
        assert float(noise.var()) == pytest.approx(variance, rel=0.06)
        assert abs(float(noise.mean())) < 0.1


def test_the_clean_picture_moves_and_the_rest_stays(stacks: list[StillStack]) -> None:
    batch = clips(stacks, mix=CALM).batch(6)
    assert batch.moving.any()
    blocks = batch.moving.repeat_interleave(4, 3).repeat_interleave(4, 4)
    change = (batch.clean[0][:, 1:] - batch.clean[0][:, :-1]).abs()
    # Less than a tenth of a pixel per frame counts as still: at most a tenth of what neighbours differ by.
    clean = batch.clean[0]
    steepest = max(float(clean.diff(dim=axis).abs().max()) for axis in (3, 4))
    assert float(change[~blocks[:, 1:]].max()) < 0.1 * steepest
    assert float(change[~blocks[:, 1:]].mean()) < 0.01
    assert float(change[blocks[:, 1:]].mean()) > 0.3


def test_still_frames_are_real_and_their_targets_are_independent(stacks: list[StillStack]) -> None:
    maker = clips(stacks[:1], length=10)
    batch = maker.still(4)
    places = [(r, c) for r in range(0, 97, 16) for c in range(0, 129, 16)]
    real = {frame.y[r : r + 64, c : c + 96].tobytes() for frame in frames() for r, c in places}
    for clip in range(4):
        for t in range(10):
            taken = batch.noisy[0][clip, t, 0].numpy().astype(np.uint8)
            assert taken.tobytes() in real
    assert not batch.moving.any()
    # The target of each frame holds no noise of it, nor of the clip's frames before it.
    truth = torch.from_numpy(scene()[0]).float()
    errors, noises = [], []
    for top in range(0, HEIGHT - 64 + 1, 16):
        for left in range(0, WIDTH - 96 + 1, 16):
            piece = truth[top : top + 64, left : left + 96]
            for clip in range(4):
                if float((batch.clean[0][clip, 0, 0] - piece).abs().mean()) < 2:
                    errors.append(batch.clean[0][clip, :, 0] - piece)
                    noises.append(batch.noisy[0][clip, :, 0] - piece)
    assert len(errors) == 4
    error, noise = torch.stack(errors), torch.stack(noises)
    for t in range(10):
        expected = LUMA_VARIANCE / (COUNT - t - 1)
        assert float(error[:, t].var()) == pytest.approx(expected, rel=0.1)
        for before in range(t + 1):
            correlation = float((error[:, t] * noise[:, before]).mean()) / LUMA_VARIANCE
            assert abs(correlation) < 0.01


def test_long_clips_of_short_series_are_cut(stacks: list[StillStack]) -> None:
    maker = clips(stacks, length=20)
    assert maker.still_frames == COUNT // 2
    assert maker.still(1).cut.shape == (1, COUNT // 2)
    assert maker.batch(1).cut.shape == (1, 20)


def test_places_that_move_are_marked_and_lend_no_residuals(stacks: list[StillStack]) -> None:
    still = np.ones((HEIGHT, WIDTH), bool)
    still[:, : WIDTH // 2] = False
    means, residuals = [stacks[0].mean], [stacks[0].residuals]
    wild = (residuals[0][0].copy(), residuals[0][1], residuals[0][2])
    wild[0][:, ~still] *= 20
    maker = SeriesClips(means, [wild], noise_model(), (96, 64), 4, masks=[still], mix=STILL)
    noise = maker.batch(8)
    inside = (noise.noisy[0] - noise.clean[0]).var()
    assert float(inside) == pytest.approx(LUMA_VARIANCE, rel=0.1)
    marked = SeriesClips(means, residuals, noise_model(), (224, 160), 4, masks=[still]).still(1)
    assert marked.moving[..., :28].all()
    assert not marked.moving[..., 28:].any()


def test_wrong_arguments(stacks: list[StillStack]) -> None:
    with pytest.raises(ClipError, match="too small"):
        clips(stacks, size=(256, 256))
    with pytest.raises(ClipError, match="no series"):
        SeriesClips([], [], noise_model())
    with pytest.raises(ClipError, match="too short"):
        still_stack(frames(3))
    with pytest.raises(ValueError, match="multiples of 16"):
        clips(stacks, size=(100, 64))
