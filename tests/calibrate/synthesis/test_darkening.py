"""By how much noise before a tone curve darkens the mean."""

import numpy as np
import pytest
import torch

from calibrate.synthesis.darkening import darkening
from calibrate.synthesis.tone import BT709
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.noise import NoiseCurve

_LUMA = np.array([0.299, 0.587, 0.114])


def seen(light: float, deviation: float, count: int = 400_000) -> np.ndarray:
    """Luma of so many even grey pixels in bytes, with noise of its own in each colour before the tone curve."""
    random = np.random.default_rng(7)
    noisy = torch.from_numpy(light + deviation * random.standard_normal((count, 3)))
    return np.asarray(255 * (BT709(noisy).numpy() @ _LUMA))


@pytest.mark.parametrize(("level", "deviation"), [(40, 5.0), (80, 6.0), (120, 3.0), (200, 6.0)])
def test_agrees_with_noise_that_went_through_a_tone_curve(level: int, deviation: float) -> None:
    light = float(((level / 255 + 0.099) / 1.099) ** (1 / 0.45))
    slope = 255 * 1.099 * 0.45 * light ** (0.45 - 1)
    luma = seen(light, deviation / slope)
    table = darkening(NoiseCurve((0.0, 255.0), (float(luma.var()),) * 2))
    assert table.shape == (256,)
    assert table[level] == pytest.approx(level - luma.mean(), rel=0.15, abs=0.02)


def test_without_noise_nothing_gets_darker() -> None:
    assert np.abs(darkening(NoiseCurve((0.0, 255.0), (0.0, 0.0)))).max() < 0.01


def test_noise_darkens_more_the_darker_the_picture_and_the_stronger_it_is() -> None:
    weak, strong = (darkening(NoiseCurve((0.0, 255.0), (v, v))) for v in (9.0, 36.0))
    assert np.all(np.diff(weak[40:240]) <= 0)
    assert np.all(strong[40:240] > 2 * weak[40:240])
    # The straight part of the curve near black bends nothing.
    assert abs(weak[5]) < 0.05


def test_the_simulated_camera_is_darkened_as_told() -> None:
    camera = open_simulated(":room?noise=high&motion=still&seed=3", size=(320, 240))
    assert isinstance(camera, SimulatedCamera)
    frames = np.stack([camera.noisy(k).y for k in range(24)]).astype(np.float64)
    true = camera.truth(0).y.astype(np.float64)
    # The curve of the whole picture, by its own levels.
    levels = np.arange(30.0, 200.0, 10.0)
    near = [np.abs(true - level) < 5 for level in levels]
    variances = tuple(float(frames.var(0, ddof=1)[n].mean()) for n in near)
    table = darkening(NoiseCurve(tuple(levels), variances))
    middle = (true > 40) & (true < 140)
    found = float((true - frames.mean(0))[middle].mean())
    told = float(table[true[middle].astype(int)].mean())
    assert found > 0.3
    assert told == pytest.approx(found, rel=0.5)
