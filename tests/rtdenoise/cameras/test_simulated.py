from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rtdenoise.cameras.base import Camera
from rtdenoise.cameras.simulated import SimulatedCamera, open_simulated
from rtdenoise.cameras.simulated.options import parse_options
from rtdenoise.cameras.simulated.scenes import SCENES
from rtdenoise.cameras.simulated.sensor import BLACK, SPAN, Sensor, SensorParameters
from rtdenoise.errors import CameraError
from rtdenoise.frames import Planes, planes_from_frame

SIZE = (320, 180)


def opened(rest: str = "", size: tuple[int, int] = SIZE) -> SimulatedCamera:
    return open_simulated(rest, size=size)


def luma(planes: Planes) -> NDArray[np.float32]:
    return planes.y.astype(np.float32)


def residuals(camera: SimulatedCamera, frames: int, plane: str = "y") -> NDArray[np.float32]:
    """Deviations from the mean of that many frames, scaled to the noise's own variance."""
    stack = np.stack([getattr(camera.noisy(i), plane) for i in range(frames)]).astype(np.float32)
    scaled: NDArray[np.float32] = (stack - stack.mean(0)) * np.float32(
        (frames / (frames - 1)) ** 0.5
    )
    return scaled


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))


# ---------------------------------------------------------------- as a camera


def test_it_is_a_camera_of_full_hd_mjpeg() -> None:
    camera: Camera = open_simulated("?frames=1")
    assert str(camera.mode) == "MJPG 1920×1080 @ 30"
    assert (camera.mode.codec, camera.mode.pixel_format) == ("mjpeg", "yuvj422p")
    (packet,) = camera.packets()
    assert 200_000 < packet.size < 700_000
    (frame,) = camera.decode(packet)
    assert (frame.width, frame.height, frame.format.name) == (1920, 1080, "yuvj422p")
    camera.close()


def test_frames_are_full_range_bt601_422() -> None:
    camera = opened(":desk?frames=1")
    (frame,) = camera.frames()
    planes = planes_from_frame(frame)
    assert planes.format == camera.format == camera.truth(0).format
    assert planes.format.chroma == "422"
    assert planes.format.full_range
    assert planes.format.matrix == "bt601"
    assert planes.u.shape == (180, 160)
    assert luma(camera.truth(0)).min() < 20  # below what limited range could hold without clipping
    assert luma(camera.truth(0)).max() > 220


def test_times_follow_the_rate() -> None:
    camera = open_simulated("?frames=4", size=SIZE, rate_fps=29.97)
    assert camera.mode.rate_fps == Fraction(2997, 100)
    frames = list(camera.frames())
    assert [frame.time for frame in frames] == pytest.approx([i / 29.97 for i in range(4)])


def test_packets_go_into_a_file_byte_for_byte(tmp_path: Path) -> None:
    camera = opened("?frames=5&noise=high")
    sent: list[bytes] = []
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuvj422p"
        for packet in camera.packets():
            sent.append(bytes(packet))
            packet.stream = stream
            container.mux(packet)
    with av.open(str(tmp_path / "clip.mkv")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [bytes(packet) for packet in packets] == sent
        times = [packet.pts * packet.time_base for packet in packets if packet.pts is not None]
    assert [float(t) for t in times] == pytest.approx([i / 30 for i in range(5)], abs=1e-3)


def test_damaged_packets_are_counted() -> None:
    camera = opened()
    assert camera.decode(av.Packet(b"no picture at all")) == []
    assert camera.damaged_packets == 1
    assert len(camera.decode(next(camera.packets()))) == 1


@pytest.mark.parametrize(("rest", "length"), [("?frames=3", 3), ("?seconds=0.2", 6), ("", None)])
def test_length(rest: str, length: int | None) -> None:
    camera = opened(rest)
    assert camera.length == length
    if length is not None:
        assert len(list(camera.packets())) == length


def test_close_ends_the_packets() -> None:
    camera = opened()
    packets = camera.packets()
    next(packets)
    camera.close()
    camera.close()
    assert list(packets) == []


# ---------------------------------------------------------------- determinism and identity


def test_a_frame_is_the_same_bytes_whenever_it_is_rendered() -> None:
    rest = ":desk?noise=high&motion=subject&flicker=0.05&seed=4"
    one, other = opened(rest), opened(rest)
    late = [bytes(packet) for packet, _ in zip(one.packets(), range(4), strict=False)][3]
    assert bytes(other._encoder.encode(other.noisy(3), 0)) == late
    assert np.array_equal(one.noisy(3).y, other.noisy(3).y)


def test_frames_and_truth_may_be_asked_for_by_two_threads() -> None:
    camera, alone = opened("?motion=subject"), opened("?motion=subject")
    with ThreadPoolExecutor(2) as pool:
        noisy = pool.map(camera.noisy, range(20))
        truth = pool.map(camera.truth, range(20))
        for index, (a, b) in enumerate(zip(noisy, truth, strict=True)):
            assert np.array_equal(a.y, alone.noisy(index).y)
            assert np.array_equal(b.v, alone.truth(index).v)


def test_seeds_choose_the_noise_but_not_the_fixed_pattern() -> None:
    frame = opened("?seed=1").noisy(0).y
    assert not np.array_equal(frame, opened("?seed=2").noisy(0).y)
    assert not np.array_equal(frame, opened("?seed=1").noisy(1).y)
    assert not np.array_equal(frame, opened("?seed=1&sensor=1").noisy(0).y)


def test_the_id_is_the_sensors() -> None:
    ids = {
        opened(rest).info.id
        for rest in (":room?noise=high", ":desk?noise=high&motion=subject", "?noise=high&seed=8")
    }
    assert ids == {"simulated-high-0-320x180"}
    assert open_simulated("?noise=high&frames=1").info.id == "simulated-high-0"
    others = ("", "?noise=low", "?gain=24", "?noise=high&light=0.005", "?noise=high&sensor=3")
    distinct = {opened(rest).info.id for rest in others}
    assert len(distinct | ids) == len(others) + 1


def test_the_spec_opens_it_again() -> None:
    info = opened(":street?noise=low").info
    assert (info.kind, info.spec) == ("simulated", "simulated:street?noise=low")
    assert opened(info.spec.removeprefix("simulated")).info == info


def test_the_fixed_pattern_stays_and_is_the_same_on_every_scene() -> None:
    patterns = []
    for scene in ("desk", "street"):
        camera = opened(f":{scene}?noise=high")
        mean = np.mean([luma(camera.noisy(i)) for i in range(48)], 0)
        difference = mean - luma(camera.truth(0))
        high = difference - np.mean([np.roll(difference, d, a) for a in (0, 1) for d in (-4, 4)], 0)
        patterns.append(high[8:-8, 8:-8].astype(np.float32))
    noise = float(residuals(opened("?noise=high"), 4).std())
    assert correlation(patterns[0], patterns[1]) > 0.1
    assert patterns[0].std() < 0.35 * noise


# ---------------------------------------------------------------- noise


def test_presets_give_one_three_and_six_levels() -> None:
    low, medium, high = (
        float(residuals(opened(f"?noise={name}", (640, 360)), 6).std())
        for name in ("low", "medium", "high")
    )
    assert low == pytest.approx(1.0, abs=0.25)
    assert medium == pytest.approx(3.0, abs=0.6)
    assert high == pytest.approx(6.0, abs=1.0)


@pytest.mark.parametrize("noise", ["low", "medium", "high"])
def test_noise_is_correlated_in_space_and_white_in_time(noise: str) -> None:
    camera = opened(f"?noise={noise}", (640, 360))
    y, u = residuals(camera, 24), residuals(camera, 24, "u")
    assert 0.6 <= correlation(y[:, :, 1:], y[:, :, :-1]) <= 0.86
    assert 0.6 <= correlation(y[:, 1:], y[:, :-1]) <= 0.86
    # deviations from a mean of N are correlated by -1/(N - 1) where the noise is white
    assert correlation(y[1:], y[:-1]) + 1 / 23 == pytest.approx(0, abs=0.02)
    # chroma blotches are larger than luma grain
    assert correlation(u[:, 3:], u[:, :-3]) > correlation(y[:, 3:], y[:, :-3]) + 0.1


def test_the_sensor_has_the_variance_that_it_says() -> None:
    parameters = SensorParameters(gain=60)
    sensor = Sensor(parameters, 512, 512, pattern_seed=None)
    for level in (0.0, 0.1, 0.4, 0.7):
        light = np.full((512, 512), level, np.float32)
        raw = (sensor.expose(light, (1, int(level * 10))).astype(np.float64) - BLACK) / SPAN
        assert raw.mean() == pytest.approx(level, abs=0.001)
        assert raw.var() == pytest.approx(float(parameters.variance(level)), rel=0.03)


def test_noise_on_grey_predicts_the_noise_of_a_scene() -> None:
    camera = opened(":chart?noise=medium", (640, 360))
    noise = camera.grey_noise(jpeg=False)
    assert len(noise.levels) == 16
    assert all(a < b for a, b in zip(noise.levels, noise.levels[1:], strict=False))
    assert max(noise.y) > 1.5 * min(noise.y)  # it depends on the level
    deviations, truth = residuals(camera, 16), luma(camera.truth(0))
    for left, right in ((24, 60), (126, 160), (278, 312)):  # three of the grey steps
        part = np.s_[24:70, left:right]
        predicted = float(noise.curve().variance(float(truth[part].mean())))
        assert deviations[:, part[0], part[1]].var() == pytest.approx(predicted, rel=0.12)


def test_the_mean_of_many_frames_is_the_truth() -> None:
    camera = opened(":desk?noise=medium")
    for plane in ("y", "u", "v"):
        stack = [getattr(camera.noisy(i), plane).astype(np.float32) for i in range(40)]
        difference = np.mean(stack, 0) - getattr(camera.truth(0), plane)
        assert abs(difference.mean()) < 0.5  # the tone curve bends: noise darkens shadows a little
        assert difference.std() < 0.9  # 3/√40 of noise, and the fixed pattern


def test_a_noisy_desk_is_32_db_from_the_truth() -> None:
    camera = opened(":desk?noise=high&motion=subject&frames=1", (960, 540))
    (frame,) = camera.frames()
    error = luma(planes_from_frame(frame)) - luma(camera.truth(0))
    assert 20 * np.log10(255 / np.sqrt((error**2).mean())) == pytest.approx(32.3, abs=0.8)


def test_jpeg_costs_little() -> None:
    camera = opened("?noise=high&frames=1", (640, 360))
    (frame,) = camera.frames()
    loss = luma(planes_from_frame(frame)) - luma(camera.noisy(0))
    assert loss.std() < 2.5
    assert abs(loss.mean()) < 0.1


# ---------------------------------------------------------------- motion and light


def test_nothing_moves_by_default() -> None:
    camera = opened("?noise=low")
    assert not camera.subject_mask(0).any()
    assert np.array_equal(camera.truth(0).y, camera.truth(50).y)


@pytest.mark.parametrize("scene", list(SCENES))
def test_the_subject_moves_and_the_mask_covers_it(scene: str) -> None:
    camera = opened(f":{scene}?motion=subject")
    one, other = camera.truth(0), camera.truth(20)
    mask = camera.subject_mask(0) | camera.subject_mask(20)
    assert camera.subject_mask(0).shape == (180, 320)
    assert not np.array_equal(camera.subject_mask(0), camera.subject_mask(20))
    assert 0.01 < mask.mean() < 0.9
    moved = np.abs(luma(one) - luma(other))
    assert moved[mask].mean() > 2
    assert moved[~mask].max() == 0
    outside = ~(mask[:, 0::2] | mask[:, 1::2])
    assert np.array_equal(one.u[outside], other.u[outside])


def test_a_pan_moves_everything() -> None:
    camera = opened("?motion=pan")
    assert camera.subject_mask(3).all()
    assert np.abs(luma(camera.truth(0)) - luma(camera.truth(15))).mean() > 3


def test_flicker_and_drift_change_the_light() -> None:
    steady = luma(opened().truth(0)).mean()
    drifting = opened("?drift=0.4")
    means = [luma(drifting.truth(i)).mean() for i in (0, 5, 60)]
    assert means[0] > means[1] > means[2] == pytest.approx(steady, abs=0.1)
    rows = luma(opened("?flicker=0.2").truth(0)).mean(1) - luma(opened().truth(0)).mean(1)
    assert np.ptp(rows) > 5


def test_light_and_gain_make_the_exposure() -> None:
    right = luma(opened("?gain=20").truth(0)).mean()
    assert luma(opened("?light=0.05").truth(0)).mean() == pytest.approx(right, abs=0.5)
    assert luma(opened("?gain=20&light=0.02").truth(0)).mean() < 0.8 * right


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("rest", "lists"),
    [
        (":kitchen", "desk, room, street, chart"),
        ("?loudness=3", "noise, gain, light, processing"),
        ("?nois=3", "Did you mean noise, low, medium or high?"),
        ("?noise=loud", "low, medium or high"),
        ("?seed=x", "whole number"),
        ("?seed=-1", "whole number"),
        ("?gain=0", "1 to 1000"),
        ("?gain=nan", "1 to 1000"),
        ("?seconds=0", "length"),
        ("?frames=0", "length in frames"),
        ("?motion=jump", "still, subject or pan"),
        ("?noise=low&gain=3", "Give one of the two."),
        ("?seconds=1&frames=3", "Give one of the two."),
    ],
)
def test_wrong_options_are_refused_with_what_there_is(rest: str, lists: str) -> None:
    with pytest.raises(CameraError) as caught:
        opened(rest)
    assert lists in caught.value.hint


@given(st.text(max_size=30))
@settings(max_examples=60)
def test_any_text_is_a_scene_and_options_or_a_camera_error(text: str) -> None:
    try:
        options = parse_options(f":desk?{text}")
    except CameraError as error:
        told = (error.message, error.hint)
        event("refused")
    else:
        told = (options.scene, options.motion)
    assert all(told)


@pytest.mark.parametrize("size", [(0, 0), (321, 180), (320, 181), (-2, 8), (100_000, 100)])
def test_odd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(CameraError, match="even width and height"):
        opened("", size)


@pytest.mark.parametrize("rate", [0.0, -30.0, float("nan"), float("inf")])
def test_wrong_rates_are_refused(rate: float) -> None:
    with pytest.raises(CameraError, match="rate"):
        open_simulated("", size=SIZE, rate_fps=rate)


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (180, 320)])
def test_other_proportions_are_filled(size: tuple[int, int]) -> None:
    planes = opened("?motion=subject", size).noisy(2)
    assert planes.y.shape == size[::-1]
    assert planes.y.std() > 10
