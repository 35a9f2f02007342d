"""A person who moves: true vectors bring one clean frame to the next, and what is drawn is sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from calibrate.synthesis import PEOPLE, Mix, PhotoClips
from calibrate.synthesis.layers import Layer, Scene
from calibrate.synthesis.motion import Track, resting
from calibrate.synthesis.operators import gaussian
from calibrate.synthesis.people import Piece, draw_person, poses
from calibrate.synthesis.people_parts import EYE, PARTS, outline, painted, skin_colour
from calibrate.synthesis.scenes import draw_scene
from calibrate.synthesis.shutter import Shutter
from rtdenoise.arrays import Doubles

CPU = torch.device("cpu")
SIDE, FRAMES = 192, 8
ONLY_PEOPLE = Mix(still=0, person=1, blurred=0.5, rolling=0.5)


def surface(track: Track, shutter: Shutter | None) -> torch.Tensor:
    """Which place of its picture each pixel shows, (T, H, W, 2)."""
    at = np.asarray(np.arange(SIDE) - (SIDE - 1) / 2, np.float64)
    moments = None if shutter is None else shutter.moments(SIDE)[0]
    return track.turned(track.positions(at, at, CPU, moments), moments)


def true_vectors(track: Track, t: int, shutter: Shutter | None = None) -> torch.Tensor:
    """Where each pixel of frame ``t`` was in the one before, less where it is, (H, W, 2) in pixels.

    The place of the picture that a pixel shows is looked up in the frame before, by Newton's method.
    """
    places = surface(track, shutter)
    now, before = places[t], places[t - 1].permute(2, 0, 1)[None]
    across = before.diff(dim=3, append=before[..., -1:])
    down = before.diff(dim=2, append=before[:, :, -1:])
    field = torch.cat([before, across, down], 1)
    pixels = torch.arange(SIDE, dtype=torch.float32)
    here = torch.stack(torch.meshgrid(pixels, pixels, indexing="xy"), -1)
    was = here.clone()
    for _ in range(12):
        grid = ((2 * was + 1) / SIDE - 1)[None]
        found = torch.nn.functional.grid_sample(
            field, grid, padding_mode="border", align_corners=False
        )[0].permute(1, 2, 0)
        missing = now - found[..., :2]
        (xx, yx), (xy, yy) = found[..., 2:4].unbind(-1), found[..., 4:].unbind(-1)
        size = xx * yy - xy * yx
        size = torch.where(size.abs() < 0.05, torch.full_like(size, 0.05), size)
        step = torch.stack(
            [
                (yy * missing[..., 0] - xy * missing[..., 1]) / size,
                (xx * missing[..., 1] - yx * missing[..., 0]) / size,
            ],
            -1,
        )
        was = was + step.clamp(-4, 4)
    return was - here


def warped(frame: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """A frame, (C, H, W), moved along."""
    pixels = torch.arange(SIDE, dtype=torch.float32)
    at = torch.stack(torch.meshgrid(pixels, pixels, indexing="xy"), -1) + vectors
    grid = ((2 * at + 1) / SIDE - 1)[None]
    return torch.nn.functional.grid_sample(
        frame[None], grid, mode="bicubic", padding_mode="border", align_corners=False
    )[0]


def head(seed: int) -> Track:
    pieces = draw_person(np.random.default_rng(seed), FRAMES, (SIDE, SIDE))
    return next(piece.track for piece in pieces if piece.part == "head")


def texture(channels: int = 3) -> torch.Tensor:
    """Fine enough to be followed, and coarse enough to be interpolated."""
    random = torch.rand((channels, 2 * SIDE, 2 * SIDE), generator=torch.Generator().manual_seed(1))
    soft = torch.from_numpy(gaussian(2 * SIDE, 3.0)).float()
    picture = soft @ random @ soft.T
    return (picture - picture.mean()) / picture.std() * 0.15 + 0.5


@pytest.mark.parametrize("shutter", [None, Shutter(readout=0.8)])
@pytest.mark.parametrize("seed", range(4))
def test_true_vectors_bring_a_head_to_the_next_frame(seed: int, shutter: Shutter | None) -> None:
    """It turns, bends, sways and comes nearer, and its rows are read one after the other."""
    track = head(seed)
    assert track.turn is not None
    picture = torch.cat([texture(), torch.ones((1, 2 * SIDE, 2 * SIDE))])
    layer = Layer(picture, track, cut_out=True)
    back = Layer(torch.zeros((3, SIDE, SIDE)), resting(FRAMES))
    shown, moving = Scene([back, layer], FRAMES, shutter=shutter).render(SIDE, SIDE)
    places = surface(track, shutter)
    errors, moved = [np.zeros(0)], [np.zeros(0)]
    for t in range(2, FRAMES - 1):
        vectors = true_vectors(track, t, shutter)
        # The sides are seen aslant; what has just come round was not there before.
        outline = np.abs((places[t, ..., 0] / track.radius).numpy() + track.turn[t]) < 0.9
        inside = outline & (places[t].norm(dim=-1) < track.radius).numpy()
        inside &= (vectors.norm(dim=-1) < 20).numpy()
        error = (warped(shown[t - 1], vectors) - shown[t]).square().mean(0)
        errors.append(error.numpy()[inside])
        moved.append((shown[t - 1] - shown[t]).square().mean(0).numpy()[inside])
        length = vectors.norm(dim=-1).numpy()[inside]
        if np.median(length) > 0.3:
            marked = moving[t].repeat_interleave(4, 0).repeat_interleave(4, 1).numpy()
            assert marked[inside].mean() > 0.8
    before, after = (float(np.concatenate(e).mean()) for e in (moved, errors))
    assert before > 5e-5, "something moves"
    assert after < 0.03 * before + 1e-5


def test_what_turns_away_is_hidden_and_what_comes_round_is_new() -> None:
    """The turn brings places to the middle that were beyond the side before."""
    t = np.arange(3.0)
    track = Track(0 * t, 0 * t, 0 * t, 0 * t + 1, None, 0.9 * (t - 1), 40.0)
    seen = surface(track, None)[:, SIDE // 2, SIDE // 2 - 36 : SIDE // 2 + 36, 0]
    ranges = [(float(row.min()), float(row.max())) for row in seen]
    assert ranges[0][1] - ranges[1][1] == pytest.approx(36, abs=0.5)
    assert ranges[2][0] < ranges[1][0] - 30
    # The outline stays where it is.
    mask = torch.zeros((4, 200, 200))
    mask[3, 60:140, 60:140] = 1
    layer = Layer(mask, track, density=1.0, cut_out=True)
    masks = layer.sample(SIDE, SIDE)[:, 3]
    assert torch.equal(masks[0], masks[2])


def test_eyes_and_mouth_stay_on_the_head() -> None:
    """Where a lid is, the head shows the place of the eye."""
    for seed in range(6):
        pieces = draw_person(np.random.default_rng(seed), FRAMES, (SIDE, SIDE))
        track = next(p.track for p in pieces if p.part == "head")
        straight = Track(track.x, track.y, track.angle, track.zoom, None, track.turn, track.radius)
        lid = [p for p in pieces if p.part == "lid"][1]
        for t in range(FRAMES):
            at = np.array([lid.track.x[t]]), np.array([lid.track.y[t]])
            place = straight.turned(straight.positions(*at, CPU))[t, 0, 0] / track.radius
            if abs(EYE[0] + track.turn[t]) < 1.1:  # type: ignore[index]
                assert place.tolist() == pytest.approx(list(EYE), abs=0.02)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 40))
def test_people_are_sound(seed: int, frames: int) -> None:
    def drawn() -> list[Piece]:
        return draw_person(np.random.default_rng(seed), frames, (160, 96))

    for one, other in zip(drawn(), drawn(), strict=True):
        assert one.part in PARTS
        assert 1 < one.radius < 60
        for name in ("x", "y", "angle", "zoom", "turn", "bends"):
            values: Doubles | None = getattr(one.track, name)
            if values is None:
                continue
            assert len(values) == frames
            assert np.isfinite(values).all()
            assert (values == getattr(other.track, name)).all()
        assert (one.track.zoom > 0.3).all()
        assert one.track.turn is None or np.abs(one.track.turn).max() < 1
        if one.shown is not None:
            assert one.shown.shape == (frames,)
            assert ((one.shown >= 0) & (one.shown <= 1)).all()


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_masks_with_nothing_at_the_edge_and_light_that_can_be(part: str) -> None:
    for seed in range(5):
        mask = outline(part, np.random.default_rng(seed), 80)
        assert mask.shape == (80, 80)
        assert 0 <= mask.min() < mask.max() == 1
        edges = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert edges.max() == 0
        assert 0.03 < mask.mean() < 0.9
        skin = skin_colour(np.random.default_rng(seed))
        light = painted(part, skin, np.random.default_rng(seed), 80)
        if part == "body":
            assert light is None
            continue
        assert light is not None
        assert light.shape == (3, 80, 80)
        assert light.dtype == np.float32
        assert np.isfinite(light).all()
        assert light.min() >= 0
        again = painted(part, skin, np.random.default_rng(seed), 80)
        assert again is not None
        assert (light == again).all()


def test_poses_are_held_and_then_change_smoothly() -> None:
    path = poses(np.random.default_rng(2), 400, 10.0)
    assert path.shape == (400,)
    steps = np.abs(np.diff(path))
    assert (steps == 0).mean() > 0.1
    assert path.std() > 3
    assert steps.max() < 15


def test_people_are_in_as_many_clips_as_asked_for_and_are_never_rigid() -> None:
    count = 0
    for seed in range(60):
        drawing = draw_scene(np.random.default_rng(seed), 6, (128, 96), PEOPLE)
        parts = [c.part for c in drawing.cut_outs if c.part]
        if parts:
            count += 1
            assert {"body", "head", "lid", "mouth"} <= set(parts)
            assert len({c.seed for c in drawing.cut_outs}) == 1
    share = PEOPLE.person * (1 - PEOPLE.still)
    assert abs(count - 60 * share) < 10
    drawing = draw_scene(np.random.default_rng(1), 6, (128, 96), Mix())
    assert drawing.shutter is None
    assert not any(c.part for c in drawing.cut_outs)


def test_clips_of_people_are_made_and_are_the_same_for_a_seed() -> None:
    one, other = (
        PhotoClips([], (64, 64), 4, 5, mix=ONLY_PEOPLE, procedural=1).batch(2) for _ in range(2)
    )
    for a, b in zip((*one.noisy, *one.clean), (*other.noisy, *other.clean), strict=True):
        assert torch.equal(a, b)
    assert one.moving.any()
    spread = one.clean[0].std()
    assert torch.isfinite(spread)
    assert spread > 1
