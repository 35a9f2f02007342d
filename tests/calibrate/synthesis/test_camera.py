"""The simulated camera in torch against the one in rtdenoise.cameras.simulated."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from calibrate.synthesis.camera import CameraParameters, SensorCamera
from calibrate.synthesis.jpeg import MPEG_SHRINK, Jpeg, mpeg_tables
from rtdenoise.cameras.simulated.jpeg import JpegDecoder, JpegEncoder
from rtdenoise.cameras.simulated.processor import Processing, Processor
from rtdenoise.cameras.simulated.sensor import Sensor, SensorParameters, mosaic, respond
from rtdenoise.frames import PlaneFormat, Planes, planes_from_frame

SIZE = 192
CPU = torch.device("cpu")
LAYOUT = PlaneFormat(SIZE, SIZE, "422", full_range=True, matrix="bt601")
MIDDLE = slice(24, -24)


def picture() -> np.ndarray:
    """Linear light with smooth shades, hard edges and fine detail, (H, W, 3)."""
    random = np.random.default_rng(3)
    fine = cv2.GaussianBlur(random.random((SIZE, SIZE, 3), np.float32), (0, 0), 2)
    light = 0.25 + 2.5 * (fine - fine.mean())
    light[60:120, 40:90] = (0.5, 0.1, 0.05)
    light[80:150, 100:160] *= 0.2
    return np.asarray(np.clip(light, 0.002, 0.9), np.float32)


def reference(
    light: np.ndarray, sensor: SensorParameters, noisy: bool, quantiser: int | None, index: int = 0
) -> Planes:
    eye = Sensor(sensor, SIZE, SIZE, pattern_seed=None)
    seen = mosaic(respond(light))
    raw = eye.expose(seen, (1, index)) if noisy else eye.ideal(seen)
    planes = Processor(LAYOUT, Processing()).develop(raw, 0.0)
    if quantiser is None:
        return planes
    packet = JpegEncoder(SIZE, SIZE, Fraction(30), quantiser).encode(planes, 0)
    (frame,) = JpegDecoder().decode(packet)
    return planes_from_frame(frame).copy()


def as_420(planes: Planes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, u, v = (p.astype(np.float64) for p in (planes.y, planes.u, planes.v))
    return y, (u[0::2] + u[1::2]) / 2, (v[0::2] + v[1::2]) / 2


def camera(sensor: SensorParameters, quantiser: int | None) -> SensorCamera:
    return SensorCamera(CameraParameters(sensor, quantiser=quantiser), (SIZE, SIZE), CPU, None)


def to_light(picture: np.ndarray, frames: int = 1) -> torch.Tensor:
    light = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    return light.expand(frames, -1, -1, -1)


def lag_one(x: np.ndarray) -> tuple[float, float]:
    """Correlation of neighbours along rows and down columns, (frames, H, W)."""
    x = x - x.mean()
    power = (x * x).mean()
    return (
        float((x[..., 1:] * x[..., :-1]).mean() / power),
        float((x[..., 1:, :] * x[..., :-1, :]).mean() / power),
    )


def test_clean_frames_are_the_simulated_cameras_truth() -> None:
    light = picture()
    ours = camera(SensorParameters(8.0), 3).clean(to_light(light))
    theirs = as_420(reference(light, SensorParameters(8.0), False, None))
    for mine, wanted, name in zip(ours, theirs, "yuv", strict=True):
        assert mine.shape == (1, *wanted.shape)
        error = np.abs(mine[0].numpy() - wanted)
        margin = slice(8, -8) if name == "y" else slice(14, -14)
        assert error[margin, margin].max() < 1.3, name
        assert error[margin, margin].mean() < 0.4, name


@pytest.mark.parametrize("gain", [4.0, 96.0])
@pytest.mark.parametrize("quantiser", [None, 3])
def test_noise_on_grey_is_the_simulated_cameras(gain: float, quantiser: int | None) -> None:
    sensor, count = SensorParameters(gain), 20
    for grey in (0.02, 0.3):
        light = np.full((SIZE, SIZE, 3), grey, np.float32)
        made = camera(sensor, quantiser)
        lit = to_light(light, count)
        ours = made.shoot(lit, made.clean(lit[:1]), count, torch.Generator().manual_seed(5))
        theirs = [as_420(reference(light, sensor, True, quantiser, k)) for k in range(count)]
        for plane in range(3):
            mine = ours[plane].numpy().astype(np.float64)[:, MIDDLE, MIDDLE]
            wanted = np.stack([t[plane] for t in theirs])[:, MIDDLE, MIDDLE]
            coarse = plane > 0  # blotches leave few independent samples
            assert mine.mean() == pytest.approx(wanted.mean(), abs=0.35 if plane else 0.15)
            # A mean of two bytes that was not rounded lacks a sixteenth of a squared byte against one that was.
            assert mine.var() == pytest.approx(
                wanted.var(), rel=0.2 if coarse else 0.06, abs=0.12 if coarse else 0.02
            )
            if wanted.var() > 0.3:
                assert lag_one(mine) == pytest.approx(lag_one(wanted), abs=0.08 if coarse else 0.03)


def test_jpeg_is_ffmpegs() -> None:
    random = np.random.default_rng(2)
    for quantiser in (2, 3, 5, 8):
        y, u, v = (
            np.asarray(
                cv2.GaussianBlur(random.integers(0, 256, shape, np.uint8), (0, 0), 1.2), np.uint8
            )
            for shape in ((96, 96), (96, 48), (96, 48))
        )
        layout = PlaneFormat(96, 96, "422", full_range=True, matrix="bt601")
        packet = JpegEncoder(96, 96, Fraction(30), quantiser).encode(
            Planes(y, u, v, layout, 0.0), 0
        )
        (frame,) = JpegDecoder().decode(packet)
        wanted = planes_from_frame(frame)
        jpeg = Jpeg(mpeg_tables(quantiser), CPU, MPEG_SHRINK)
        luma = jpeg.luma(torch.from_numpy(y).float()[None])[0].numpy()
        chroma = jpeg.chroma(torch.from_numpy(u).float()[None])[0].numpy()
        for mine, other, before in ((luma, wanted.y, y), (chroma, wanted.u, u)):
            error = np.abs(mine - other.astype(float))
            assert error.mean() < 0.25 * np.abs(before.astype(float) - other).mean()
            # Integer and real arithmetic now and then round a coefficient to different steps.
            assert np.mean(error > 1) < 0.15
            lost = np.square(before.astype(float) - other).mean()
            assert np.square(before.astype(float) - mine).mean() == pytest.approx(lost, rel=0.03)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_makes_the_same_clean_frames() -> None:
    light = to_light(picture(), 3)
    parameters = CameraParameters(SensorParameters(8.0))
    there = SensorCamera(parameters, (SIZE, SIZE), torch.device("cuda"), None).clean(light.cuda())
    here = camera(SensorParameters(8.0), 3).clean(light)
    for one, other in zip(there, here, strict=True):
        torch.testing.assert_close(one.cpu(), other, atol=0.05, rtol=0)
