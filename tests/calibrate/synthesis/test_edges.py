"""Noise that is stronger at edges."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calibrate.synthesis.camera import CameraParameters, SensorCamera
from calibrate.synthesis.edges import kept, steepness, stronger, usual
from calibrate.synthesis.plane_camera import PlaneCamera, PlaneParameters
from rtdenoise.cameras.simulated.sensor import SensorParameters

SIDE, FRAMES = 128, 24
CPU = torch.device("cpu")
OPTICS = CameraParameters(SensorParameters(40.0), quantiser=None, quality=None, chroma="420")
FLAT, EDGE = np.s_[:, :, 16:40], np.s_[:, :, 61:67]


def light() -> torch.Tensor:
    """A dark half and a brighter half, (1, 3, H, W), linear."""
    picture = torch.full((1, 3, SIDE, SIDE), 0.1)
    picture[..., SIDE // 2 :] = 0.3
    return picture


def deviations(camera: PlaneCamera | SensorCamera) -> tuple[float, float, torch.Tensor]:
    """Of luma on an even wall and at an edge, and the curve's variances."""
    noise = torch.Generator().manual_seed(3)
    seen = light()
    clean = camera.clean(seen)
    y = camera.shoot(seen, clean, FRAMES, noise).y
    flat, edge = (float(y[part].var(0).mean().sqrt()) for part in (FLAT, EDGE))
    return flat, edge, camera.variance(seen, clean, noise)


def test_steepness_is_bytes_per_pixel() -> None:
    ramp = torch.arange(40.0).mul(3).expand(1, 40, 40)
    assert steepness(ramp)[0, 5:-5, 5:-5].numpy() == pytest.approx(3.0)
    assert steepness(ramp.transpose(1, 2))[0, 5:-5, 5:-5].numpy() == pytest.approx(3.0)
    assert float(steepness(torch.full((1, 8, 8), 90.0)).max()) == 0


def test_only_edges_are_changed() -> None:
    flat = torch.full((1, 8, 8), 90.0)
    assert float(stronger(flat, 0.8).max()) == 1
    assert float(kept(flat, 0.3, 4.0).max()) == pytest.approx(0.3)
    steep = torch.arange(0, 8 * 30.0, 30.0).expand(1, 8, 8)
    assert float(stronger(steep, 0.5)[0, 4, 4]) == pytest.approx(1 + 0.5 * 4)
    assert 0.9 < float(kept(steep, 0.3, 3.0)[0, 4, 4]) < 1


def test_what_is_usual_is_the_even_part() -> None:
    factor = torch.ones(10, 10)
    factor[:, 6:] = 2.0
    assert torch.equal(usual(factor), factor == 1)
    assert bool(usual(torch.full((10, 10), 1.7)).all())


def test_a_camera_known_by_its_noise_has_more_of_it_at_edges() -> None:
    parameters = PlaneParameters(np.full((3, 256), 3.0), np.full((3, 2), 0.6))
    optics = replace(OPTICS, mosaic=False)

    def measured(edges: float) -> tuple[float, float, torch.Tensor]:
        uneven = replace(parameters, edges=edges)
        return deviations(PlaneCamera(uneven, optics, (SIDE, SIDE), CPU))

    flat, edge, curve = measured(0.0)
    assert edge == pytest.approx(flat, rel=0.1)
    flat, edge, uneven = measured(0.5)
    assert flat == pytest.approx(3.0, rel=0.05)
    assert edge > 1.8 * flat
    # The curve is that of even areas.
    assert uneven[0, 60:160].mean() == pytest.approx(float(curve[0, 60:160].mean()), rel=0.15)


def test_noise_reduction_leaves_edges_alone() -> None:
    def measured(reduction: tuple[float, float] | None) -> tuple[float, float, torch.Tensor]:
        return deviations(
            SensorCamera(replace(OPTICS, reduction=reduction), (SIDE, SIDE), CPU, None)
        )

    flat, edge, curve = measured(None)
    less, there, reduced = measured((0.4, 3.0))
    assert less == pytest.approx(0.4 * flat, rel=0.1)
    assert 0.75 * edge < there < edge
    assert reduced[0, 80:130].mean() == pytest.approx(
        0.16 * float(curve[0, 80:130].mean()), rel=0.4
    )
