from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rtdenoise.alignment.motion import Movement
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.engines import default_threads, make_engine, native_engine
from rtdenoise.engines.base import Engine
from rtdenoise.engines.native_engine import NativeEngine
from rtdenoise.engines.native_library import KINDS, native_library
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.frames import PlaneFormat, Planes
from rtdenoise.networks.live import LiveNetwork, LiveSize
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS
from rtdenoise.noise.normalised import Normalised

H, W = 12, 20
NANO = LiveSize(gate=8, context=16, energy=12, wide=12, filters=10)
STAGES = LiveSize(gate=4, context=8, energy=5, wide=6, filters=7, stages=3)
Frame = Sequence[NDArray[np.uint8]]
Pair = Callable[[LiveSize], tuple[Engine, Engine]]


def network(size: LiveSize) -> LiveNetwork:
    """A network in which every part has a say."""
    torch.manual_seed(5)
    made = LiveNetwork(size).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
        made.gate.last.weight.normal_(0, 0.2)
    return made


def noise(scale: float) -> Normalised:
    luma = PlaneNoise(NoiseCurve((0.0, 255.0), (4 * scale, 30 * scale)))
    chroma = PlaneNoise(NoiseCurve((0.0, 255.0), (9 * scale, 5 * scale)))
    return Normalised(NoiseModel(luma, chroma, chroma, chroma="420"))


def band_std(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0.3, 1.5, COEFFICIENTS).astype(np.float32)


def frame(seed: int) -> Frame:
    picture = np.random.default_rng(1).integers(30, 220, (H, W)).astype(np.float32)
    random = np.random.default_rng(100 + seed)
    planes = []
    for size in (4, 2, 2):
        mean = picture.repeat(size, 0).repeat(size, 1)
        plane = mean + random.normal(0, 4, mean.shape)
        planes.append(plane.clip(0, 255).astype(np.uint8))
    return planes


@pytest.fixture(params=KINDS.values())
def pair(request: pytest.FixtureRequest) -> Pair:
    """The compiled engine, and PyTorch as it is, with the same network."""
    lanes = next(lanes for lanes, name in KINDS.items() if name == request.param)
    library = native_library(lanes)
    if library is None or library.rtdenoise_lanes() != lanes:
        pytest.skip(f"there is no {request.param} build, or this processor doesn't run it")

    def make(size: LiveSize) -> tuple[Engine, Engine]:
        made = network(size)
        reference = TorchEngine(made, (H, W), torch.device("cpu"))
        return NativeEngine(made, (H, W), 2, lanes), reference

    return make


def steps_agree(engines: tuple[Engine, Engine], index: int, tolerance: float = 1e-3) -> None:
    """Both give the same bytes, but for values that lie between two, and keep the same.

    With AVX-512 units of noise and large layers have 16 bits, with AVX2 large layers.
    """
    narrow = "AVX" in engines[0].name
    tolerance += 4e-3 if narrow else 0
    for engine in engines:
        engine.analyse(frame(index))
    one, two = engines
    assert np.allclose(one.means(), two.means(), atol=tolerance)
    for mine, reference in zip(one.step(), two.step(), strict=True):
        apart = np.abs(mine.astype(int) - reference)
        assert apart.max() <= 1
        assert np.mean(apart > 0) < (0.035 if narrow else 0.003)
    assert np.allclose(one.state_means(), two.state_means(), atol=tolerance)
    assert np.allclose(one.residual(), two.residual(), atol=tolerance)


@pytest.mark.parametrize("size", [NANO, STAGES])
def test_engines_agree_over_ten_frames(pair: Pair, size: LiveSize) -> None:
    engines = pair(size)
    for engine in engines:
        engine.set_noise(noise(1), band_std(0))
    for index in range(10):
        steps_agree(engines, index)
    # Averaging has begun: what is compared isn't just the first frame.
    assert engines[0].residual().mean() < 0.9


def test_engines_agree_when_the_noise_changes(pair: Pair) -> None:
    engines = pair(NANO)
    changes = {
        0: (noise(1), band_std(0)),
        3: (noise(2), band_std(0)),
        6: (noise(2), band_std(1)),
    }
    changes[6] = (changes[3][0], changes[6][1])
    for index in range(8):
        for engine in engines:
            if index in changes:
                engine.set_noise(*changes[index])
        # Tables lead from one noise to the other; a place between two goes either way.
        steps_agree(engines, index, 1e-3 if index < 3 else 5e-3)


def test_engines_agree_when_brightness_changes(pair: Pair) -> None:
    engines = pair(NANO)
    rows = np.linspace(0.9, 1.1, H, dtype=np.float32)
    for engine in engines:
        engine.set_noise(noise(1), band_std(0))
    for index in range(4):
        steps_agree(engines, index)
        before = engines[0].state_means()
        for engine in engines:
            engine.rescale(index % 3, 0.05, 1.5)
            engine.scale_rows(rows)
        assert before.any()


def test_engines_agree_when_something_moves(pair: Pair) -> None:
    engines = pair(NANO)
    moved = np.zeros((H, W), np.bool_)
    moved[3:8, 4:12] = True
    flow = np.zeros((H, W, 2), np.float32)
    flow[moved] = (0.6, -0.4)
    x, y = np.meshgrid(np.arange(W, dtype=np.float32), np.arange(H, dtype=np.float32))
    movement = Movement(flow, moved, np.stack([x, y], axis=2))
    for engine in engines:
        engine.set_noise(noise(1), band_std(0))
    for index in range(4):
        # What is fetched from between pixels was rounded to 16 bits before.
        steps_agree(engines, index, 6e-3)
        for engine in engines:
            engine.warp(movement)
        assert np.allclose(engines[0].residual(), engines[1].residual(), atol=5e-3)


def test_a_forgotten_engine_starts_anew(pair: Pair) -> None:
    engine, _ = pair(NANO)
    engine.set_noise(noise(1), band_std(0))
    engine.analyse(frame(0))
    assert engine.fresh
    first = [plane.copy() for plane in engine.step()]
    for index in range(1, 4):
        engine.analyse(frame(index))
        engine.step()
    assert not engine.fresh
    engine.reset()
    assert engine.fresh
    engine.analyse(frame(0))
    assert all(np.array_equal(a, b) for a, b in zip(first, engine.step(), strict=True))


def test_results_stay_valid_until_the_call_after_the_next(pair: Pair) -> None:
    engine, _ = pair(NANO)
    engine.set_noise(noise(1), band_std(0))
    engine.analyse(frame(0))
    first = engine.step()
    held = [plane.copy() for plane in first]
    engine.analyse(frame(1))
    engine.step()
    assert all(np.array_equal(a, b) for a, b in zip(first, held, strict=True))


@pytest.mark.parametrize(("width", "height"), [(64, 48), (70, 50), (34, 22)])
def test_sizes_that_are_no_whole_blocks_are_cleaned_whole(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = PlaneFormat(width, height, "420", full_range=True, matrix="bt601")
    curve = PlaneNoise(NoiseCurve((0.0, 255.0), (16.0, 16.0)))
    model = NoiseModel(curve, curve, curve, chroma="420")
    random = np.random.default_rng(0)
    shapes = [(height, width), layout.chroma_shape, layout.chroma_shape]
    frames = []
    for index in range(3):
        y, u, v = (random.normal(120, 4, shape).clip(0, 255).astype(np.uint8) for shape in shapes)
        frames.append(Planes(y, u, v, layout, index / 30))
    made = network(NANO)
    quick = LiveNetworkDenoiser(made, model, "cpu")
    results = [quick(planes) for planes in frames[:2]]
    monkeypatch.setattr(
        "rtdenoise.denoisers.live_network.make_engine",
        lambda network, grid, device, threads: TorchEngine(network, grid, device),
    )
    reference = LiveNetworkDenoiser(made, model, "cpu")
    for planes, result in zip(frames, results, strict=False):
        expected = reference(planes)
        assert result.y.shape == (height, width)
        for mine, other in zip((result.y, result.u), (expected.y, expected.u), strict=True):
            assert np.abs(mine.astype(int) - other).max() <= 1
            assert np.std(mine[2:-2, 2:-2]) < 8


def test_a_cpu_gets_the_quick_engine_and_leaves_a_core_for_the_call() -> None:
    engine = make_engine(network(NANO), (H, W), torch.device("cpu"), threads=2)
    assert engine.name.startswith("compiled, ")
    assert engine.name.endswith(", 2 threads")
    assert 1 <= default_threads() <= 4


def test_without_the_runtime_torch_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_engine, "fits", lambda network: False)
    engine = make_engine(network(NANO), (H, W), torch.device("cpu"))
    assert engine.name == "PyTorch, float32, cpu"


def test_engines_agree_about_noise_that_was_measured_beforehand(pair: Pair) -> None:
    engines = pair(NANO)
    strength = np.random.default_rng(3).uniform(10, 40, (6, H, W)).astype(np.float32)
    strength[0] /= 10  # noise at edges is fine
    for engine in engines:
        engine.set_noise(noise(1), band_std(0))
    steps_agree(engines, 0)
    for engine in engines:
        engine.set_local_noise(strength)
    for index in range(1, 5):
        steps_agree(engines, index)
        one, two = (engine.excess() for engine in engines)
        assert np.allclose(one, two, rtol=0.02)
