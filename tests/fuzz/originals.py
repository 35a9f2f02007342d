"""Sound files of many formats, small enough to be read in milliseconds: what is damaged afterwards."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

FRAMES = 6
SIZE = (64, 48)
_ODD = (35, 17)


@dataclass(frozen=True)
class Film:
    """How an original is made."""

    name: str
    codec: str
    pixel_format: str
    size: tuple[int, int] = SIZE
    audio: str = ""


FILMS = (
    Film("h264.mkv", "libx264", "yuv420p", audio="aac"),
    Film("h264.mp4", "libx264", "yuv420p", audio="aac"),
    Film("h264.mov", "libx264", "yuv420p", audio="pcm_s16le"),
    Film("h264.ts", "libx264", "yuv420p", audio="aac"),
    Film("h264.flv", "libx264", "yuv420p", audio="aac"),
    Film("bare.h264", "libx264", "yuv420p"),
    Film("ten.mkv", "libx264", "yuv420p10le"),
    Film("odd.mkv", "libx264", "yuv444p", _ODD),
    Film("hevc.mp4", "libx265", "yuv420p"),
    Film("hevc.mkv", "libx265", "yuv420p10le"),
    Film("mjpeg.avi", "mjpeg", "yuvj422p", audio="pcm_s16le"),
    Film("mjpeg.mkv", "mjpeg", "yuvj420p"),
    Film("mjpeg.mp4", "mjpeg", "yuvj444p", _ODD),
    Film("bare.mjpeg", "mjpeg", "yuvj422p"),
    Film("ffv1.mkv", "ffv1", "yuv422p"),
    Film("ffv1.avi", "ffv1", "yuv420p10le"),
    Film("raw.nut", "rawvideo", "yuyv422"),
    Film("raw.avi", "rawvideo", "bgr24", _ODD),
    Film("raw.mkv", "rawvideo", "yuv420p", _ODD),
    Film("raw.mov", "rawvideo", "uyvy422"),
    Film("vp8.webm", "libvpx", "yuv420p"),
    Film("vp9.webm", "libvpx-vp9", "yuv420p"),
    Film("vp9.ivf", "libvpx-vp9", "yuv444p"),
    Film("av1.mp4", "libsvtav1", "yuv420p"),
    Film("mpeg4.avi", "mpeg4", "yuv420p"),
    Film("mpeg4.3gp", "mpeg4", "yuv420p"),
    Film("mpeg2.mpg", "mpeg2video", "yuv420p", audio="mp2"),
    Film("mpeg2.mxf", "mpeg2video", "yuv422p"),
    Film("wmv.asf", "wmv2", "yuv420p"),
    Film("h263.avi", "h263p", "yuv420p"),
    Film("prores.mov", "prores_ks", "yuv422p10le"),
    Film("huff.avi", "huffyuv", "yuv422p"),
    Film("ut.avi", "utvideo", "yuv444p"),
    Film("magic.avi", "magicyuv", "gray"),
    Film("png.mov", "png", "rgb24"),
    Film("qtrle.mov", "qtrle", "rgb24"),
    Film("cinepak.avi", "cinepak", "rgb24"),
    Film("msvideo.avi", "msvideo1", "rgb555le"),
    Film("zmbv.avi", "zmbv", "bgr0"),
    Film("moving.gif", "gif", "rgb8"),
    Film("moving.apng", "apng", "rgba"),
    Film("film.y4m", "wrapped_avframe", "yuv420p"),
    Film("svq1.mov", "svq1", "yuv410p"),
    Film("jp2.mxf", "jpeg2000", "yuv422p"),
)
"""Films of a few frames; some with audio."""

_TEXTS = {
    "concat.txt": "ffconcat version 1.0\nfile h264.mkv\nfile /etc/hostname\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nh264.ts\n#EXTINF:1,\n"
    "http://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "call.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "titles.srt": "1\n00:00:00,000 --> 00:00:01,000\nHello\n\n",
    "notes.txt": "Buy milk.\n" * 50,
}

PICTURES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rgb.png", "RGB", {}),
    ("grey.png", "L", {}),
    ("palette.png", "P", {}),
    ("alpha.png", "RGBA", {}),
    ("sixteen.png", "I;16", {}),
    ("bits.png", "1", {}),
    ("photo.jpg", "RGB", {"quality": 90, "subsampling": 2}),
    ("wide.jpg", "RGB", {"quality": 70, "subsampling": 1}),
    ("progressive.jpg", "RGB", {"progressive": True}),
    ("grey.jpg", "L", {}),
    ("cmyk.jpg", "CMYK", {}),
    ("restart.jpg", "RGB", {"restart_marker_blocks": 2}),
    ("plain.bmp", "RGB", {}),
    ("palette.bmp", "P", {}),
    ("plain.tif", "RGB", {}),
    ("lzw.tif", "RGB", {"compression": "tiff_lzw"}),
    ("deflate.tif", "L", {"compression": "tiff_adobe_deflate"}),
    ("packed.tif", "P", {"compression": "packbits"}),
    ("sixteen.tiff", "I;16", {}),
    ("lossy.webp", "RGB", {}),
    ("lossless.webp", "RGBA", {"lossless": True}),
    ("plain.ppm", "RGB", {}),
    ("plain.pgm", "L", {}),
    ("still.gif", "P", {}),
    ("still.avif", "RGB", {}),
    ("still.jp2", "RGB", {}),
    ("plain.tga", "RGB", {}),
    ("plain.pcx", "RGB", {}),
    ("plain.sgi", "RGB", {}),
    ("icon.ico", "RGBA", {}),
    ("texture.dds", "RGBA", {}),
)
"""Pictures as Pillow writes them: the name, its mode, its options."""


def picture(index: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A frame with noise, a gradient and something that moves, R'G'B' (H, W, 3)."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    base = 60 + 100 * columns // width + 60 * rows // height
    base[8:16, 4 + 3 * index : 14 + 3 * index] = 220
    noisy = base[..., None] + np.random.default_rng(index).normal(0, 6, (height, width, 3))
    return np.asarray(noisy.clip(0, 255), np.uint8)


def make_originals(folder: Path) -> None:
    """Writes all of them into ``folder``; those that this FFmpeg or Pillow can't write are left out."""
    os.environ["SVT_LOG"] = "1"  # an encoder that tells its settings otherwise
    (folder / "films").mkdir(parents=True)
    (folder / "pictures").mkdir()
    for film in FILMS:
        with suppress(av.FFmpegError, ValueError):
            make_film(folder / "films" / film.name, film)
    for name, text in _TEXTS.items():
        (folder / "films" / name).write_text(text)
    _add_extras(folder / "films")
    for name, mode, options in PICTURES:
        with suppress(OSError, KeyError, ValueError):
            make_picture(folder / "pictures" / name, mode, options)
    for path in [*(folder / "films").iterdir(), *(folder / "pictures").iterdir()]:
        if not path.stat().st_size:
            path.unlink()


def make_film(path: Path, film: Film, frames: int = FRAMES) -> None:
    """Encodes a film."""
    # Without it containers hold random numbers, and the same damage would be another one next time.
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(film.codec, rate=25, options=_options(film.codec))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = film.size
        stream.pix_fmt = film.pixel_format
        stream.codec_context.thread_count = 1
        sound: Any = (
            container.add_stream(film.audio, rate=8000 if film.audio != "mp2" else 32000)
            if film.audio
            else None
        )
        for index in range(frames):
            frame = VideoFrame.from_ndarray(picture(index, film.size), format="rgb24")
            frame = frame.reformat(format=film.pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
            if sound is not None:
                _add_sound(container, sound, index)
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))


def _options(codec: str) -> dict[str, str]:
    options = {
        "libx264": {"preset": "ultrafast", "g": "3", "bf": "1", "x264-params": "threads=1"},
        "libx265": {
            "preset": "ultrafast",
            "x265-params": "log-level=none:pools=none:frame-threads=1:keyint=3",
        },
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    }
    return options.get(codec, {})


def _add_sound(container: Any, stream: Any, index: int) -> None:
    rate = stream.codec_context.sample_rate
    count = rate // 25
    form, layout = stream.codec_context.format.name, stream.codec_context.layout.name
    channels = stream.codec_context.layout.nb_channels
    shape = (channels, count) if form.endswith("p") else (1, channels * count)
    floating = form.startswith("flt")
    noise = np.random.default_rng(index).normal(0, 0.1 if floating else 1000, shape)
    samples: Any = noise.astype(np.float32 if floating else np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format=form, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, index * count, Fraction(1, rate)
    container.mux(stream.encode(frame))


def _add_extras(films: Path) -> None:
    """A film with sound alone, one with nothing, a picture with a film's name."""
    with av.open(str(films / "sound.mkv"), "w", container_options={"fflags": "+bitexact"}) as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        for index in range(3):
            _add_sound(out, stream, index)
    Image.fromarray(picture(0)).save(films / "really.jpg.mkv", "JPEG")


def make_picture(path: Path, mode: str, options: dict[str, Any], index: int = 0) -> None:
    """Writes a picture."""
    image = Image.fromarray(picture(index))
    if mode == "I;16":
        image = Image.fromarray(picture(index)[..., 0].astype(np.uint16) * 257)
    elif mode == "RGBA":
        image.putalpha(200)
    elif mode != "RGB":
        image = image.convert(mode)
    if path.suffix in (".jpg", ".png", ".webp", ".tif"):
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by 90°
        options = {**options, "exif": exif}
    image.save(path, **options)


def clip_with_sidecar(
    folder: Path, camera: dict[str, str], name: str = "20260101-120000", frames: int = 12
) -> Path:
    """A still clip as ``capture`` leaves it, with its sidecar and the mask of its one series."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mkv"
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mjpeg", rate=30)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj422p"
        still = picture(0).astype(np.int16)
        for index in range(frames):
            noise = np.random.default_rng(100 + index).normal(0, 4, still.shape)
            frame = VideoFrame.from_ndarray(
                (still + noise).clip(0, 255).astype(np.uint8), format="rgb24"
            )
            frame = frame.reformat(format="yuvj422p")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.with_suffix(".json").write_text(json.dumps(sidecar(camera, frames)))
    Image.fromarray(np.full((SIZE[1], SIZE[0]), 255, np.uint8)).save(folder / f"{name}.series0.png")
    return path


def sidecar(camera: dict[str, str], frames: int) -> dict[str, Any]:
    """What ``capture`` writes beside a clip of one good series."""
    measures = {
        "mu": 0.025,
        "sigma": 0.0003,
        "shift_px": 0.02,
        "drift_levels": 0.09,
        "lag1": 0.0004,
    }
    series = {
        "first": 0,
        "count": frames,
        **measures,
        "static_fraction": 1.0,
        "accepted": True,
        "reason": "",
    }
    return {
        "version": 1,
        "camera": camera,
        "mode": {
            "codec": "mjpeg",
            "pixel_format": "yuvj422p",
            "width": SIZE[0],
            "height": SIZE[1],
            "rate_fps": "30",
        },
        "frames": frames,
        "series": [series],
        "started": "2026-01-01T12:00:00+00:00",
        "controls": {"exposure_time_absolute": 100},
        "measured_fps": 30.0,
        "stopped": "end",
        "scene_starts": [0],
        "damaged_packets": 0,
        "noise_levels": 2.9,
        "flicker_levels": 0.5,
    }
