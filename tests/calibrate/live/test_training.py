"""Live networks in training: clips in units of noise, chunks of frames, and trainings that stop and go on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from calibrate.live.batches import Pool, PreparedClip, Units, prepare, whole
from calibrate.live.training import LiveRecipe, LiveTrainer
from calibrate.live.unroll import evaluate, loss_of, run_chunk, warped_state
from calibrate.synthesis import ClipBatch
from rtdenoise.networks.live import LiveNetwork, LiveSize, State
from rtdenoise.networks.local_noise import unknown
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.vst import Stabiliser

TINY = LiveSize(gate=2, context=2, energy=3, wide=2, filters=2)
STD = 5.0
SIDE, FRAMES = 64, 6
QUICK = LiveRecipe(steps=4, batch=2, crop=64, chunk=3, warm_up=2, judge_every=0.5, seed=1)


def network(seed: int = 0) -> LiveNetwork:
    torch.manual_seed(seed)
    return LiveNetwork(TINY)


def clips(count: int = 3, *, move: int = 0, side: int = SIDE, std: float = STD) -> ClipBatch:
    """Smooth pictures of which the right half moves ``move`` pixels a frame, with white noise."""
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:side, : side * 2]
    planes: list[list[np.ndarray]] = [[], [], []]
    for index in range(count):
        picture = 120 + 60 * np.sin(rows / (5 + index)) * np.cos(columns / 7)
        for plane, step in zip(planes, (1, 2, 2), strict=True):
            frames = []
            for t in range(FRAMES):
                shown = picture[:, :side].copy()
                shown[:, side // 2 :] = picture[:, side // 2 + t * move :][:, : side // 2]
                frames.append(shown[::step, ::step])
            plane.append(np.stack(frames))
    clean = tuple(torch.from_numpy(np.stack(p)).float()[:, :, None] for p in planes)
    noisy = tuple(
        torch.from_numpy(p.numpy() + random.normal(0, std, p.shape)).round().clamp(0, 255).float()
        for p in clean
    )
    moving = torch.zeros(count, FRAMES, 1, side // 4, side // 4, dtype=torch.bool)
    moving[:, 1:, :, :, side // 8 :] = move > 0
    return ClipBatch(
        (noisy[0], noisy[1], noisy[2]),
        (clean[0], clean[1], clean[2]),
        torch.full((count, 3, 256), std**2),
        moving,
        torch.zeros(count, FRAMES, dtype=torch.bool),
    )


def flat_model(std: float = STD) -> NoiseModel:
    plane = PlaneNoise(NoiseCurve((0.0, 255.0), (std**2, std**2)))
    return NoiseModel(plane, plane, plane, chroma="420")


def test_coefficients_of_prepared_clips_have_unit_noise_around_their_truth() -> None:
    net = network()
    material = whole(net, prepare(clips(), net))
    residual = (material.noisy - material.clean[:, :]) / material.band_std[:, None]
    spread = residual.std((1, 3, 4))
    assert spread.min() > 0.9
    assert spread.max() < 1.1
    # White noise has no share of the coarse in the fine: a coefficient's deviation is that of a mean of its pixels.
    band_std = material.band_std[:, :, 0, 0]
    assert torch.allclose(band_std[:, 0], torch.tensor(0.25), rtol=0.25)
    assert torch.allclose(band_std[:, 16], torch.tensor(0.5), rtol=0.25)
    # The weight takes squared units back to squared bytes.
    assert float(material.weight.mean()) == pytest.approx(STD**2, rel=0.05)


def test_a_measured_camera_needs_no_clip_to_know_its_noise() -> None:
    net, units = network(), Units.of_model(flat_model())
    (known, *_), (found, *_) = prepare(clips(), net, units), prepare(clips(), net)
    assert units.band_std is not None
    assert found.units.band_std is not None
    assert torch.allclose(units.band_std, found.units.band_std, rtol=0.2)
    forward = Stabiliser.of(flat_model().y).forward
    assert np.allclose(known.units.noisy[0].numpy(), forward)


def test_flipped_and_turned_pieces_are_the_flipped_picture() -> None:
    net = network()
    pool = Pool(prepare(clips(1), net))
    plain = whole(net, prepare(clips(1), net))
    seen = set()
    for seed in range(12):
        drawn = pool.draw(net, np.random.default_rng(seed), 1, SIDE, turn=True)
        for turns in range(8):
            there = plain.luma[0, 0]
            band_std = plain.band_std
            there = there.flip(-1) if turns & 1 else there
            there = there.flip(-2) if turns & 2 else there
            there = there.T if turns & 4 else there
            if torch.equal(drawn.luma[0, 0], there):
                seen.add(turns)
                if not turns & 4:
                    assert torch.equal(drawn.band_std, band_std)
                else:
                    order = [4 * column + row for row in range(4) for column in range(4)]
                    assert torch.equal(drawn.band_std[0, :16], band_std[0, order])
    assert len(seen) >= 4


def test_movement_turns_with_the_picture() -> None:
    net = network()
    (clip,) = prepare(clips(1), net)
    flow = torch.zeros_like(clip.following.flow)
    flow[1, 0] = 1.0  # one block to the right, everywhere
    pool = Pool([replace(clip, following=replace(clip.following, flow=flow))])
    found = set()
    for seed in range(24):
        drawn = pool.draw(net, np.random.default_rng(seed), 1, SIDE, turn=True)
        x, y = drawn.flow[0, 1, :, 0, 0].tolist()
        found.add((x, y))
    assert found == {(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)}


def test_the_movement_that_is_found_brings_the_state_to_the_new_frame() -> None:
    net = network()
    prepared = prepare(clips(2, move=4, side=128, std=2.0), net)
    assert any(bool(clip.following.flow.abs().sum() > 0) for clip in prepared)
    material = whole(net, prepared)
    before = material.clean[:, 1] / material.band_std
    residual = torch.ones(2, 3, 32, 32)
    state = State(before, residual, torch.ones_like(residual), *unknown(before))
    moved = warped_state(net, state, material.flow[:, 2], material.band_std)
    true = material.clean[:, 2] / material.band_std
    where = material.flow[:, 2].abs().sum(1) > 0

    def error(coefficients: torch.Tensor) -> float:
        return float((coefficients - true)[:, 0][where].square().mean())

    assert error(moved.coefficients) < 0.4 * error(before)
    assert (moved.residual[:, 0][where] > 1).all()
    assert (moved.difference_mean[:, 0][where] == 0).all()


def test_gradients_pass_a_followed_state_unchanged() -> None:
    net = network()
    coefficients = torch.randn(1, 24, 16, 16, requires_grad=True)
    residual = torch.ones(1, 3, 16, 16)
    flow = torch.full((1, 2, 16, 16), 0.5)
    moved = warped_state(
        net,
        State(coefficients, residual, residual, *unknown(coefficients)),
        flow,
        torch.ones(1, 24, 1, 1),
    )
    torch.autograd.backward(moved.coefficients.sum())
    assert coefficients.grad is not None
    assert torch.equal(coefficients.grad, torch.ones_like(coefficients))


def test_a_cut_forgets() -> None:
    net = network()
    batch = clips(1)
    batch.cut[0, 3] = True
    material = whole(net, prepare(batch, net))
    _, state = run_chunk(net, material.part(0, 3))
    outputs, _ = run_chunk(net, material.part(3, 4), state)
    fresh, _ = run_chunk(net, material.part(3, 4))
    assert torch.allclose(outputs[0], fresh[0], atol=1e-2)


def test_blocks_without_truth_do_not_count() -> None:
    net = network()
    still = clips(2)
    still.moving[:, :, :, :4] = True
    spoilt = ClipBatch(
        still.noisy,
        (still.clean[0].clone(), still.clean[1].clone(), still.clean[2].clone()),
        still.variance,
        still.moving,
        still.cut,
    )
    for plane, rows in zip(spoilt.clean, (16, 8, 8), strict=True):
        plane[..., :rows, :] = 0
    units = Units.of_model(flat_model())
    losses = []
    for batch in (still, spoilt):
        material = whole(net, prepare(batch, net, units, still=True))
        outputs, _ = run_chunk(net, material)
        losses.append(float(loss_of(net, outputs, material).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def trained(
    recipe: LiveRecipe, folder: Path | None = None, **options: object
) -> tuple[LiveTrainer, list[PreparedClip]]:
    net = network()
    prepared = prepare(clips(4), net)
    return LiveTrainer(net, Pool(prepared), prepared, recipe, folder=folder, **options), prepared  # type: ignore[arg-type]


def test_training_removes_noise() -> None:
    trainer, prepared = trained(replace(QUICK, steps=30, learning_rate=1e-2))
    before = evaluate(network(), prepared)
    result = trainer.run()
    after = evaluate(result.network, prepared)
    assert result.steps == 30
    assert after.whole_db > before.whole_db + 1
    assert np.isnan(after.moving_db)
    assert [j.step for j in result.history] == [15, 30]


def test_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    straight = trained(QUICK)[0].run()

    def stop(*_: object) -> None:
        if trainer._state.step == 2:
            raise KeyboardInterrupt

    trainer, _ = trained(QUICK, tmp_path, mark="a")
    with pytest.raises(KeyboardInterrupt):
        trainer.run(stop)
    said: list[str] = []
    again, _ = trained(QUICK, tmp_path, mark="a", say=said.append)
    assert again.resumed_from == 2
    assert "Going on" in said[0]
    result = again.run()
    assert result.steps == 4
    # The material is drawn by the step, and a clip was gone through: the same weights come out.
    for one, other in zip(straight.network.parameters(), result.network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("why", ["mark", "recipe", "damaged", "size"])
def test_starts_afresh_where_going_on_makes_no_sense(tmp_path: Path, why: str) -> None:
    trained(QUICK, tmp_path, mark="a")[0].run()
    if why == "damaged":
        (tmp_path / "state.safetensors").write_bytes(b"nothing")
    said: list[str] = []
    recipe = replace(QUICK, learning_rate=1.0) if why == "recipe" else QUICK
    if why == "size":
        net = LiveNetwork(replace(TINY, gate=3))
        LiveTrainer(net, Pool(), [], recipe, folder=tmp_path, mark="a", say=said.append)
    else:
        mark = "b" if why == "mark" else "a"
        again, _ = trained(recipe, tmp_path, mark=mark, say=said.append)
        assert again.resumed_from == 0
    assert "afresh" in said[0]
