"""Fine-tuning a base network to a camera's own series, and keeping the better one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from calibrate.live import finetune
from calibrate.live.finetune_data import divide
from calibrate.live.finetune_judging import FineTuning, choose, judge_motion, score
from calibrate.live.training import LiveTrained, LiveTrainer
from calibrate.live.unroll import Gain
from calibrate.metrics import Interval
from calibrate.quality import Quality
from calibrate.sources import find_source
from calibrate.still_errors import PlaceFigures
from calibrate.synthesis import ClipBatch
from rtdenoise.cli import run
from rtdenoise.denoisers.passthrough import Passthrough
from rtdenoise.errors import ClipError
from rtdenoise.frames import Planes
from rtdenoise.networks.card import Card, load_network, save_network
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.profile import profiles

HEIGHT, WIDTH, STD = 80, 144, 6.0
Calibrate = Callable[..., tuple[int, str, str]]


def write_clip(path: Path, *, scenes: int = 1, count: int = 20, width: int = WIDTH) -> Path:
    """Still scenes of ``count`` frames each with noise of 6 levels, some frames of movement between them."""
    random = np.random.default_rng(3)
    height = HEIGHT
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=Fraction(30))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"

        def add(scene: np.ndarray) -> None:
            planes = []
            for part in (scene, scene[::2, ::2] * 0.3 + 90, 170 - scene[::2, ::2] * 0.3):
                noisy = part + random.normal(0, STD, part.shape)
                planes.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
            whole = np.concatenate([p.reshape(-1) for p in planes]).reshape(-1, width)
            container.mux(stream.encode(VideoFrame.from_ndarray(whole, "yuv420p")))

        for number in range(scenes):
            rows, columns = np.mgrid[:height, : width + 400]
            wave = 6 + 3 * number
            scene = 125 + 45 * np.sin(rows / wave) * np.cos(columns / (wave + 3))
            detail = cv2.GaussianBlur(random.normal(size=scene.shape), (0, 0), 2)
            scene += 12 * detail / detail.std()
            for _ in range(count):
                add(scene[:, :width])
            if number + 1 < scenes:
                for step in range(1, 9):
                    add(scene[:, 40 * step :][:, :width])
        container.mux(stream.encode())
    return path


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base network of random weights, few and short clips, two steps."""
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "base")
    torch.manual_seed(5)
    save_network(base_network_path("nano"), LiveNetwork(SIZES["nano"]), Card("nano"))
    recipe = replace(finetune.RECIPE, steps=2, batch=2, crop=64, chunk=3, judge_every=0.5)
    monkeypatch.setattr(finetune, "RECIPE", recipe)
    for name, value in (
        ("_FRAMES", 6),
        ("_MOVING_CLIPS", 2),
        ("_STILL_CLIPS", 2),
        ("_WATCHED_CLIPS", 1),
        ("_JUDGED_CLIPS", 2),
        ("_RENEWED_EVERY", 1),
        ("_RENEWED_MOVING", 1),
    ):
        monkeypatch.setattr(finetune, name, value)


@pytest.fixture
def calibrate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Calibrate:
    def call(*words: str | Path) -> tuple[int, str, str]:
        code = run(["--home", str(tmp_path / "home"), "calibrate", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def one_line(text: str) -> str:
    return " ".join(text.split())


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_network(path)[0].state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


def test_fine_tunes_the_base_network_by_default(
    calibrate: Calibrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "scene.nut")
    code, out, err = calibrate("--clip", clip, "--device", "cpu", "--json")
    assert code == 0, err
    facts: dict[str, Any] = json.loads(out)
    assert facts["network"] == "nano"
    assert facts["training"]["steps"] == 2
    tuning = facts["fine_tuning"]
    assert tuning["kept"] in ("base", "fine-tuned")
    assert facts["judged_on"] == "a held-out strip at the right"
    chosen = tuning["tuned_upsnr_db" if tuning["kept"] == "fine-tuned" else "base_upsnr_db"]
    assert facts["upsnr_after_db"] == chosen
    (profile,) = profiles(tmp_path / "home")
    _, card = load_network(profile.network_path("nano"))
    assert card.kind == "nano"
    assert card.camera_id == profile.camera().id
    assert card.mode["width"] == WIDTH
    assert card.data["fine_tuned"] == (tuning["kept"] == "fine-tuned")
    assert card.figures["fine_tuning"] == tuning
    assert not profile.training_folder("nano").exists()
    names = {path.name for path in profile.report_folder.iterdir()}
    assert names == {"report.html", "report.json", "before.jpg", "after.jpg"}
    # From now on this camera is cleaned with it.
    assert (
        run(["--home", str(tmp_path / "home"), "denoise", str(clip), str(tmp_path / "c.nut")]) == 0
    )


@pytest.mark.parametrize("better", [True, False])
def test_keeps_the_better_one_and_says_so(
    calibrate: Calibrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    monkeypatch.setattr("calibrate.live.finetune_judging.score", lambda *_: 1.0 if better else -1.0)
    run_training = LiveTrainer.run

    def changed(trainer: LiveTrainer, tick: Any) -> LiveTrained:
        result = run_training(trainer, tick)
        with torch.no_grad():
            for parameter in result.network.parameters():
                parameter.mul_(1.01)
        return result

    monkeypatch.setattr(LiveTrainer, "run", changed)
    clip = write_clip(tmp_path / "scene.nut")
    code, out, err = calibrate("--clip", clip, "--network", "nano", "--device", "cpu")
    assert code == 0, err
    said = one_line(out)
    which = "fine-tuned network was kept, 50% of the way" if better else "base network was kept."
    assert f"The {which}" in said
    assert "synthetic motion" in said
    (profile,) = profiles(tmp_path / "home")
    kept = weights(profile.network_path("nano"))
    assert same(kept, weights(base_network_path("nano"))) != better
    assert load_network(profile.network_path("nano"))[1].data["fine_tuned"] == better


def test_what_is_better() -> None:
    def better(real: tuple[float, float, float], whole: float, moving: float) -> bool:
        return score(Interval(*real), Gain(5, 4), Gain(5 + whole, 4 + moving)) > 0

    assert better((0.3, 0.1, 0.5), 0.1, 0.1)
    assert better((0.3, 0.1, 0.5), -0.05, -0.05)
    assert not better((0.3, 0.1, 0.5), 0.1, -0.2)  # it smears
    assert not better((0.3, -0.1, 0.5), -0.05, 0.0)  # nothing is sure but a loss
    assert better((0.0, -0.1, 0.1), 0.2, 0.3)
    assert not better((-0.3, -0.5, -0.1), 2.0, 2.0)  # worse on real frames
    assert not better((0.0, 0.0, 0.0), 0.0, 0.0)
    assert not better((math.inf, math.inf, math.inf), 0.1, 0.1)
    nan = Gain(1.0, math.nan)
    assert score(Interval(0.2, 0.1, 0.3), nan, nan) == pytest.approx(0.2)
    assert score(Interval(0.2, 0.1, 0.3), Gain(1, 1), Gain(1.1, 1.3)) == pytest.approx(0.4)


def judged(share: float, gain: float) -> FineTuning:
    """A fine-tuned network that is ``gain`` dB better than the base network on real frames, and as good in motion."""
    flat = Interval(40.0, 39.0, 41.0)
    here = {"all": PlaceFigures(1.0, flat, flat, flat)}
    quality = Quality(30.0, 38.0, here, here, "anywhere")
    real = Interval(gain, gain - 0.01, gain + 0.01)
    return FineTuning(share, quality, quality, real, Gain(5, 4), Gain(5, 4))


@pytest.mark.parametrize(
    ("whole", "half", "taken"),
    [(0.5, 0.3, 0.5), (0.9, 0.3, 1.0), (0.9, -0.3, 1.0), (-0.3, 0.1, 0.5), (-0.3, -0.2, 0.5)],
)
def test_what_lies_further_from_the_base_network_must_be_clearly_better(
    whole: float, half: float, taken: float
) -> None:
    found = choose([judged(1.0, whole), judged(0.5, half)])
    assert found.share == taken
    assert found.kept == (max(whole, half) > 0)


class Halver(Passthrough):
    """Goes halfway to the truth, which it is given."""

    def __init__(self, truth: list[np.ndarray]) -> None:
        self._truth = truth
        self._at = 0

    def reset(self) -> None:
        self._at = 0

    def __call__(self, planes: Planes) -> Planes:
        clean = (planes.y.astype(float) + self._truth[self._at]) / 2
        self._at += 1
        return replace(planes, y=np.rint(clean).astype(np.uint8))


def test_the_best_place_between_the_two_networks_is_taken(
    calibrate: Calibrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is judged is which of the two: half of the way is the better one here.
    scores = iter([0.1, 0.3])
    kept: dict[float, float] = {}

    def score_of(found: FineTuning) -> float:
        if found.share not in kept:
            kept[found.share] = next(scores)
        return kept[found.share]

    monkeypatch.setattr(FineTuning, "score", property(score_of))
    ends: list[dict[str, torch.Tensor]] = []
    run_training = LiveTrainer.run

    def watched(trainer: LiveTrainer, tick: Any) -> LiveTrained:
        result = run_training(trainer, tick)
        ends.append({k: v.clone() for k, v in result.network.state_dict().items()})
        return result

    monkeypatch.setattr(LiveTrainer, "run", watched)
    clip = write_clip(tmp_path / "scene.nut")
    code, out, err = calibrate("--clip", clip, "--device", "cpu")
    assert code == 0, err
    assert kept == {1.0: 0.1, 0.5: 0.3}
    assert "kept, 50% of the way from the base network." in one_line(out)
    (profile,) = profiles(tmp_path / "home")
    base, got = (
        weights(path) for path in (base_network_path("nano"), profile.network_path("nano"))
    )
    for name, weight in got.items():
        assert torch.allclose(weight, (base[name] + ends[0][name]) / 2, atol=1e-6)


def test_half_the_noise_is_six_decibels() -> None:
    random = np.random.default_rng(0)
    frames, side = 4, 32
    truth = [np.full((side, side), 100.0 + t) for t in range(frames)]
    noisy = np.stack([np.rint(t + random.normal(0, 8, t.shape)) for t in truth])

    def planes(y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        whole = torch.from_numpy(y).float()[None, :, None]
        half = torch.full((1, frames, 1, side // 2, side // 2), 128.0)
        return whole, half, half

    moving = torch.zeros(1, frames, 1, side // 4, side // 4, dtype=torch.bool)
    cut = torch.zeros(1, frames, dtype=torch.bool)
    batch = ClipBatch(planes(noisy), planes(np.stack(truth)), torch.ones(1, 3, 256), moving, cut)
    ticks: list[int] = []
    gain = judge_motion(Halver(truth), batch, lambda: ticks.append(1))
    assert gain.whole_db == pytest.approx(6.0, abs=0.2)
    assert math.isnan(gain.moving_db)
    moving[..., :4] = True
    gain = judge_motion(Halver(truth), batch, lambda: None)
    assert gain.moving_db == pytest.approx(6.0, abs=0.3)
    assert judge_motion(Passthrough(), batch, lambda: None).whole_db == pytest.approx(0)
    assert ticks == [1]


def test_one_scene_holds_out_a_strip_and_the_last_frames(tmp_path: Path) -> None:
    source = find_source(None, write_clip(tmp_path / "one.nut", count=24), tmp_path)
    footage = divide(source.clip)
    assert not footage.by_scene
    (trained,), (held,) = footage.training.stacks, footage.held.stacks
    left = trained.mean[0].shape[1]
    assert left + held.mean[0].shape[1] == WIDTH
    assert left == 64
    assert len(trained.residuals[0]) == 24 - 6
    (mask,) = footage.judged.values()
    assert not mask[:, :left].any()
    assert mask[:, left:].mean() > 0.9
    assert footage.held.clip_size == (80, 80)


def test_two_scenes_hold_out_one(tmp_path: Path) -> None:
    source = find_source(None, write_clip(tmp_path / "two.nut", scenes=2), tmp_path)
    assert len(source.clip.accepted) == 2
    footage = divide(source.clip)
    assert footage.by_scene
    assert len(footage.training.stacks) == len(footage.held.stacks) == 1
    assert list(footage.judged) == [source.clip.accepted[1].first]
    assert footage.training.stacks[0].mean[0].shape == (HEIGHT, WIDTH)
    assert footage.places == "a held-out scene"


def test_too_small_or_too_short_is_an_error_where_it_was_asked_for(
    calibrate: Calibrate, tmp_path: Path
) -> None:
    small = write_clip(tmp_path / "small.nut", width=96)
    short = write_clip(tmp_path / "short.nut", count=7)
    with pytest.raises(ClipError, match="too small to fine-tune"):
        divide(find_source(None, small, tmp_path).clip)
    for clip, words in ((small, "too small to fine-tune"), (short, "training needs 8")):
        code, _, err = calibrate("--clip", clip, "--network", "nano", "--device", "cpu")
        assert code == 1
        assert words in one_line(err)
        # Nobody asked for a network: the noise model is what there is to be had.
        code, out, err = calibrate("--clip", clip, "--device", "cpu")
        assert code == 0, err
        assert "No network was fine-tuned." in one_line(out)
        assert words in one_line(out)


def test_a_size_that_does_not_come_with_the_package_is_named(
    calibrate: Calibrate, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "scene.nut")
    code, _, err = calibrate("--clip", clip, "--network", "large", "--device", "cpu")
    assert code == 1
    assert "No base network of the size large" in one_line(err)
    assert "Choose one of: nano" in one_line(err)


def test_goes_on_after_ctrl_c(
    calibrate: Calibrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_clip(tmp_path / "scene.nut")
    words = ("--clip", clip, "--device", "cpu")
    step = LiveTrainer._step

    def interrupted(trainer: LiveTrainer) -> float:
        if trainer._state.step == 1:
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(LiveTrainer, "_step", interrupted)
        code, _, err = calibrate(*words)
    assert code == 1
    assert "Run the same command again to go on" in one_line(err)
    code, out, err = calibrate(*words, "--json")
    assert code == 0, err
    assert "Going on with the training that was stopped" in one_line(err)
    assert json.loads(out)["training"]["resumed_from_step"] == 1
