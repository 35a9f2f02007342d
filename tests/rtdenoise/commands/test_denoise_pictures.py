"""`rtdenoise denoise` of single pictures, of folders of them, and what it says where nothing was taken away."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from click.testing import CliRunner, Result

from calibrate.metrics import psnr_db
from rtdenoise.arrays import Bytes
from rtdenoise.cameras.file import FileCamera
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.cli import Settings
from rtdenoise.commands.denoise import command
from rtdenoise.denoisers.streaming import StreamDenoiser
from rtdenoise.errors import ClipError, ProfileError, SinkError
from rtdenoise.frames import planes_from_frame
from rtdenoise.frames.samples import frame_of, samples_of
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.profile import Profile

Run = Callable[..., Result]


@pytest.fixture
def denoise(tmp_path: Path) -> Run:
    settings = Settings(home=tmp_path / "home")

    def run(*args: object) -> Result:
        words = [str(arg) for arg in args]
        return CliRunner().invoke(command, words, obj=settings, catch_exceptions=False)

    return run


def scene(shape: tuple[int, int] = (240, 320), turned: bool = False) -> Bytes:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    found = np.dstack([60 + x / 5, 80 + y / 5, 140 - x / 8])
    return (found[::-1, ::-1] + 60 if turned else found).clip(0, 255).astype(np.uint8)


def noisy(clean: Bytes, std: float = 12, seed: int = 0) -> Bytes:
    noise = np.random.default_rng(seed).normal(0, std, clean.shape)
    return (clean + noise).clip(0, 255).astype(np.uint8)


def read(path: Path) -> Bytes:
    return np.asarray(cv2.imread(str(path)), np.uint8)


@pytest.mark.parametrize(
    ("options", "gain_db"),
    [((), 4.0), (("--network", "recursive"), 2.5)],
    ids=["nano", "recursive"],
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_noisy_picture_is_cleaned(
    denoise: Run, tmp_path: Path, options: tuple[str, ...], gain_db: float, suffix: str
) -> None:
    source, out = tmp_path / f"photo.{suffix}", tmp_path / "out.png"
    cv2.imwrite(str(source), noisy(scene()), [cv2.IMWRITE_JPEG_QUALITY, 95])
    result = denoise(source, out, *options)
    assert result.exit_code == 0
    assert "Next to nothing" not in result.output
    assert psnr_db(read(out), scene()) > psnr_db(read(source), scene()) + gain_db


@pytest.mark.parametrize("network", ["nano", "recursive"])
def test_a_screenshot_stays_as_it_is_and_that_is_said(
    denoise: Run, tmp_path: Path, network: str
) -> None:
    page = np.full((240, 320, 3), 235, np.uint8)
    cv2.putText(
        page, "File Edit", (20, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (200, 40, 20), 2, cv2.LINE_AA
    )
    source, out = tmp_path / "screen.png", tmp_path / "out.png"
    cv2.imwrite(str(source), page)
    result = denoise(source, out, "--network", network)
    assert "Next to nothing was taken away: no noise was found" in result.output
    np.testing.assert_array_equal(read(out), page)


@pytest.mark.parametrize("shape", [(64, 96, 3), (64, 96)])
def test_a_tiff_of_16_bits_that_stays_as_it_is_keeps_them(
    denoise: Run, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    source, out = tmp_path / "photo.tif", tmp_path / "out.png"
    picture = np.random.default_rng(1).integers(0, 65536, shape, np.uint16)
    cv2.imwrite(str(source), picture)
    denoise(source, out, "--network", "none")
    np.testing.assert_array_equal(cv2.imread(str(out), cv2.IMREAD_UNCHANGED), picture)


def test_a_grey_png_becomes_a_clean_grey_one(denoise: Run, tmp_path: Path) -> None:
    source, clean = tmp_path / "grey.png", scene()[..., 2]
    cv2.imwrite(str(source), noisy(clean))
    for name in ("out.png", "out.jpg"):
        assert denoise(source, tmp_path / name).exit_code == 0
        found = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        before = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
        assert before is not None
        assert found is not None
        if name == "out.png":
            assert found.ndim == 2
        grey = found if found.ndim == 2 else found[..., 1]
        assert psnr_db(np.asarray(grey, np.uint8), clean) > (
            psnr_db(np.asarray(before, np.uint8), clean) + 4
        )


def test_a_film_of_grey_pngs_is_grey(denoise: Run, tmp_path: Path) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for index in range(3):
        cv2.imwrite(str(source / f"{index}.png"), np.full((64, 96), 100 + index, np.uint8))
    denoise(source, tmp_path / "out.mkv", "--network", "none")
    with av.open(str(tmp_path / "out.mkv")) as container:
        frame = next(container.decode(video=0))
        assert frame.colorspace != 0  # R'G'B', as which its planes would be shown green
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - 100).max() <= 2


@pytest.mark.parametrize("colours", [1, 3])
def test_grey_with_transparency_and_16_bits_are_kept_by_png(
    denoise: Run, tmp_path: Path, colours: int
) -> None:
    """What was cleaned is as smooth as 16 bits are, and the transparency is that of the source."""
    source, out = tmp_path / "photo.png", tmp_path / "out.png"
    shape = (240, 320)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    clean = np.dstack([20000 + rows * 40 + columns * 17] * colours)
    noise = np.random.default_rng(3).normal(0, 3000, clean.shape)
    alpha = (rows * 200).astype(np.uint16)[..., None]
    picture = np.dstack([(clean + noise).clip(0, 65535).astype(np.uint16), alpha])
    frame = frame_of(picture)
    context = av.CodecContext.create("png", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 240, frame.format.name
    context.time_base = Fraction(1, 25)
    frame.pts = 0
    source.write_bytes(b"".join(bytes(p) for p in (*context.encode(frame), *context.encode(None))))
    result = denoise(source, out)
    assert "Not carried over" not in result.output
    with av.open(str(out)) as container:
        found = next(container.decode(video=0))
        assert found.format.name == frame.format.name
        samples = samples_of(found, deep=True)
    np.testing.assert_array_equal(samples[..., -1], picture[..., -1])
    before, after = (
        (p[..., :-1].astype(float) - clean)[20:-20, 20:-20] for p in (picture, samples)
    )
    assert after.std() < before.std() * 0.6
    assert len(np.unique(samples[..., 0])) > 256
    assert "8 of 16 bits a sample" in denoise(source, tmp_path / "out.jpg").output


def test_what_becomes_of_inks_is_said(denoise: Run, tmp_path: Path) -> None:
    source = tmp_path / "inks.tif"
    inks = np.zeros((64, 96, 4), np.uint8)
    tags = {256: 96, 257: 64, 262: 5, 273: 8, 277: 4, 278: 64, 279: inks.size, 284: 1}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()]
    entries.insert(2, struct.pack("<HHII", 258, 3, 4, 8 + inks.size))
    at = 8 + inks.size + 8
    data = struct.pack("<2sHI", b"II", 42, at) + inks.tobytes() + struct.pack("<4H", 8, 8, 8, 8)
    source.write_bytes(data + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    assert "Not carried over: CMYK" in denoise(source, tmp_path / "out.png").output


def test_nothing_is_said_where_nothing_was_asked_for(denoise: Run, tmp_path: Path) -> None:
    source = tmp_path / "photo.png"
    cv2.imwrite(str(source), noisy(scene()))
    for options in (("--network", "none"), ("--strength", "0")):
        result = denoise(source, tmp_path / "out.png", *options)
        assert "Next to nothing" not in result.output


def test_each_picture_of_a_folder_by_itself_into_another(denoise: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    source.mkdir()
    for name, shape in (("a.png", (240, 320)), ("b.jpg", (200, 160)), ("b.bmp", (200, 160))):
        cv2.imwrite(str(source / name), noisy(scene(shape)), [cv2.IMWRITE_JPEG_QUALITY, 97])
    (source / "c.png").write_bytes(b"no picture")
    (source / "d.jxl").write_bytes(b"\xff\x0a no picture")  # of a kind that not every FFmpeg reads
    result = denoise(source, f"{out}/")
    for name in ("c.png", "d.jxl"):
        assert f"Left out: {source / name}" in result.output
    assert "3 pictures, each by itself, 2 left out" in result.output
    assert sorted(p.name for p in out.iterdir()) == ["a.png", "b.jpg", "b.png"]
    assert psnr_db(read(out / "a.png"), scene()) > psnr_db(read(source / "a.png"), scene()) + 4
    with pytest.raises(SinkError, match="is the folder that the pictures are in"):
        denoise(source, source)


def test_a_protected_picture_of_a_folder_is_left_out(
    denoise: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    for folder in (source, out):
        folder.mkdir()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(source / name), noisy(scene((64, 96))))
    (out / "a.png").write_bytes(b"before")
    monkeypatch.setattr(os, "access", lambda at, *_, **__: str(at) != str(out / "a.png"))
    result = denoise(source, out)
    assert f"Left out: There is no permission to write {out / 'a.png'}." in result.output
    assert "1 picture, each by itself, 1 left out" in result.output
    assert (out / "a.png").read_bytes() == b"before"


def test_what_of_a_folder_cannot_be_written_is_left_out_by_its_name(
    denoise: Run, tmp_path: Path
) -> None:
    source, out = tmp_path / "photos", tmp_path / "clean"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), noisy(scene((64, 96))))
    with av.open(str(source / "moves.png"), "w", format="apng") as container:
        stream = container.add_stream("apng", rate=5)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "rgb24"
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(noisy(scene((64, 96)), seed=index), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (source / "wide.bmp").write_bytes(b"no picture")
    result = denoise(source, f"{out}/")
    assert result.exit_code == 0
    for name in ("moves.png", "wide.bmp"):
        assert f"Left out: {source / name}" in result.output
    assert "1 picture, each by itself, 2 left out" in result.output
    assert [p.name for p in out.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("level", "shape", "words"),
    [
        (0, (96, 128, 3), "no noise was found"),
        (255, (96, 128, 3), "no noise was found"),
        (90, (1, 1, 3), "too small"),
        (90, (3, 5, 3), "too small"),
    ],
)
def test_why_nothing_was_taken_from_a_plain_or_tiny_picture(
    denoise: Run, tmp_path: Path, level: int, shape: tuple[int, ...], words: str
) -> None:
    source = tmp_path / "photo.png"
    cv2.imwrite(str(source), np.full(shape, level, np.uint8))
    said = denoise(source, tmp_path / "out.png").output
    assert words in said
    assert "1 frame in" in said
    assert "texture" not in said


def test_a_folder_of_other_sizes_as_a_film_is_refused_with_the_cure(
    denoise: Run, tmp_path: Path
) -> None:
    source = tmp_path / "photos"
    source.mkdir()
    for name, shape in (("a.png", (240, 320)), ("b.png", (200, 160))):
        cv2.imwrite(str(source / name), scene(shape))
    with pytest.raises(ClipError, match="FOLDER OUT/"):
        denoise(source, tmp_path / "out.mkv")


@pytest.mark.parametrize("network", ["nano", "recursive"])
def test_no_picture_of_a_film_is_smeared_into_the_next_scene(
    denoise: Run, tmp_path: Path, network: str
) -> None:
    source, out = tmp_path / "photos", tmp_path / "out.nut"
    source.mkdir()
    for index in range(4):
        cv2.imwrite(str(source / f"{index}.png"), noisy(scene(turned=index % 2 == 1), 6, index))
    denoise(source, out, "--network", network)
    camera = FileCamera(out)
    for index, frame in enumerate(camera.frames()):
        clean = cv2.cvtColor(scene(turned=index % 2 == 1), cv2.COLOR_BGR2YCrCb)[..., 0]
        error = planes_from_frame(frame).y.astype(np.float32) - clean
        assert abs(float(cv2.blur(error, (31, 31)).mean())) < 1.5
        assert float(np.abs(cv2.blur(error, (31, 31))).max()) < 6
    camera.close()


def frozen_film(path: Path, frames: int = 12) -> None:
    """Every frame has the same noise, and another corner mark, so that frames are not repeats."""
    path.mkdir()
    picture = noisy(scene())
    for index in range(frames):
        one = picture.copy()
        one[: 40 + index, : 40 + index] = 20 * index
        cv2.imwrite(str(path / f"{index:02}.png"), one)


def test_noise_that_compression_froze_is_said(denoise: Run, tmp_path: Path) -> None:
    frozen_film(tmp_path / "frozen")
    result = denoise(tmp_path / "frozen", tmp_path / "out.nut", "--network", "nano")
    assert "frozen" in result.output.split("taken away:")[1]


def test_the_first_frame_of_a_film_is_cleaned_as_well(denoise: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.nut"
    spec = "simulated:desk?noise=high&frames=10"
    denoise(spec, out, "--network", "recursive")
    camera = open_simulated(spec.removeprefix("simulated"))
    before = planes_from_frame(next(iter(camera.frames())))
    after = planes_from_frame(next(iter(FileCamera(out).frames())))
    truth = camera.truth(0)
    assert psnr_db(after.y, truth.y) > psnr_db(before.y, truth.y) + 1.5


# ------------------------------------------------------------------ recordings of a calibrated camera


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Of a camera of 320 × 240, whose noise is that of the films below."""
    from rtdenoise.cameras.base import CameraInfo

    info = CameraInfo("usb-1234", "Desk Cam", "webcam", "/dev/video7")
    profile = Profile.of(info, tmp_path / "home")
    profile.remember(info)
    luma = PlaneNoise(NoiseCurve((128.0,), (64.0,)))
    NoiseModel(luma, luma, luma, info.id, "FFV1 320×240 @ 25", 40, "gray").save(profile.noise_path)
    return profile


def film(path: Path, std: float, size: tuple[int, int] = (320, 240), codec: str = "ffv1") -> Path:
    random = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "gray"
        clean = np.tile(np.linspace(60, 180, size[0]), (size[1], 1))
        for _ in range(20):
            y = (clean + random.normal(0, std, clean.shape)).round().clip(0, 255).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(y, format="gray")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    ("std", "size", "codec", "words"),
    [
        (8, (320, 240), "ffv1", "Going by the profile of Desk Cam"),
        (8, (320, 240), "rawvideo", "its noise is still the camera's"),
        (3, (320, 240), "rawvideo", "coded anew, its noise is another one"),
        (8, (160, 120), "ffv1", "in another size noise is another one"),
    ],
)
def test_what_of_a_profile_fits_a_recording_is_said(
    denoise: Run,
    profile: Profile,
    tmp_path: Path,
    std: float,
    size: tuple[int, int],
    codec: str,
    words: str,
) -> None:
    assert profile.noise_path.exists()
    clip = film(tmp_path / "call.nut", std, size, codec)
    result = denoise(clip, tmp_path / "out.nut", "--camera", "desk")
    assert result.exit_code == 0
    assert words in result.output


def test_a_camera_that_is_not_known_is_refused_with_those_that_are(
    denoise: Run, profile: Profile, tmp_path: Path
) -> None:
    clip = film(tmp_path / "call.nut", 8)
    with pytest.raises(ProfileError, match="Desk Cam") as caught:
        denoise(clip, tmp_path / "out.nut", "--camera", "C920")
    assert "no profile of a camera called C920" in caught.value.message
    for part in ("desk", "usb-12"):  # of its name, of its id
        assert denoise(clip, tmp_path / "out.nut", "--camera", part).exit_code == 0
    with pytest.raises(ProfileError, match="name is empty"):
        denoise(clip, tmp_path / "out.nut", "--camera", "")
    other = replace(profile.camera(), id="usb-9", name="Desk Cam 2")
    Profile.of(other, tmp_path / "home").remember(other)
    with pytest.raises(ProfileError, match="Several cameras"):
        denoise(clip, tmp_path / "out.nut", "--camera", "desk c")
    profile.noise_path.unlink()
    with pytest.raises(ProfileError, match="was not calibrated"):
        denoise(clip, tmp_path / "out.nut", "--camera", "usb-1234")


def test_the_noise_of_a_profile_is_used_from_the_first_frame(
    profile: Profile, tmp_path: Path
) -> None:
    from rtdenoise.denoisers.maker import DenoiserMaker

    clip = film(tmp_path / "call.nut", 8)
    said: list[str] = []

    def say(text: str, *values: object) -> None:
        said.append(text.format(*values))

    maker = DenoiserMaker("recursive", "usb-1234", tmp_path / "home", "cpu", 1, False, False, say)
    camera = FileCamera(clip)
    denoiser = maker.for_recording(camera)
    camera.close()
    assert isinstance(denoiser, StreamDenoiser)
    assert denoiser.noise == NoiseModel.load(profile.noise_path)
    assert len(said) == 1
