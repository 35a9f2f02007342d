import json
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

from calibrate.paper.training import Trained, Trainer
from calibrate.trainer import Judgement
from rtdenoise.cli import run
from rtdenoise.networks.card import load_network, read_card
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import profiles

HEIGHT, WIDTH, STD = 80, 128, 6.0
Calibrate = Callable[..., tuple[int, str, str]]


def write_clip(path: Path, count: int = 24, std: float = STD, move: int = 0) -> Path:
    """Grey noise of ``std`` levels on a still scene (or one that jumps by ``move`` pixels every frame)."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:HEIGHT, : WIDTH + 400]
    scene = 125 + 50 * np.sin(rows / 8) * np.cos(columns / 11)
    detail = cv2.GaussianBlur(random.normal(size=scene.shape), (0, 0), 2)
    scene += 12 * detail / detail.std()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=Fraction(30))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "gray"
        for k in range(count):
            noisy = scene[:, k * move :][:, :WIDTH] + random.normal(0, std, (HEIGHT, WIDTH))
            pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
            container.mux(stream.encode(VideoFrame.from_ndarray(pixels, "gray")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "scene.nut")


@pytest.fixture
def calibrate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Calibrate:
    monkeypatch.setattr("calibrate.quality._JUDGED_FRAMES", 2)  # eight views of each take long
    # No base networks: what is fine-tuned by default has tests of its own.
    monkeypatch.setattr("rtdenoise.networks.shipped.FOLDER", tmp_path / "base")

    def call(*words: str | Path) -> tuple[int, str, str]:
        code = run(["--home", str(tmp_path / "home"), "calibrate", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_measures_the_noise_and_says_what_it_brings(
    calibrate: Calibrate, clip: Path, tmp_path: Path
) -> None:
    code, out, err = calibrate("--camera", f"file:{clip}", "--json")
    assert code == 0, err
    facts: dict[str, Any] = json.loads(out)
    (profile,) = profiles(tmp_path / "home")
    model = NoiseModel.load(profile.noise_path)
    assert float(model.y.curve.variance(125.0)) ** 0.5 == pytest.approx(STD, rel=0.1)
    assert facts["noise"]["y"]["std_at_128"] == pytest.approx(STD, rel=0.1)
    assert facts["network"] == "recursive"
    before = facts["upsnr_before_db"]
    truth = 20 * np.log10(255 / STD)
    assert before["low"] - 0.2 < truth < before["high"] + 0.2
    assert facts["verdict"] == "better"
    assert facts["upsnr_gain_db"]["low"] > 1
    names = {path.name for path in profile.report_folder.iterdir()}
    assert names == {"report.html", "report.json", "before.jpg", "after.jpg"}
    assert json.loads((profile.report_folder / "report.json").read_text())["verdict"] == "better"


def test_trains_the_papers_network_for_this_camera(
    calibrate: Calibrate, clip: Path, tmp_path: Path
) -> None:
    code, out, err = calibrate("--clip", clip, "--network", "paper", "--minutes", "0.15")
    assert code == 0, err
    assert "held-out strips" in out
    assert "dB of uPSNR" in out
    (profile,) = profiles(tmp_path / "home")
    _, card = load_network(profile.network_path("paper"))
    assert card.camera_id == profile.camera().id
    assert card.mode["width"] == WIDTH
    assert card.data["steps"] > 0
    assert read_card(profile.network_path("paper")) == card
    assert card.figures["verdict"] in ("better", "no clear difference")
    assert not profile.training_folder("paper").exists()
    assert 'id="training"' in (profile.report_folder / "report.html").read_text()


def test_goes_on_after_ctrl_c(
    calibrate: Calibrate, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a first step on a busy machine; the second run goes on within what is left of it.
    words = ("--clip", clip, "--network", "paper", "--minutes", "0.2")
    step = Trainer._step

    def interrupted(trainer: Trainer) -> float:
        if trainer._state.step == 1:
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        code, _, err = calibrate(*words)
    assert code == 1
    assert "Run the same command again to go on" in one_line(err)
    code, _, err = calibrate(*words)
    assert code == 0, err
    assert "Going on with the training that was stopped" in one_line(err)


def test_a_network_that_does_harm_is_not_kept(
    calibrate: Calibrate, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = Trainer.run

    def overrated(trainer: Trainer, tick: Callable[[float, Judgement | None], None]) -> Trained:
        result = trained(trainer, tick)
        with torch.no_grad():
            result.network.colours.weight *= 0.9
        return replace(result, improved=True)

    monkeypatch.setattr(Trainer, "run", overrated)
    code, out, _ = calibrate("--clip", clip, "--network", "paper", "--minutes", "0.02")
    assert code == 0
    assert "did worse than its input" in one_line(out)
    (profile,) = profiles(tmp_path / "home")
    network, card = load_network(profile.network_path("paper"))
    assert card.figures["identity"] is True
    image = torch.rand(1, 3, 120, 120)
    with torch.no_grad():
        assert torch.equal(network(image), image[..., 54:-54, 54:-54])


def test_takes_the_newest_clip_of_the_profile(
    calibrate: Calibrate, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    assert run(["--home", str(home), "capture", "--camera", f"file:{clip}"]) == 0
    capsys.readouterr()
    code, out, err = calibrate("--json")
    assert code == 0, err
    facts = json.loads(out)
    assert Path(facts["clip"]).parent == profiles(home)[0].clips_folder
    assert calibrate("--camera", facts["camera"]["id"])[0] == 0
    assert calibrate("--camera", facts["camera"]["name"])[0] == 0


def test_clips_at_other_gains_are_used_together(
    calibrate: Calibrate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, path = tmp_path / "home", tmp_path / "scene.nut"
    stds = (STD, 2.05 * STD, 2 * STD)
    for std in stds:
        write_clip(path, std=std)
        assert run(["--home", str(home), "capture", "--camera", f"file:{path}"]) == 0
    # Another file is another camera: what the three have filmed is put into one profile, as of three evenings.
    *earlier, last = sorted(profiles(home), key=lambda p: p.clips()[0].stat().st_mtime)
    for number, profile in enumerate((*earlier, last)):
        clip = profile.clips()[0]
        for part in clip.parent.glob(f"{clip.stem}*"):
            name = part.name.replace(clip.stem, f"20260101-00000{number}")
            part.rename(last.clips_folder / name)
        sidecar = last.clips_folder / f"20260101-00000{number}.json"
        facts = json.loads(sidecar.read_text())
        sidecar.write_text(json.dumps({**facts, "controls": {"gain": 10 * number}}))
    capsys.readouterr()
    code, out, err = calibrate("--camera", last.camera().id, "--network", "recursive")
    assert code == 0, err
    # The first clip's noise is another one; the second's is that of the last.
    model = NoiseModel.load(last.noise_path)
    assert (model.gain, [m.gain for m in model.others]) == (20, [0])
    assert model.others[0].y.curve.variance(125) == pytest.approx(STD**2, rel=0.15)
    assert "1 other clip" in one_line(out)


def test_says_what_is_missing_or_wrong(calibrate: Calibrate, tmp_path: Path) -> None:
    single = write_clip(tmp_path / "single.nut", count=1)
    moving = write_clip(tmp_path / "moving.nut", move=12)
    garbage = tmp_path / "garbage.mkv"
    garbage.write_bytes(b"no video" * 100)
    for words, expected in [
        ((), "Nothing was recorded yet. Record a still scene with rtdenoise capture first."),
        (("--camera", "file:" + str(tmp_path / "none.mkv")), "none.mkv"),
        (("--clip", tmp_path / "none.mkv"), "none.mkv"),
        (("--clip", garbage), "garbage.mkv"),
        (("--clip", single), "No series of"),
        (("--camera", f"file:{moving}"), "No series of"),
    ]:
        code, out, err = calibrate(*words)
        assert code == 1, words
        assert out == ""
        assert expected in one_line(err), err
        assert "Traceback" not in err
    assert not (tmp_path / "home" / "profiles").exists()
    assert calibrate("--minutes", "0")[0] == 2
    assert calibrate("--network", "wonderful")[0] == 2


def test_a_series_too_short_to_train_on_still_gives_the_noise(
    calibrate: Calibrate, tmp_path: Path
) -> None:
    short = write_clip(tmp_path / "short.nut", count=7)
    code, _, err = calibrate("--clip", short)
    assert code == 0, err
    code, _, err = calibrate("--clip", short, "--network", "paper")
    assert code == 1
    assert "training needs 8" in one_line(err)


def test_a_missing_device_is_named(
    calibrate: Calibrate, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtdenoise.networks.device._is_there", lambda name: name == "cpu")
    code, _, err = calibrate("--clip", clip, "--device", "cuda")
    assert code == 1
    assert "finds no cuda device" in one_line(err)
