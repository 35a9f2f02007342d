"""The figures and crops of a comparison that was never made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

KINDS = ("flat", "textured", "edge", "chroma")
METHODS = (
    ("camera", "Camera", "camera", 0.0),
    ("paper", "Paper's network", "learned", 5.2),
    ("noise2noise", "Noise2Noise", "learned", 5.1),
    ("nano", "nano, calibrated", "live", 4.0),
    ("opencv-nlmeans", "Non-local means", "filter", 2.5),
    ("noise2void", "Noise2Void", "learned", -0.4),
)


def interval(value: float, half: float = 0.2) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def figures(gain_db: float, *, truth: bool = True) -> dict[str, Any]:
    return {
        "upsnr_db": interval(33 + gain_db),
        "gain_db": interval(gain_db),
        "psnr_to_mean_db": 32.5 + gain_db,
        "psnr_bias_db": 0.1 * gain_db,
        "true_psnr_db": 33.05 + gain_db if truth else None,
        "ssim": 0.85 + 0.01 * gain_db if truth else None,
        "split": {kind: {"gain_db": interval(gain_db - k)} for k, kind in enumerate(KINDS)},
    }


def method(name: str, title: str, kind: str, gain_db: float) -> dict[str, Any]:
    learned = kind == "learned"
    return {
        "name": name,
        "title": title,
        "setting": "h = 5" if kind == "filter" else "",
        "source": "Lehtinen et al., ICML 2018" if learned else "",
        "kind": kind,
        "minutes_trained": 4.0 if learned else None,
        "parameters": 511_390 if learned else None,
        "ms_per_frame": None if kind == "camera" else 1000 / (1 + gain_db**2),
        "causal": kind == "live",
        "places": {"seen": figures(gain_db + 0.3), "unseen": figures(gain_db)},
        "series": {"room": figures(gain_db), "desk <b>": figures(gain_db - 1)},
        "flicker_db": 2 * gain_db,
        "whiteness": {"removed": 0.6 - 0.05 * gain_db, "noise": 0.45},
        "structure": -0.1 if learned else None,
    }


def evaluation(camera: str = "A camera") -> dict[str, Any]:
    return {
        "version": 1,
        "camera": camera,
        "protocol": "quick",
        "command": "rtdenoise evaluate --camera 'simulated:desk?noise=high' --quick",
        "remarks": ["It has 2 scenes, and the paper's protocol 7."],
        "series": [
            {
                "name": name,
                "group": "scenes",
                "frames": 14,
                "seen": name == "room",
                "size": [320, 180],
                "mean_level": 101.2,
                "noise_levels": [4.9, 2.1, 2.0],
            }
            for name in ("room", "desk <b>")
        ],
        "methods": [method(*one) for one in METHODS],
        "order": ["paper", "noise2noise", "nano", "opencv-nlmeans", "camera", "noise2void"],
        "ties": [["paper", "noise2noise"]],
        "comparisons": [
            comparison("paper", "nano", 1.2),
            comparison("paper", "noise2noise", 0.1),
            comparison("noise2void", "camera", -0.4),
        ],
        "cross_camera": {
            "camera": camera,
            "other": "Another camera",
            "methods": [
                {
                    "name": "paper",
                    "own_gain_db": interval(5.0),
                    "cross_gain_db": interval(3.1),
                    "difference_db": interval(-1.9),
                }
            ],
        },
        "crops": [],
    }


def comparison(a: str, b: str, difference_db: float) -> dict[str, Any]:
    return {"a": a, "b": b, "place": "unseen", "difference_db": interval(difference_db)}


def crop(folder: Path, number: int, side: int = 48) -> dict[str, Any]:
    """The crops of a series, as PNGs in ``folder``."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(number)

    def written(name: str) -> str:
        path = folder / f"{number}-{name}.png"
        cv2.imwrite(str(path), random.integers(0, 256, (side, side, 3), np.uint8))
        return f"crops/{path.name}"

    return {
        "series": "room",
        "title": f"room {number} <i>",
        "window": [0, 0, side, side],
        "removed_gain": 6.44,
        "methods": {name: written(name) for name, *_ in METHODS},
        "removed": {name: written(f"{name}-removed") for name, *_ in METHODS[1:]},
        **{part: written(part) for part in ("uncertainty", "low", "high", "truth")},
    }
