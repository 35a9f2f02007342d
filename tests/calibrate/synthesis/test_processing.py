"""What cameras do to detail: noise at edges, sharpening, and noise that is carried on in time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calibrate.synthesis.camera import CameraParameters, SensorCamera
from calibrate.synthesis.edges import edges_of, steepness, usual
from calibrate.synthesis.plane_camera import EdgeNoise, PlaneCamera, PlaneParameters
from calibrate.synthesis.processing import Processing, Processor, along
from calibrate.synthesis.recursion import Recursion
from rtdenoise.cameras.simulated.sensor import SensorParameters

SIDE, FRAMES = 128, 24
SIZE = (SIDE, SIDE)
CPU = torch.device("cpu")
OPTICS = CameraParameters(SensorParameters(40.0), quantiser=None, quality=None, chroma="420")
FLAT, EDGE = np.s_[:, :, 16:40], np.s_[:, 8:-8, 62:66]


def light() -> torch.Tensor:
    """A dark half and a brighter half, (1, 3, H, W), linear."""
    picture = torch.full((1, 3, SIDE, SIDE), 0.1)
    picture[..., SIDE // 2 :] = 0.3
    return picture


def shot(
    camera: PlaneCamera | SensorCamera, frames: int = FRAMES
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy luma, its truth, and the curves of the camera's variance."""
    noise = torch.Generator().manual_seed(3)
    seen = light()
    clean = camera.clean(seen)
    noisy = camera.shoot(seen, clean, frames, noise).y
    return noisy, camera.finish(clean).y, camera.variance(seen, clean, noise)


def deviation(noisy: torch.Tensor, part: tuple[slice, ...]) -> float:
    return float(noisy[part].var(0).mean().sqrt())


def correlation(noise: torch.Tensor, rows: int, columns: int) -> float:
    """Of noise, (T, H, W), with the same so many pixels on."""
    height, width = noise.shape[1:]
    one, other = noise[:, rows:, columns:], noise[:, : height - rows, : width - columns]
    return float((one * other).mean() / noise.square().mean())


def test_steepness_is_bytes_per_pixel() -> None:
    ramp = torch.arange(40.0).mul(3).expand(1, 40, 40)
    assert steepness(ramp)[0, 5:-5, 5:-5].numpy() == pytest.approx(3.0)
    assert steepness(ramp.transpose(1, 2))[0, 5:-5, 5:-5].numpy() == pytest.approx(3.0)
    assert float(steepness(torch.full((1, 8, 8), 90.0)).max()) == 0


@pytest.mark.parametrize(
    ("across", "down", "direction"), [(9, 0, 0), (6, 6, 1), (0, 9, 2), (6, -6, 3)]
)
def test_edges_have_a_weight_and_a_direction(across: float, down: float, direction: int) -> None:
    at = torch.arange(40.0)
    ramp = 128 + across * (at[None, :] - 20) + down * (at[:, None] - 20)
    edges = edges_of(ramp[None], 3.0)
    inside = np.s_[0, 3:-3, 3:-3]
    assert (edges.direction[inside] == direction).all()
    power = across**2 + down**2
    assert edges.weight[inside].numpy() == pytest.approx(power / (power + 9), rel=1e-4)
    assert float(edges_of(torch.full((1, 8, 8), 90.0), 3.0).weight.max()) == 0


def test_a_curve_is_measured_where_the_noise_is_that_of_even_walls() -> None:
    assert usual(torch.tensor([1.0, 1.2, 3.0, 40.0])).tolist() == [True, True, False, False]


@pytest.mark.parametrize(("direction", "step"), [(0, (1, 0)), (2, (0, 1)), (3, (1, 1))])
def test_noise_is_smoothed_along_an_edge_and_not_across(
    direction: int, step: tuple[int, int]
) -> None:
    white = torch.randn((4, 96, 96), generator=torch.Generator().manual_seed(1))
    smooth = along(white, torch.full((1, 96, 96), direction), 0.9)
    assert 0.4 < correlation(smooth, *step) < 0.8
    others = [other for other in ((1, 0), (0, 1)) if other != step]
    assert all(abs(correlation(smooth, *other)) < 0.03 for other in others)
    assert along(white, torch.zeros(1, 96, 96), 0.0) is white


def test_even_walls_get_blotchy_and_edges_rough() -> None:
    processing = Processing(
        smoothing=1.0, width=1.1, along=0.9, half=4.0, sharpening=3.0, limit=100
    )
    plain, _, curve = shot(SensorCamera(replace(OPTICS, blur=0.3), SIZE, CPU, None))
    camera = SensorCamera(replace(OPTICS, blur=0.3, processing=processing), SIZE, CPU, None)
    noisy, _, processed = shot(camera)
    flat, edge = deviation(noisy, FLAT), deviation(noisy, EDGE)
    assert flat < 0.6 * deviation(plain, FLAT)
    assert edge > 1.5 * deviation(plain, EDGE)
    noise = noisy - noisy.mean(0)
    assert correlation(noise[FLAT], 1, 0) > 0.7
    at_edge = noise[EDGE]
    assert correlation(at_edge, 1, 0) > correlation(at_edge, 0, 1) + 0.3
    # The curve stays that of even walls.
    ratio = float(processed[0, 80:130].mean() / curve[0, 80:130].mean())
    assert ratio == pytest.approx(flat**2 / deviation(plain, FLAT) ** 2, rel=0.2)


def test_the_mean_of_many_frames_is_the_sharpened_truth() -> None:
    processing = Processing(sharpening=2.0, limit=20.0, trembling=0.05)
    parameters = replace(OPTICS, sensor=SensorParameters(8.0), processing=processing)
    camera = SensorCamera(parameters, SIZE, CPU, None)
    noisy, clean, _ = shot(camera, 200)
    plain = camera.clean(light()).y
    assert float((clean - plain).abs().max()) > 5, "edges overshoot"
    assert float((clean - plain).abs().max()) < 20
    assert float((clean - plain)[FLAT].abs().max()) < 0.01
    inside = np.s_[:, 8:-8, 8:-8]
    error = noisy.mean(0, keepdim=True) - clean
    assert float(error[inside].abs().max()) < 1.0
    assert abs(float(error[inside].mean())) < 0.1


def test_a_trembling_picture_differs_at_edges_only() -> None:
    processor = Processor(Processing(trembling=0.1), SIZE, CPU)
    clean = torch.full((1, SIDE, SIDE), 60.0)
    clean[..., SIDE // 2 :] = 120
    edges = processor.edges(clean)
    nothing = torch.zeros((50, SIDE, SIDE))
    noise = processor.filter(nothing, clean, edges, torch.Generator().manual_seed(0))
    assert float(noise[FLAT].abs().max()) == 0
    # A slope of 30 bytes per pixel and more, as it is sharpened, and a tenth of a pixel.
    assert 3 < float(noise[:, 8:-8, 63:65].std()) < 8


def test_a_camera_known_by_its_noise_has_more_of_it_at_edges() -> None:
    parameters = PlaneParameters(np.full((3, 256), 3.0), np.full((3, 2), 0.6))
    optics = replace(OPTICS, mosaic=False)

    def measured(edges: EdgeNoise | None) -> tuple[float, float, torch.Tensor]:
        camera = PlaneCamera(replace(parameters, edges=edges), optics, SIZE, CPU)
        noisy, _, curve = shot(camera)
        return deviation(noisy, FLAT), deviation(noisy, EDGE), curve

    flat, edge, curve = measured(None)
    assert edge == pytest.approx(flat, rel=0.1)
    flat, edge, uneven = measured(EdgeNoise(power=16, half=2.0, along=0.8))
    assert flat == pytest.approx(3.0, rel=0.05)
    assert edge == pytest.approx(4 * flat, rel=0.1)
    assert uneven[0, 60:160].mean() == pytest.approx(float(curve[0, 60:160].mean()), rel=0.15)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_noise_is_carried_on_where_nothing_moves(share: float) -> None:
    white = torch.randn((60, 64, 64), generator=torch.Generator().manual_seed(2))
    picture = torch.full((60, 64, 64), 100.0)
    picture[30:, :32] += 40  # something moves there, once
    recursion, two = Recursion(share), torch.full_like(picture, 2.0)
    parts = [np.s_[:7], np.s_[7:40], np.s_[40:]]
    noise = torch.cat([recursion(white[p].clone(), picture[p], two[p]) for p in parts])

    def lag(first: int, rows: slice) -> float:
        one, other = noise[first, rows], noise[first + 1, rows]
        return float((one * other).mean() / (one.std() * other.std()))

    still = np.mean([lag(t, np.s_[32:]) for t in range(59)])
    assert still == pytest.approx(share, abs=0.02)
    assert float(noise[5:].std()) == pytest.approx(1, abs=0.02)
    assert lag(29, np.s_[:32]) == pytest.approx(0, abs=0.08)
    # The frame that starts afresh holds the sensor's noise, which was not averaged.
    more = ((1 + share) / (1 - share)) ** 0.5
    assert float(noise[30, :32].std()) == pytest.approx(more, rel=0.06)


def test_a_recursive_camera_keeps_the_strength_of_its_noise() -> None:
    def measured(temporal: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return shot(SensorCamera(replace(OPTICS, temporal=temporal), SIZE, CPU, None), 60)

    noisy, clean, curve = measured(0.4)
    plain, _, told = measured(0.0)
    noise = (noisy - clean)[FLAT]
    lag = float((noise[1:] * noise[:-1]).mean() / noise.square().mean())
    assert lag == pytest.approx(0.4, abs=0.05)
    assert deviation(noisy, FLAT) == pytest.approx(deviation(plain, FLAT), rel=0.06)
    torch.testing.assert_close(curve, told, rtol=0.25, atol=0.1)
