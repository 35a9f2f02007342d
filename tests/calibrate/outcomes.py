"""A calibration's outcome that took no calibration."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from calibrate.live.finetune_judging import FineTuning
from calibrate.live.training import LiveTrained
from calibrate.live.unroll import Gain
from calibrate.metrics import Interval
from calibrate.outcome import Outcome
from calibrate.quality import Example, Quality
from calibrate.sources import Source
from calibrate.still_errors import PlaceFigures
from calibrate.trainer import Judgement
from capture.clip import Clip, Series
from rtdenoise.cameras.base import CameraInfo, Mode
from rtdenoise.networks.live import SIZES, LiveNetwork
from rtdenoise.noise import NoiseCurve, NoiseModel, PlaneNoise
from rtdenoise.noise.dct import COEFFICIENTS
from rtdenoise.profile import Profile

HEIGHT, WIDTH = 180, 320


def _quality(gain_db: float) -> Quality:
    after = Interval(34 + gain_db, 33.8 + gain_db, 34.2 + gain_db)
    gain = Interval(gain_db, gain_db - 0.2, gain_db + 0.2)
    figures = PlaceFigures(0.5, Interval(34, 33.9, 34.1), after, gain)
    split = dict.fromkeys(("all", "flat", "textured", "edge", "chroma"), figures)
    return Quality(33.5, 33.5 + gain_db, split, split, "a held-out scene")


def _example(rival: bool) -> Example:
    random = np.random.default_rng(5)
    planes = random.normal(size=(3, HEIGHT, WIDTH))
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), 4) for plane in planes])
    clean = np.clip(0.5 + 1.2 * smooth, 0, 1).astype(np.float32)
    noisy = (clean + random.normal(0, 0.03, clean.shape)).astype(np.float32)
    after = (clean + random.normal(0, 0.01, clean.shape)).astype(np.float32)
    mask = np.ones((HEIGHT, WIDTH), np.bool_)
    mask[:40, :60] = False
    other = ("base", (clean * 0.99).astype(np.float32)) if rival else None
    return Example(noisy, after, clean, mask, "fine-tuned", other)


def outcome(
    folder: Path, *, name: str = "A camera", gain_db: float = 5.0, tuned: bool = True
) -> Outcome:
    """An outcome of a fine-tuned network (or, without ``tuned``, of the recursive filter)."""
    camera = CameraInfo("usb-1", name, "webcam", "/dev/video0")
    mode = Mode("mjpeg", "yuvj422p", WIDTH, HEIGHT, Fraction(30))
    series = Series(0, 30, 0.04, 0.001, 0.1, 0.1, 0.0, 0.95, True)
    clip = Clip(folder / "clip.mkv", camera, mode, 30, (series,))
    curve = NoiseCurve((10.0, 120.0, 240.0), (4.0, 16.0, 40.0), (9, 9, 9), (3.0,) * 3, (50.0,) * 3)
    plane = PlaneNoise(curve, (0.5, 0.2), (0.4,), (0.1, 0.0, -0.05), 0.4, 0.3, 66.0)
    noise = NoiseModel(plane, plane, plane, band_std=(0.5,) * COEFFICIENTS)
    tuning, trained = None, None
    if tuned:
        base, better = _quality(gain_db - 1), _quality(gain_db)
        motion = Gain(4.0, 2.0), Gain(4.5, float("nan"))
        tuning = FineTuning(1.0, base, better, Interval(1, 0.8, 1.2), *motion)
        history = tuple(Judgement(k, 60.0 * k, 2 / (1 + k), 0.1, 4 + 0.1 * k) for k in range(5))
        trained = LiveTrained(LiveNetwork(SIZES["nano"]), 4.4, 100, 300.0, history, 0)
    return Outcome(
        Source(clip, Profile(folder / "profile")),
        "nano" if tuned else "recursive",
        folder / "nano.safetensors" if tuned else None,
        noise,
        _quality(gain_db),
        _example(tuned),
        trained,
        False,
        ("A remark about <this>.",),
        tuning,
    )
