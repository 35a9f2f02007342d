from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from rtdenoise.denoisers.recursive import RecursiveDenoiser
from rtdenoise.frames import Bytes, Chroma, PlaneFormat, Planes
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.fields import field

Floats = NDArray[np.float32]

CORRELATION = (0.6, 0.2)
SIGMA = 5.0


def model(sigma: float = SIGMA, chroma: str = "420") -> NoiseModel:
    plane = PlaneNoise(NoiseCurve((0.0, 255.0), (sigma**2, sigma**2)), CORRELATION, CORRELATION)
    return NoiseModel(plane, plane, plane, chroma=chroma)


def scene(shape: tuple[int, int], seed: int = 0) -> Floats:
    """Some texture, edges and a gradient."""
    rng = np.random.default_rng(seed)
    rows, columns = shape
    picture = np.tile(np.linspace(60, 190, columns, dtype=np.float32), (rows, 1))
    picture += 8 * cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), 2)
    for _ in range(6):
        top, left = int(rng.integers(0, rows)), int(rng.integers(0, columns))
        level = float(rng.integers(40, 210))
        picture[top : top + rows // 5, left : left + columns // 6] = level
    return picture


def noisy(clean: Floats, seed: int, sigma: float = SIGMA) -> Bytes:
    plane = PlaneNoise(NoiseCurve((0.0,), (1.0,)), CORRELATION, CORRELATION)
    shape = (clean.shape[0] + clean.shape[0] % 2, clean.shape[1] + clean.shape[1] % 2)
    noise = field(plane, shape, seed)[: clean.shape[0], : clean.shape[1]]
    return to_bytes(clean + sigma * noise)


def to_bytes(a: Floats) -> Bytes:
    return np.asarray(np.clip(np.rint(a), 0, 255), np.uint8)


def frame(y: Bytes, chroma: Chroma = "gray", uv: tuple[Bytes, Bytes] | None = None) -> Planes:
    format_ = PlaneFormat(y.shape[1], y.shape[0], chroma, True, "bt601")
    empty = np.zeros((0, 0), np.uint8)
    u, v = uv or (empty, empty)
    return Planes(y, u, v, format_, 0.0)


def psnr(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * float(np.log10(255**2 / max(error, 1e-9)))


def in_colour(shape: tuple[int, int], chroma: Chroma, seed: int, sigma: float = SIGMA) -> Planes:
    y = noisy(scene(shape), seed, sigma)
    if chroma == "gray":
        return frame(y)
    size = PlaneFormat(shape[1], shape[0], chroma, True, "bt601").chroma_shape
    u, v = (
        noisy(np.full(size, level, np.float32), seed + 900 + level, sigma) for level in (110, 150)
    )
    return frame(y, chroma, (u, v))


@pytest.mark.parametrize("online", [False, True])
def test_still_scene_gains_10_db(online: bool) -> None:
    clean = scene((144, 192))
    denoiser = RecursiveDenoiser(None if online else model())
    for index in range(30):
        last = noisy(clean, index)
        result = denoiser(frame(last))
    assert psnr(result.y, clean) > psnr(last, clean) + 10


def test_online_estimate_helps_within_ten_frames_of_a_moving_scene() -> None:
    wide = scene((144, 400))
    denoiser = RecursiveDenoiser()
    for index in range(10):
        clean = wide[:, 3 * index : 3 * index + 192]
        last = noisy(clean, index)
        result = denoiser(frame(last))
    assert psnr(result.y, clean) > psnr(last, clean) + 1.5


def test_follows_a_drift_of_exposure() -> None:
    clean = scene((144, 192))
    denoiser = RecursiveDenoiser(model())
    for index in range(40):
        lit = clean * (1 + 0.004 * index)
        result = denoiser(frame(noisy(lit, index)))
    difference = result.y - lit
    assert abs(float(np.median(difference[:, :60]))) < 1
    assert abs(float(np.median(difference[:, -60:]))) < 1.5
    assert psnr(result.y, lit) > 38


def test_follows_a_weak_local_drift() -> None:
    clean = scene((144, 192))
    change = np.zeros_like(clean)
    cv2.circle(change, (96, 72), 24, 1.0, -1)
    denoiser = RecursiveDenoiser(model())
    for index in range(80):
        lit = clean + 0.3 * index * change
        result = denoiser(frame(noisy(lit, index)))
    lag = float(np.mean((lit - result.y)[change > 0]))
    # Nine frames of drift; without evidence of change it would be twenty.
    assert abs(lag) < 0.55 * SIGMA


@pytest.mark.parametrize("speed", [0.25, 1, 4])
def test_follows_a_moving_object_without_a_trail(speed: float) -> None:
    background, subject = scene((144, 256), 1), scene((60, 60), 2) + 25
    denoiser = RecursiveDenoiser(model())
    for index in range(30):
        clean = background.copy()
        shift = np.array([[1, 0, 20 + speed * index], [0, 1, 40]], np.float32)
        size = (256, 144)
        moved = cv2.warpAffine(subject, shift, size, flags=cv2.INTER_LINEAR)
        cover = cv2.warpAffine(np.ones_like(subject), shift, size, flags=cv2.INTER_LINEAR)
        clean = clean * (1 - cover) + moved * cover
        last = noisy(clean, index)
        result = denoiser(frame(last))
    held = cover > 0.5
    assert psnr(result.y[held], clean[held]) > psnr(last[held], clean[held]) + 1
    # Where the object has just been, or soon would be, nothing is left of it.
    rim = (cv2.dilate(cover, np.ones((1, 31))) > 0.01) & (cover < 0.01)
    trail = cv2.blur(result.y.astype(np.float32) - clean, (5, 5))[rim]
    assert float(np.percentile(np.abs(trail), 99)) < 2 * SIGMA
    assert psnr(result.y[rim], clean[rim]) > psnr(last[rim], clean[rim])


def test_a_thin_object_is_seen_at_once() -> None:
    clean = np.full((144, 192), 100, np.float32)
    denoiser = RecursiveDenoiser(model())
    for index in range(20):
        denoiser(frame(noisy(clean, index)))
    clean[:, 90:93] = 160
    result = denoiser(frame(noisy(clean, 99)))
    assert float(np.mean(result.y[:, 90:93])) > 145


def test_nothing_of_the_old_picture_is_left_after_a_cut() -> None:
    before, after = scene((144, 192), 3), 255 - scene((144, 192), 4)
    denoiser, fresh = RecursiveDenoiser(model()), RecursiveDenoiser(model())
    for index in range(10):
        denoiser(frame(noisy(before, index)))
    last = frame(noisy(after, 50))
    assert psnr(denoiser(last).y, after) > psnr(fresh(last).y, after) - 0.5


def test_a_step_of_exposure_keeps_what_was_averaged() -> None:
    clean = scene((144, 192))
    denoiser = RecursiveDenoiser(model())
    for index in range(20):
        denoiser(frame(noisy(clean, index)))
    lit = clean * 1.1 - 3
    last = noisy(lit, 30)
    assert psnr(denoiser(frame(last)).y, lit) > psnr(last, lit) + 7


def test_does_no_harm_to_a_clean_moving_picture() -> None:
    wide = scene((144, 400))
    denoiser = RecursiveDenoiser(model(0.0))
    for index in range(12):
        clean = to_bytes(wide[:, 2 * index : 2 * index + 192])
        result = denoiser(frame(clean))
        assert int(np.abs(result.y.astype(int) - clean).max()) <= 1


def test_does_hardly_any_harm_to_a_clean_moving_picture_without_a_model() -> None:
    wide = scene((144, 400))
    denoiser = RecursiveDenoiser()
    for index in range(12):
        clean = to_bytes(wide[:, 2 * index : 2 * index + 192])
        result = denoiser(frame(clean))
        assert psnr(result.y, clean) > 49
        assert np.mean(np.abs(result.y.astype(int) - clean) > 3) < 1e-4


def test_a_clean_still_picture_stays_as_it_is_without_a_model() -> None:
    clean = to_bytes(scene((144, 192)))
    denoiser = RecursiveDenoiser()
    for _ in range(6):
        np.testing.assert_array_equal(denoiser(frame(clean)).y, clean)


@pytest.mark.parametrize("chroma", ["420", "422", "444", "gray"])
@pytest.mark.parametrize("shape", [(96, 128), (97, 131), (10, 7), (1, 1), (2, 300)])
def test_all_formats_and_odd_sizes(chroma: Chroma, shape: tuple[int, int]) -> None:
    for given in (model(chroma=chroma), None):
        denoiser = RecursiveDenoiser(given)
        for index in range(6):
            planes = in_colour(shape, chroma, index)
            before = planes.copy()
            result = denoiser(planes)
            assert result.format == planes.format
            assert result.time_s == planes.time_s
            for name in ("y", "u", "v"):
                mine, theirs = getattr(result, name), getattr(planes, name)
                assert mine.dtype == np.uint8
                assert mine.shape == theirs.shape
                np.testing.assert_array_equal(theirs, getattr(before, name))


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_chroma_is_cleaned(chroma: Chroma) -> None:
    denoiser = RecursiveDenoiser(model(chroma=chroma))
    for index in range(15):
        result = denoiser(in_colour((96, 128), chroma, index))
    assert float(np.std(result.u)) < SIGMA / 4
    assert abs(float(np.mean(result.u)) - 110) < 0.7
    assert abs(float(np.mean(result.v)) - 150) < 0.7


def test_large_pictures_work_as_small_ones_do() -> None:
    clean = scene((320, 1280))
    denoiser = RecursiveDenoiser(model())
    for index in range(12):
        last = noisy(clean, index)
        result = denoiser(frame(last))
    assert psnr(result.y, clean) > psnr(last, clean) + 8


def test_the_same_frames_give_the_same_result() -> None:
    frames = [in_colour((96, 128), "420", index) for index in range(8)]
    one, other = RecursiveDenoiser(), RecursiveDenoiser()
    for planes in frames:
        a, b = one(planes), other(planes)
        for name in ("y", "u", "v"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_reset_is_a_fresh_start() -> None:
    frames = [in_colour((96, 128), "420", index) for index in range(8)]
    used = RecursiveDenoiser()
    for planes in frames:
        used(planes)
    used.reset()
    fresh = RecursiveDenoiser()
    for planes in frames[:4]:
        np.testing.assert_array_equal(used(planes).y, fresh(planes).y)


def test_another_size_is_a_fresh_start() -> None:
    used, fresh = RecursiveDenoiser(model()), RecursiveDenoiser(model())
    used(in_colour((96, 128), "420", 0))
    planes = in_colour((64, 96), "420", 1)
    np.testing.assert_array_equal(used(planes).y, fresh(planes).y)


@pytest.mark.parametrize("given", [model(), None])
def test_a_result_lasts_for_two_calls(given: NoiseModel | None) -> None:
    denoiser = RecursiveDenoiser(given)
    frames = [in_colour((96, 128), "420", index) for index in range(8)]
    before: tuple[Planes, Planes] | None = None
    for planes in frames:
        result = denoiser(planes)
        if before is not None:
            held, copy = before
            np.testing.assert_array_equal(held.y, copy.y)
            np.testing.assert_array_equal(held.u, copy.u)
        before = (result, result.copy())


def test_rows_with_a_stride_are_taken() -> None:
    planes = in_colour((96, 128), "420", 0)
    wide = np.zeros((96, 160), np.uint8)
    wide[:, :128] = planes.y
    strided = Planes(wide[:, :128], planes.u, planes.v, planes.format, 0.0)
    one, other = RecursiveDenoiser(model()), RecursiveDenoiser(model())
    for _ in range(3):
        np.testing.assert_array_equal(one(strided).y, other(planes).y)


def test_mains_flicker_is_followed_not_mistaken_for_motion() -> None:
    clean = scene((192, 256))
    rows = np.arange(192, dtype=np.float32)[:, None]
    denoiser = RecursiveDenoiser(model())
    for index in range(20):
        lit = clean * (1 + 0.05 * np.sin(rows / 25 + 2.1 * index))
        last = noisy(np.asarray(lit, np.float32), index)
        result = denoiser(frame(last))
    assert psnr(result.y, lit) > psnr(last, lit) + 6


def test_noise_that_grew_since_the_calibration_is_still_removed() -> None:
    clean = scene((144, 192))
    denoiser = RecursiveDenoiser(model(SIGMA / 1.7))
    for index in range(60):
        last = noisy(clean, index)
        result = denoiser(frame(last))
    assert psnr(result.y, clean) > psnr(last, clean) + 8


def noisy_edges(clean: Floats, edges: Floats, seed: int, factor: float = 30.0) -> Bytes:
    """Noise of unit strength, and at edges of ``factor`` times the variance, fine and white in time."""
    white = np.random.default_rng(seed + 5000).standard_normal(clean.shape).astype(np.float32)
    plane = PlaneNoise(NoiseCurve((0.0,), (1.0,)), CORRELATION, CORRELATION)
    return to_bytes(clean + field(plane, clean.shape, seed) + factor**0.5 * edges * white)


def bars(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """A picture with strong edges, and where they are."""
    clean = np.full(shape, 80, np.float32)
    clean[:, 40:80], clean[:, 120:160] = 170, 150
    clean[96:] = 255 - clean[96:]
    clean = np.asarray(cv2.GaussianBlur(clean, (0, 0), 1), np.float32)
    slope = np.hypot(*np.gradient(clean))
    return clean, np.asarray(slope > 4, np.float32)


def test_noise_that_is_far_stronger_at_edges_is_averaged() -> None:
    clean, edges = bars((144, 192))
    denoiser, total = RecursiveDenoiser(model(1.0)), np.zeros_like(clean)
    for index in range(31):
        last = noisy_edges(clean, edges, index)
        total += last
        result = denoiser(frame(last))
    held = edges > 0
    mean = to_bytes(np.asarray(total / 31, np.float32))
    assert psnr(last[held], clean[held]) < psnr(last[~held], clean[~held]) - 10
    for place in (held, ~held):
        assert psnr(result.y[place], clean[place]) > psnr(mean[place], clean[place]) - 1.5


def test_fast_fine_texture_is_not_taken_for_noise_at_edges() -> None:
    clean, edges = bars((144, 192))
    wide = np.random.default_rng(3).standard_normal((48, 2000)).astype(np.float32)
    texture = 12 * cv2.GaussianBlur(wide, (0, 0), 1.0) / 0.28
    denoiser = RecursiveDenoiser(model(1.0))
    for index in range(31):
        scene_now = clean.copy()
        scene_now[48:96] = 120 + texture[:, 37 * index : 37 * index + 192]
        around = edges.copy()
        around[44:100] = 0
        last = noisy_edges(scene_now, around, index)
        result = denoiser(frame(last))
    inside = slice(52, 92)
    assert psnr(result.y[inside], scene_now[inside]) > psnr(last[inside], scene_now[inside]) - 0.5


def test_an_object_that_crosses_noisy_edges_leaves_no_trail() -> None:
    clean, edges = bars((144, 192))
    denoiser = RecursiveDenoiser(model(1.0))
    worst = []
    for index in range(50):
        scene_now, around = clean.copy(), edges.copy()
        left = 7 * (index - 25)
        if left >= 0:
            scene_now[60:92, left : left + 40] = 110
            scene_now[64:72, left + 6 : left + 30] = 200
            around[60:92, left : left + 40] = 0
        last = noisy_edges(scene_now, around, index)
        result = denoiser(frame(last))
        error = cv2.blur(result.y.astype(np.float32) - scene_now, (5, 5))[56:96]
        if index >= 30:
            worst.append(float(np.percentile(np.abs(error), 99)))
    # A ghost of the object would be 30 to 90 levels strong.
    assert max(worst) < 6


FOOTAGE = Path(__file__).resolve().parents[3] / "../shared/data"


@pytest.mark.skipif(not FOOTAGE.exists(), reason="the real footage isn't here")
def test_real_cars_leave_no_trail() -> None:
    import av

    from rtdenoise.frames import planes_from_frame

    denoiser = RecursiveDenoiser()
    worst = []
    with (
        av.open(str(FOOTAGE / "highway.mkv")) as clip,
        av.open(str(FOOTAGE / "highway_motion.mkv")) as masks,
    ):
        for decoded, mask in zip(clip.decode(video=0), masks.decode(video=0), strict=True):
            planes = planes_from_frame(decoded)
            moving = mask.to_ndarray(format="gray") == 255
            change = cv2.blur(denoiser(planes).y.astype(np.float32) - planes.y, (5, 5))
            if moving.sum() > 50:
                worst.append(float(np.percentile(np.abs(change[moving]), 99)))
    # A ghost of a car would be some 30 levels strong.
    assert max(worst) < 6


def test_another_estimate_of_the_noise_does_not_start_the_average_anew() -> None:
    # An estimate of other correlation that falls by a half in mid-stream, while the noise stays.
    clean, edges = bars((144, 192))
    white = PlaneNoise(NoiseCurve((0.0,), (0.5,)), (0.2,), (0.2,))
    denoiser = RecursiveDenoiser(model(1.0))
    gains = []
    for index in range(36):
        if index == 30:
            denoiser._set_noise(NoiseModel(white, white, white, chroma="420"))
        denoiser(frame(noisy_edges(clean, edges, index)))
        gains.append(float(np.mean(denoiser._filters[0].temporal_gain.gain)))
    assert max(gains[30:]) < 1.3 * gains[29]
