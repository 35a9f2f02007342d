"""The search for movement in training finds what it finds in a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from calibrate.live.batches import Pool, Units, prepare, whole
from calibrate.live.searching import Searches
from calibrate.live.training import LiveTrainer
from calibrate.live.unroll import evaluate, run_chunk
from calibrate.synthesis import ClipBatch
from rtdenoise.alignment.motion import Movement
from rtdenoise.alignment.tracking import Tracker
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.networks.shipped import load_base

from .test_training import QUICK, clips, flat_model, network

SIDE, STEP, STD = 160, 3, 3.0


def moving(move: int = STEP, count: int = 2) -> ClipBatch:
    """Clips of which the right half moves to the left."""
    return clips(count, move=move, side=SIDE, std=STD)


def searched(batch: ClipBatch) -> list[torch.Tensor]:
    """The flow of each frame but the first, (B, 2, h, w), as it is searched in the shipped network's state."""
    net = load_base("nano")
    material = whole(net, prepare(batch, net, Units.of_model(flat_model(STD))))
    flows: list[torch.Tensor] = []

    class Seen(Searches):
        def flow(self, *arguments: Any) -> torch.Tensor:
            flows.append(super().flow(*arguments))
            return flows[-1]

    with torch.no_grad():
        run_chunk(net, material, searches=Seen.of(material))
    return flows


def in_a_call(batch: ClipBatch, monkeypatch: pytest.MonkeyPatch) -> list[Movement | None]:
    """What the denoiser finds in the first of these clips."""
    find = Tracker.find
    found: list[Movement | None] = []

    def seen(tracker: Tracker, *arguments: Any) -> Movement | None:
        found.append(find(tracker, *arguments))
        return found[-1]

    denoiser = LiveNetworkDenoiser(load_base("nano"), flat_model(STD), "cpu", threads=1)
    layout = PlaneFormat(SIDE, SIDE, "420", True, "bt601")
    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "find", seen)
        y, u, v = (plane[0, :, 0].byte().numpy() for plane in batch.noisy)
        for t in range(len(y)):
            denoiser(Planes(y[t], u[t], v[t], layout, t / 30))
    return found


def test_training_searches_what_a_call_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = moving(count=1)
    flows, found = searched(batch), in_a_call(batch, monkeypatch)
    assert len(flows) == len(found) == batch.cut.shape[1] - 1
    moves = 0
    for flow, movement in zip(flows, found, strict=True):
        expected = np.zeros_like(flow[0].numpy())
        if movement is not None:
            expected = movement.flow.transpose(2, 0, 1)
            moves += 1
        apart = np.hypot(*(flow[0].numpy() - expected))
        assert np.quantile(apart, 0.97) < 0.05
        assert np.median(apart) < 0.005
    assert moves >= 3


def test_what_moves_is_found_and_what_stands_still_is_not() -> None:
    for move in (STEP, 0):
        last = searched(moving(move))[-1]
        where = last.abs().sum(1) > 0
        if move == 0:
            assert where.float().mean() < 0.02
            continue
        right = slice(SIDE // 8 + 2, -2)
        assert where[:, 2:-2, right].float().mean() > 0.9
        x = last[:, 0, 2:-2, right][where[:, 2:-2, right]]
        assert 4 * float(x.median()) == pytest.approx(STEP, abs=0.25)
        assert where[:, :, : SIDE // 8 - 4].float().mean() < 0.1


def test_a_cut_starts_the_search_anew() -> None:
    batch = moving(count=1)
    batch.cut[0, 3] = True
    flows = searched(batch)
    assert not flows[2].any()
    assert flows[1].any()


def test_the_search_goes_on_from_chunk_to_chunk() -> None:
    net = load_base("nano")
    material = whole(net, prepare(moving(), net))
    with torch.no_grad():
        together, _ = run_chunk(net, material, searches=Searches.of(material))
        searches = Searches.of(material)
        first, state = run_chunk(net, material.part(0, 4), searches=searches)
        rest, _ = run_chunk(net, material.part(4, 6), state, searches)
        anew, _ = run_chunk(net, material.part(4, 6), state, Searches.of(material))
    assert torch.equal(torch.stack(together), torch.stack([*first, *rest]))
    assert not torch.equal(anew[0], rest[0])


def test_bytes_are_what_the_camera_gave() -> None:
    """The table that goes back to bytes undoes the transform."""
    net = network()
    batch = moving(count=1)
    (clip,) = prepare(batch, net)
    material = whole(net, [clip])
    assert torch.equal(material.luma_bytes[0].float(), batch.noisy[0][0, :, 0])
    searches = Searches.of(material)
    searches.keep(net, material.clean[:, 2] / material.band_std, material)
    (kept,) = searches._last
    apart = np.abs(kept.astype(np.float32) - batch.clean[0][0, 2, 0].numpy())
    assert apart.max() < 1.1


def test_following_what_moves_is_worth_something() -> None:
    net = load_base("nano")
    prepared = prepare(moving(), net)
    nothing = [
        replace(c, following=replace(c.following, flow=torch.zeros_like(c.following.flow)))
        for c in prepared
    ]
    with_search = evaluate(net, prepared, searched=True)
    without = evaluate(net, nothing)
    assert with_search.moving_db > without.moving_db + 0.5


def test_a_training_that_searches_is_another_one_and_the_same_again() -> None:
    weights = []
    for searched_too in (True, True, False):
        net = network()
        prepared = prepare(clips(2, move=STEP, side=128, std=STD), net)
        recipe = replace(QUICK, crop=128, searched=searched_too)
        trained = LiveTrainer(net, Pool(prepared), prepared[:1], recipe).run()
        weights.append(trained.network.gate.last.weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
