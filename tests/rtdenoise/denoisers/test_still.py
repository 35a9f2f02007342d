"""Single pictures, against the truth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibrate.metrics import psnr_db
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.denoisers import make_denoiser
from rtdenoise.denoisers.still import StillDenoiser
from rtdenoise.denoisers.streaming import StreamDenoiser
from rtdenoise.frames import PlaneFormat, Planes, convert, planes_from_frame
from rtdenoise.noise.single import Finding


def still(network: str) -> StillDenoiser:
    denoiser = make_denoiser(network)
    assert isinstance(denoiser, StreamDenoiser)
    return StillDenoiser(denoiser)


def picture(options: str, size: tuple[int, int] = (640, 360)) -> tuple[Planes, Planes]:
    camera = open_simulated(f":desk?{options}&frames=1", size=size)
    return planes_from_frame(next(iter(camera.frames()))).copy(), camera.truth(0)


@pytest.mark.parametrize(("network", "gain_db"), [("nano", 2.5), ("recursive", 1.3)])
@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
def test_a_noisy_picture_gains(network: str, gain_db: float, chroma: str) -> None:
    noisy, truth = (convert(p, chroma, True) for p in picture("noise=high"))  # type: ignore[arg-type]
    denoiser = still(network)
    clean = denoiser(noisy)
    assert denoiser.single is Finding.NOISE
    assert clean.format == noisy.format
    assert psnr_db(clean.y, truth.y) > psnr_db(noisy.y, truth.y) + gain_db
    if chroma != "gray":
        assert psnr_db(clean.u, truth.u) > psnr_db(noisy.u, truth.u) + 0.3


@pytest.mark.parametrize("network", ["nano", "recursive"])
def test_a_clean_picture_is_given_back_itself(network: str) -> None:
    page = np.full((360, 640), 235, np.uint8)
    cv2.putText(page, "no noise", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 3, 20, 4, cv2.LINE_AA)
    half = np.full((180, 320), 128, np.uint8)
    planes = Planes(page, half, half, PlaneFormat(640, 360, "420", True, "bt601"), 0.0)
    denoiser = still(network)
    assert denoiser(planes) is planes
    assert denoiser.noise is None


def test_fine_texture_survives_noise_that_is_known() -> None:
    """Nano alone takes more of it away than noise explains: 6 dB are lost."""
    random = np.random.default_rng(1)
    noisy, truth = picture("noise=medium")
    grain = cv2.GaussianBlur(random.normal(0, 1, truth.y.shape), (0, 0), 0.7)
    grain *= 12 / grain.std()
    grain[:, :320] = 0
    textured, clean_textured = (
        replace(p, y=np.clip(np.rint(p.y + grain), 0, 255).astype(np.uint8)) for p in (noisy, truth)
    )
    before = psnr_db(textured.y[:, 330:], clean_textured.y[:, 330:])
    after = psnr_db(still("nano")(textured).y[:, 330:], clean_textured.y[:, 330:])
    nano = make_denoiser("nano")
    assert isinstance(nano, StreamDenoiser)
    nano.prime([textured])
    alone = nano(textured)
    assert psnr_db(alone.y[:, 330:], clean_textured.y[:, 330:]) < before - 3
    assert after > before - 0.6


def test_pictures_are_cleaned_each_by_itself() -> None:
    first, second = picture("noise=high")[0], picture("noise=high&seed=4")[0]
    denoiser = still("nano")
    denoiser(first)
    np.testing.assert_array_equal(denoiser(second).y, still("nano")(second).y)


@pytest.mark.parametrize("size", [(1, 1), (17, 3), (123, 77)])
@pytest.mark.parametrize("chroma", ["420", "444", "gray"])
def test_any_size(size: tuple[int, int], chroma: str) -> None:
    random = np.random.default_rng(0)
    layout = PlaneFormat(*size, chroma, True, "bt601")  # type: ignore[arg-type]
    y, u, v = (
        np.clip(random.normal(120, 6, shape), 0, 255).astype(np.uint8)
        for shape in ((size[1], size[0]), layout.chroma_shape, layout.chroma_shape)
    )
    clean = still("nano")(Planes(y, u, v, layout, 0.0))
    assert clean.format == layout
    if size[0] > 100:
        assert clean.y.std() < 0.5 * y.std()
