from __future__ import annotations

import io

import numpy as np
import pytest

from calibrate.noise.figure import draw_noise, normalised_std
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise

RISING = NoiseCurve((10.0, 120.0, 240.0), (4.0, 16.0, 40.0), (9, 9, 9), (3.0,) * 3, (50.0,) * 3)
FULL = PlaneNoise(RISING, (0.5, 0.2), (0.4,), (0.1, 0.0, -0.05), 0.4, 0.3, 66.0)
BARE = PlaneNoise(NoiseCurve((128.0,), (0.0,)))


@pytest.mark.parametrize("chroma", [FULL, BARE])
@pytest.mark.parametrize("luma", [FULL, BARE])
def test_any_model_can_be_drawn(luma: PlaneNoise, chroma: PlaneNoise) -> None:
    figure = draw_noise(NoiseModel(luma, chroma, chroma))
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=30)
    assert data.getvalue().startswith(b"\x89PNG")
    titles = [ax.get_title() for ax in figure.axes]
    assert len(titles) == 5
    assert ("bands of 66 rows" in titles[-1]) == (luma is FULL)
    unknown = [t for t in figure.axes[-1].texts if t.get_text() == "?"]
    assert bool(unknown) == (BARE in (luma, chroma))


def test_the_picture_shows_unit_noise_after_the_transform() -> None:
    after = normalised_std(FULL, np.linspace(30, 230, 20))
    np.testing.assert_allclose(after, 1, atol=0.03)
