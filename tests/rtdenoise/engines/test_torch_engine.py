from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rtdenoise.alignment.motion import WARP_LOSS, Movement
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.engines.base import MEASURED_FRAMES, unit_changes
from rtdenoise.engines.torch_engine import TorchEngine
from rtdenoise.errors import NetworkError
from rtdenoise.frames import convert
from rtdenoise.networks.card import load_network
from rtdenoise.networks.live import LiveNetwork, LiveSize, State
from rtdenoise.networks.local_noise import excess, shares
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS, MEANS
from rtdenoise.noise.normalised import Normalised

from . import reference

H, W = 12, 20
CPU = torch.device("cpu")
NANO = LiveSize(gate=8, context=16, energy=12, wide=12, filters=10)
STAGES = LiveSize(gate=4, context=8, energy=5, wide=6, filters=7, stages=3)
Floats = NDArray[np.float32]
Frame = Sequence[NDArray[np.uint8]]


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


def band_std(seed: int) -> Floats:
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


def movement(rows: slice, columns: slice) -> Movement:
    moved = np.zeros((H, W), np.bool_)
    moved[rows, columns] = True
    flow = np.zeros((H, W, 2), np.float32)
    flow[moved] = (0.6, -0.4)
    x, y = np.meshgrid(np.arange(W, dtype=np.float32), np.arange(H, dtype=np.float32))
    return Movement(flow, moved, np.stack([x, y], axis=2))


class Reference:
    """The network itself in float32, step by step; transforms, tables and movement on the host."""

    def __init__(self, made: LiveNetwork) -> None:
        self.network = made
        self.state: State | None = None
        self.normalised: Normalised | None = None
        self.band_std = np.ones(COEFFICIENTS, np.float32)

    @property
    def per_coefficient_(self) -> torch.Tensor:
        return torch.from_numpy(self.band_std)[None, :, None, None]

    @property
    def kept(self) -> State:
        assert self.state is not None
        return self.state

    def _split(self, planes: Sequence[Floats]) -> torch.Tensor:
        y, u, v = (torch.from_numpy(plane)[None, None] for plane in planes)
        return self.network.split(y, u, v) / self.per_coefficient_

    def _join(self, coefficients: torch.Tensor) -> list[Floats]:
        return [
            plane[0, 0].numpy().copy()
            for plane in self.network.join(coefficients * self.per_coefficient_)
        ]

    def set_noise(self, normalised: Normalised, band_std: Floats) -> None:
        planes = self._join(self.kept.coefficients) if self.state is not None else []
        before, self.normalised = self.normalised, normalised
        was, self.band_std = self.band_std, band_std
        if self.state is None or before is None:
            return
        factors = torch.from_numpy(unit_changes(before, was, normalised, band_std))
        white = self.state.white * factors[0] ** torch.tensor([1, 0.5, 0]).view(1, -1, 1, 1)
        strength = self.state.strength * factors.view(1, -1, 1, 1)
        self.state = self.state._replace(strength=strength, white=white)
        if before is not normalised:
            planes = [before.as_in(normalised, i, plane) for i, plane in enumerate(planes)]
        self.state = self.state._replace(coefficients=self._split(planes))

    @torch.no_grad()
    def analyse(self, planes: Frame) -> None:
        assert self.normalised is not None
        units = [np.empty(plane.shape, np.float32) for plane in planes]
        for index, (plane, out) in enumerate(zip(planes, units, strict=True)):
            self.normalised.units(index, plane, out)
        self.coefficients = self._split(units)

    def means(self) -> Floats:
        return np.asarray((self.coefficients * self.per_coefficient_)[0, list(MEANS)].numpy())

    def state_means(self) -> Floats:
        return np.asarray((self.kept.coefficients * self.per_coefficient_)[0, list(MEANS)].numpy())

    def residual(self) -> Floats:
        return np.asarray(self.kept.residual[0, 0].numpy())

    @property
    def _band_std(self) -> torch.Tensor:
        return torch.from_numpy(self.band_std).view(1, -1, 1, 1)

    def excess(self) -> Floats:
        kept = self.kept
        found = excess(kept.noise, kept.coefficients, shares(self._band_std))
        return np.asarray(found.ratio[0, 0].numpy())

    def set_local_noise(self, strength: Floats) -> None:
        self.kept.strength.copy_(torch.from_numpy(strength)[None])
        self.kept.frames.fill_(MEASURED_FRAMES)

    def reset(self) -> None:
        self.state = None

    @torch.no_grad()
    def step(self) -> list[NDArray[np.uint8]]:
        assert self.normalised is not None
        state = self.state or self.network.start(self.coefficients)
        clean, self.state = self.network(self.coefficients, state, self._band_std)
        planes = self._join(clean)
        results = [np.empty(plane.shape, np.uint8) for plane in planes]
        for index, (plane, out) in enumerate(zip(planes, results, strict=True)):
            self.normalised.byte_values(index, plane, out)
        return results

    def rescale(self, index: int, slope: float, offset: float) -> None:
        first, last = (*MEANS, COEFFICIENTS)[index : index + 2]
        self.kept.coefficients[:, first:last] *= 1 + slope
        self.kept.coefficients[:, first] += offset / float(self.band_std[first])

    def scale_rows(self, factors: Floats) -> None:
        self.kept.coefficients[:, :16] *= torch.from_numpy(factors)[:, None]

    @torch.no_grad()
    def warp(self, movement: Movement) -> None:
        planes = self._join(self.kept.coefficients)
        taps = (6, 2, 2)
        planes = [
            np.asarray(reference.warped(plane, movement.flow, side, n), np.float32)
            for plane, side, n in zip(planes, (4, 2, 2), taps, strict=True)
        ]
        moved = torch.from_numpy(movement.moved)
        coefficients = torch.where(moved, self._split(planes), self.kept.coefficients)
        kept = self.kept

        def along(part: torch.Tensor, loss: float = 0.0) -> torch.Tensor:
            grids = np.stack([movement.warp_grid(grid) for grid in part[0].numpy()])
            return torch.from_numpy(grids + np.float32(loss) * movement.moved)[None]

        white = torch.cat([along(kept.white[:, :1]), kept.white[:, 1:]], 1)
        noise = (along(kept.strength), white, kept.frames)
        self.state = State(
            coefficients, along(kept.residual, WARP_LOSS), kept.difference_mean * ~moved, *noise
        )


def pair(size: LiveSize = NANO) -> tuple[TorchEngine, Reference]:
    made = network(size)
    engine, reference = TorchEngine(made, (H, W), CPU), Reference(made)
    for one in (engine, reference):
        one.set_noise(noise(1), band_std(0))
    return engine, reference


def agree(engine: TorchEngine, reference: Reference, index: int, tolerance: float = 1e-3) -> None:
    """The same bytes, but for values that lie between two, and the same kept."""
    engine.analyse(frame(index))
    reference.analyse(frame(index))
    assert np.allclose(engine.means(), reference.means(), atol=1e-3)
    for mine, expected in zip(engine.step(), reference.step(), strict=True):
        apart = np.abs(mine.astype(int) - expected)
        assert apart.max() <= 1
        assert np.mean(apart > 0) < 0.003
    assert np.allclose(engine.state_means(), reference.state_means(), atol=tolerance)
    assert np.allclose(engine.residual(), reference.residual(), atol=tolerance)


@pytest.mark.parametrize("size", [NANO, STAGES])
def test_the_device_path_is_the_network_itself(size: LiveSize) -> None:
    engine, reference = pair(size)
    for index in range(8):
        agree(engine, reference, index)
    # Averaging has begun: what is compared isn't just the first frame.
    assert engine.residual().mean() < 0.9


def test_other_noise_and_other_band_std_keep_the_state() -> None:
    engine, reference = pair()
    louder = noise(2)
    for index in range(7):
        for one in (engine, reference):
            if index in (3, 5):
                one.set_noise(louder, band_std(index // 5))
        # Tables lead from one noise to the other; a place between two goes either way.
        agree(engine, reference, index, 1e-3 if index < 3 else 5e-3)


def test_brightness_and_rows_are_followed() -> None:
    engine, reference = pair()
    rows = np.linspace(0.9, 1.1, H, dtype=np.float32)
    for index in range(6):
        agree(engine, reference, index)
        before = engine.state_means().copy()
        for one in (engine, reference):
            one.rescale(index % 3, 0.05, 1.5)
            one.scale_rows(rows)
        # What was fetched before isn't handed out again.
        assert not np.allclose(before, engine.state_means(), atol=0.1)
        assert np.allclose(engine.state_means(), reference.state_means(), atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(3, 8), slice(4, 12)), (slice(0, 4), slice(15, 20))],
    ids=["inside", "corner"],
)
def test_what_moves_is_followed(rows: slice, columns: slice) -> None:
    engine, reference = pair()
    for index in range(4):
        agree(engine, reference, index)
        for one in (engine, reference):
            one.warp(movement(rows, columns))
        assert np.allclose(engine.residual(), reference.residual(), atol=1e-3)
        assert np.allclose(engine.state_means(), reference.state_means(), atol=1e-3)


def test_a_forgotten_engine_starts_anew_from_either_state() -> None:
    engine, reference = pair()
    for frames in (1, 2, 3):
        assert engine.fresh
        for index in range(frames):
            agree(engine, reference, index)
            assert not engine.fresh
        for one in (engine, reference):
            one.reset()


def test_results_stay_valid_until_the_call_after_the_next() -> None:
    engine, _ = pair()
    engine.analyse(frame(0))
    first = engine.step()
    held = [plane.copy() for plane in first]
    engine.analyse(frame(1))
    second = engine.step()
    assert all(np.array_equal(a, b) for a, b in zip(first, held, strict=True))
    assert not any(np.shares_memory(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_that_a_graph_would_hold_is_ever_replaced() -> None:
    engine, _ = pair()
    step = engine._step

    def places() -> list[int]:
        held = [step.inputs, step.outputs, step.coefficients, step.band_std, *step.states[0]]
        held += [*step.states[1], step._units, step._bytes, step._there, step._back]
        return [tensor.data_ptr() for tensor in (*held, step._to_places, step._levels)]

    before = places()
    following = movement(slice(3, 8), slice(4, 12))
    deeds: list[Callable[[], object]] = [
        lambda: engine.set_noise(noise(2), band_std(1)),
        lambda: engine.warp(following),
        lambda: engine.rescale(0, 0.1, 1.0),
        lambda: engine.scale_rows(np.ones(H, np.float32)),
        engine.reset,
    ]
    for index, deed in enumerate(deeds):
        engine.analyse(frame(index))
        engine.step()
        deed()
    assert places() == before


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [NANO, STAGES])
def test_half_precision_stays_close_and_keeps_float32(dtype: torch.dtype, size: LiveSize) -> None:
    made = network(size)
    engines = [TorchEngine(made, (H, W), CPU, d) for d in (torch.float32, dtype)]
    for engine in engines:
        engine.set_noise(noise(1), band_std(0))
    for index in range(6):
        exact, half = (_cleaned(engine, frame(index)) for engine in engines)
        for one, other in zip(exact, half, strict=True):
            apart = np.abs(one.astype(int) - other)
            assert np.sqrt(np.mean(apart**2)) < 0.5
            assert np.mean(apart > 1) < 0.02
    assert engines[1].name.startswith(f"PyTorch, {str(dtype)[6:]}, cpu")
    assert all(part.dtype == torch.float32 for state in engines[1]._step.states for part in state)
    # A frame's own value goes into the average exactly, however large it is.
    assert np.allclose(engines[0].state_means(), engines[1].state_means(), atol=0.05)


def _cleaned(engine: TorchEngine, planes: Frame) -> list[NDArray[np.uint8]]:
    engine.analyse(planes)
    return [plane.copy() for plane in engine.step()]


def test_the_given_network_is_left_alone() -> None:
    made = network(NANO)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    for _ in range(2):
        engine = TorchEngine(made, (H, W), CPU, torch.bfloat16)
        engine.set_noise(noise(1), band_std(0))
        _cleaned(engine, frame(0))
    after = made.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(value.dtype == torch.float32 for value in after.values())
    assert not made.gate.near._forward_pre_hooks


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_costs_nothing_that_can_be_seen(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the simulated camera, with the network that is shipped, after the average has settled."""
    made, _ = load_network(base_network_path("nano"))
    assert isinstance(made, LiveNetwork)
    errors = []
    for precision in (torch.float32, dtype):
        camera = open_simulated(":desk?noise=medium&motion=still&seed=3", size=(192, 128))
        monkeypatch.setattr(
            "rtdenoise.denoisers.live_network.make_engine",
            lambda network, grid, device, threads, d=precision: TorchEngine(
                network, grid, device, d
            ),
        )
        denoiser = LiveNetworkDenoiser(made, None, "cpu")
        squares = []
        for index in range(20):
            result = denoiser(convert(camera.noisy(index), "420", True))
            truth = convert(camera.truth(index), "420", True)
            squares.append(np.mean((result.y.astype(np.float32) - truth.y) ** 2))
        errors.append(np.mean(squares[12:]))
        # It does denoise, so that there is something to lose.
        assert squares[-1] < squares[0] / 4
    assert abs(10 * np.log10(errors[1] / errors[0])) < 0.05


def test_too_little_memory_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = pair()

    def none_left(_turn: int) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine.analyse(frame(0))
    monkeypatch.setattr(engine._step, "step", none_left)
    with pytest.raises(NetworkError, match="memory of cpu is too small") as caught:
        engine.step()
    assert "--device cpu" in caught.value.hint


def test_cpus_capture_nothing() -> None:
    engine, _ = pair()
    assert engine.name == "PyTorch, float32, cpu"
    assert engine.no_graphs == ""
