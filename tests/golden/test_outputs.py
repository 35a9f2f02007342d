"""The same bytes as before: what a change of names and rooms must not touch.

Fixed clips go through everything that makes results: the simulated camera, the denoisers with each build of the engine,
capture's verdicts, calibrate's measurement, and trainings of 20 steps. ``expected.json`` holds the hashes of what comes
out, for each environment in which they were recorded (libraries, compiler, instruction set: another one rounds
differently), and a few coarse figures that have to hold everywhere. Where results are *meant* to change::

    .venv/bin/python tests/golden/test_outputs.py
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from calibrate.live import base_training, finetune
from calibrate.live.base_training import Job, train_base
from calibrate.live.training import LiveRecipe
from calibrate.paper.dataset import StillSeries, split_series
from calibrate.paper.training import Recipe, Trainer
from calibrate.synthesis import PhotoClips
from capture.clip import Clip
from rtdenoise.cameras import open_camera
from rtdenoise.cli import run
from rtdenoise.console import Ticker
from rtdenoise.denoisers.base import Denoiser
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.engines import native_engine, native_library
from rtdenoise.frames import Planes, planes_from_frame
from rtdenoise.networks.card import load_network
from rtdenoise.networks.shipped import load_base
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import profiles

EXPECTED = Path(__file__).with_name("expected.json")
SIZE = (354, 202)  # neither a multiple of what networks want
CAMERAS = {
    "desk": "simulated:desk?noise=high&motion=subject&flicker=0.2&frames=20&seed=3",
    "room": "simulated:room?noise=medium&motion=pan&processing=strong&steps=0.04&frames=14",
    "still": "simulated:desk?noise=medium&frames=24&seed=5",
}
CPU = torch.device("cpu")
Result = tuple[str, list[float]]
Make = Callable[[NoiseModel | None], Denoiser]


# ------------------------------------------------------------------ what is computed


@cache
def frames(name: str) -> tuple[Planes, ...]:
    """A fixed clip, with a frame that comes twice."""
    camera = open_camera(CAMERAS[name], size=SIZE)
    found = [planes_from_frame(frame).copy() for frame in camera.frames()]
    camera.close()
    return (*found[:6], found[5], *found[6:])


def of_planes(planes: Iterable[Planes]) -> Result:
    """The hash of all bytes; the levels of places in each frame's luma and of its chroma."""
    digest, figures = hashlib.sha256(), list[float]()
    for frame in planes:
        for plane in (frame.y, frame.u, frame.v):
            digest.update(np.ascontiguousarray(plane).tobytes())
        places = cv2.resize(frame.y, (4, 3), interpolation=cv2.INTER_AREA)
        figures += [float(v) for v in places.ravel()] + [float(frame.u.mean())]
    return digest.hexdigest(), figures


def of_weights(weights: dict[str, torch.Tensor]) -> Result:
    digest, figures = hashlib.sha256(), list[float]()
    for name in sorted(weights):
        values = weights[name].detach().float().numpy()
        digest.update(name.encode() + values.tobytes())
        figures.append(float(np.abs(values).mean()))
    return digest.hexdigest(), figures


def of_json(value: Any) -> Result:
    numbers = [float(v) for v in _numbers(value)]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest(), numbers


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _numbers(value[key])
    elif isinstance(value, list):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, (int, float)):
        yield value


def cleaned(make: Make, clip: str, measured: bool) -> Result:
    denoiser = make(measured_noise() if measured else None)
    return of_planes(denoiser(frame).copy() for frame in frames(clip))


def recursive(noise: NoiseModel | None) -> Denoiser:
    return RecursiveDenoiser(noise)


def nano(lanes: int, noise: NoiseModel | None) -> Denoiser:
    """The shipped network, on a build of the compiled engine; with 0 on PyTorch."""
    network = load_base("nano")
    denoiser = LiveNetworkDenoiser(network, noise, "cpu", threads=2)
    return _OnBuild(denoiser, lanes)


class _OnBuild:
    """A denoiser whose engine has vectors of so many numbers."""

    def __init__(self, denoiser: LiveNetworkDenoiser, lanes: int) -> None:
        self._denoiser, self._lanes = denoiser, lanes
        self.name = denoiser.name

    def reset(self) -> None:
        self._denoiser.reset()

    def __call__(self, planes: Planes) -> Planes:
        with pytest.MonkeyPatch.context() as patch:
            library = native_library.native_library(self._lanes) if self._lanes else None
            patch.setattr(native_engine, "native_library", lambda *_: library)
            return self._denoiser(planes)


@cache
def _calibrated() -> tuple[Any, NoiseModel, dict[str, torch.Tensor]]:
    """Capture's verdict, calibrate's noise, and the weights after 20 steps of fine-tuning."""
    with tempfile.TemporaryDirectory() as folder, _few_threads():
        home = Path(folder) / "home"
        words = ["--home", str(home)]
        camera = ["--camera", CAMERAS["still"]]
        assert run([*words, "capture", *camera, "--seconds", "5", "--size", "354x202"]) == 0
        (profile,) = profiles(home)
        (path,) = (p for p in profile.clips_folder.iterdir() if p.suffix in (".mkv", ".nut"))
        clip = Clip.load(path)
        verdict = {
            "series": json.loads(clip.sidecar_path.read_text())["series"],
            "flicker": clip.facts["flicker_levels"],
            "noise": clip.facts["noise_levels"],
            "mask": [_hash(clip.mask_path(i).read_bytes()) for i, _ in enumerate(clip.series)],
        }
        small = replace(finetune.RECIPE, steps=20, batch=2, crop=64, chunk=3, judge_every=0.5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finetune, "RECIPE", small)
            for name, value in (
                ("_FRAMES", 6),
                ("_MOVING_CLIPS", 2),
                ("_STILL_CLIPS", 2),
                ("_WATCHED_CLIPS", 1),
                ("_JUDGED_CLIPS", 2),
            ):
                patch.setattr(finetune, name, value)
            assert run([*words, "calibrate", *camera, "--network", "nano"]) == 0
        network, _ = load_network(profile.network_path("nano"))
        return verdict, NoiseModel.load(profile.noise_path), network.state_dict()


def measured_noise() -> NoiseModel:
    return _calibrated()[1]


def verdicts() -> Result:
    return of_json(_calibrated()[0])


def noise() -> Result:
    return of_json(_calibrated()[1]._to_json())


def fine_tuning() -> Result:
    return of_weights(_calibrated()[2])


def base() -> Result:
    """A base network after 20 steps, from nothing."""
    recipe = LiveRecipe(steps=20, batch=2, crop=64, chunk=3, judge_every=0.5, seed=4)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(base_training, "PhotoClips", partial(PhotoClips, procedural=2))
        out = Path(folder) / "nano.safetensors"
        job = Job((), "nano", out, clips=4, held_out=1, side=64, frames=6, recipe=recipe)
        with _few_threads():
            train_base(job, CPU, _quiet, lambda _: None)
        return of_weights(load_network(out)[0].state_dict())


def paper() -> Result:
    """The paper's network after 20 steps."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :96]
    one = 120 + 60 * np.sin(rows / 9) * np.cos(columns / 13)
    noisy = np.stack([one, one * 0.9, one * 0.7]) + random.normal(0, 10, (12, 3, 48, 96))
    series = StillSeries(np.clip(np.round(noisy), 0, 255).astype(np.uint8), np.ones((48, 96), bool))
    recipe = Recipe(steps=20, crop=16, half=False, learning_rate=1e-3, judged_frames=2)
    with _few_threads():
        trained = Trainer([series], split_series([series]), recipe, CPU, None).run()
    return of_weights(trained.network.state_dict())


@contextmanager
def _few_threads() -> Iterator[None]:
    """Sums are in one order on one core only."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet(label: str, total: float | None, unit: str = "") -> Iterator[Ticker]:
    yield Ticker()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


BUILDS = {**native_library.KINDS, 0: "PyTorch"}
METHODS: dict[str, Make] = {
    "recursive": recursive,
    **{f"nano {kind}": partial(nano, lanes) for lanes, kind in BUILDS.items()},
}
OUTPUTS: dict[str, Callable[[], Result]] = {
    **{
        f"simulated camera, {clip}": partial(lambda c: of_planes(frames(c)), clip)
        for clip in CAMERAS
    },
    "capture's verdicts": verdicts,
    "measured noise": noise,
    "fine-tuning, 20 steps": fine_tuning,
    "base training, 20 steps": base,
    "the paper's training, 20 steps": paper,
    **{
        f"{method}, {clip}, {'measured' if measured else 'own'} noise": partial(
            cleaned, make, clip, measured
        )
        for clip in ("desk", "room")
        for measured in (True, False)
        for method, make in METHODS.items()
    },
}


# ------------------------------------------------------------------ what it is held against


@cache
def environment() -> str:
    """Everything that may round differently."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    said = ""
    if compiler:
        asked = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True)
        said = asked.stdout.strip()
    vendor = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        vendor = next((x.split(":")[1].strip() for x in lines if x.startswith("vendor_id")), "")
    parts = {
        "machine": f"{platform.system()} {platform.machine()} {vendor}",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cc": said,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "av": av.__version__,
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def runs_here(name: str) -> bool:
    """Whether this processor has the build."""
    for lanes, kind in native_library.KINDS.items():
        if f"nano {kind}," in name:
            library = native_library.native_library(lanes)
            return library is not None and library.rtdenoise_lanes() == lanes
    return True


def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXPECTED.read_text())
    return found


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_same_bytes_come_out(name: str) -> None:
    if not runs_here(name):
        pytest.skip("this processor doesn't run that build")
    digest, figures = OUTPUTS[name]()
    known = expected()
    assert figures == pytest.approx(known["figures"][name], rel=0.05, abs=0.6)
    here = known["hashes"].get(environment())
    if here is None:
        pytest.skip(f"only coarse figures are known for {environment()}: they hold")
    assert digest == here[name]


def test_every_output_is_on_record() -> None:
    known = expected()
    assert set(known["figures"]) == set(OUTPUTS)
    assert all(set(hashes) <= set(OUTPUTS) for hashes in known["hashes"].values())


def record() -> None:
    """Writes what comes out now as what is expected."""
    known = expected() if EXPECTED.exists() else {"hashes": {}, "figures": {}}
    results = {name: make() for name, make in OUTPUTS.items() if runs_here(name)}
    known["hashes"][environment()] = {name: digest for name, (digest, _) in results.items()}
    known["figures"] |= {
        name: [float(f"{value:.4g}") for value in figures] for name, (_, figures) in results.items()
    }
    known["figures"] = {
        name: known["figures"][name] for name in OUTPUTS if name in known["figures"]
    }
    EXPECTED.write_text(_readable(known))


def _readable(known: dict[str, Any]) -> str:
    """JSON with a line for each output."""
    text = json.dumps(known, indent=1)
    return re.sub(r"\[\s+([^\]]*?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text) + "\n"


if __name__ == "__main__":
    record()
