"""Is fine-tuning what it says? Its own judgement beside the truth, which only simulated cameras have.

    python -m benchmarks.live.fine_tuning --minutes 1.5 --page docs/live-networks.md

Each camera films one still scene for two seconds, `rtdenoise calibrate` fine-tunes to it and judges, and then the base
network and the one that was kept clean two other clips in which somebody moves: one of the same scene, one of another.
The cameras' sensors and seeds are used by no other benchmark.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibrate.demo.measure import compare
from rtdenoise.cameras.simulated import open_simulated
from rtdenoise.cli import run
from rtdenoise.denoisers.live_network import LiveNetworkDenoiser
from rtdenoise.networks.card import load_network
from rtdenoise.networks.live import LiveNetwork
from rtdenoise.networks.shipped import base_network_path
from rtdenoise.noise import NoiseModel
from rtdenoise.profile import profiles

from ..common import fill, frames_of, table

CAMERAS = (
    ("desk", "high", 31),
    ("street", "high", 34),
    ("room", "medium", 32),
    ("street", "low", 33),
)
"""(scene, noise, sensor)"""
_OTHER = {"desk": "room", "room": "street", "street": "desk"}
_SIZE, _SECONDS, _FRAMES = (960, 544), 2, 45
_STILL_SEED, _MOVING_SEED = 41, 51


@dataclass(frozen=True)
class Row:
    """What calibrate said of one camera, and what is true: dB over the base network, in the frame and the subject."""

    camera: str
    kept: str
    real_db: float
    motion_db: float
    motion_moving_db: float
    same_db: float
    same_subject_db: float
    other_db: float
    other_subject_db: float


def calibrate(home: Path, spec: str, minutes: float) -> dict[str, Any]:
    """Films, fine-tunes, and returns what calibrate says as JSON."""
    size = "x".join(map(str, _SIZE))
    words = (
        ["capture", "--camera", spec, "--size", size, "--seconds", str(_SECONDS), "--json"],
        ["calibrate", "--network", "nano", "--minutes", str(minutes), "--device", "cpu", "--json"],
    )
    said = ""
    for part in words:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            if run(["--home", str(home), *part]) != 0:
                raise SystemExit(f"rtdenoise {' '.join(part)} failed.")
        said = out.getvalue()
    facts: dict[str, Any] = json.loads(said)
    return facts


def against_truth(
    network: Path, noise: NoiseModel, scene: str, level: str, sensor: int
) -> tuple[float, float]:
    """Luma PSNR in dB of the second part of a clip with a moving subject: in the whole frame, and in the subject."""
    options = f"noise={level}&motion=subject&frames={_FRAMES}&seed={_MOVING_SEED}&sensor={sensor}"
    camera = open_simulated(f":{scene}?{options}", size=_SIZE)
    loaded, _ = load_network(network)
    assert isinstance(loaded, LiveNetwork)
    denoiser = LiveNetworkDenoiser(loaded, noise, "cpu")
    found = compare(frames_of(camera), denoiser, camera.truth, camera.subject_mask).settled()
    return found["clean_db"], found["subject_clean_db"]


def measure(scene: str, level: str, sensor: int, minutes: float) -> Row:
    """Everything about one camera."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        spec = f"simulated:{scene}?noise={level}&seed={_STILL_SEED}&sensor={sensor}"
        tuning = calibrate(home, spec, minutes)["fine_tuning"]
        (profile,) = profiles(home)
        noise = NoiseModel.load(profile.noise_path)
        gains: list[float] = []
        for filmed in (scene, _OTHER[scene]):
            base, ours = (
                against_truth(path, noise, filmed, level, sensor)
                for path in (base_network_path("nano"), profile.network_path("nano"))
            )
            gains += [b - a for a, b in zip(base, ours, strict=True)]
    before, after = tuning["motion_gain_of_base"], tuning["motion_gain_of_tuned"]
    kept = "base" if tuning["kept"] == "base" else f"fine-tuned, {tuning['share']:.0%}"
    moved = math.nan
    if before["moving_db"] is not None and after["moving_db"] is not None:
        moved = after["moving_db"] - before["moving_db"]
    return Row(
        f"{scene}, {level} noise",
        kept,
        tuning["upsnr_over_base_db"]["value"],
        after["whole_db"] - before["whole_db"],
        moved,
        *gains,
    )


def lines(rows: Sequence[Row]) -> str:
    """The table."""
    head = [
        "camera",
        "kept",
        "calibrate: real frames",
        "synthetic motion",
        "where it moves",
        "truth, same scene",
        "subject",
        "truth, another scene",
        "subject",
    ]
    return table(
        head,
        ([r.camera, r.kept, *(f"{v:+.2f}" for v in list(asdict(r).values())[2:])] for r in rows),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=1.5, help="of fine-tuning, per camera")
    parser.add_argument("--page", type=Path, help="write the table into this page")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    rows = []
    for camera in CAMERAS:
        rows.append(measure(*camera, options.minutes))
        print(rows[-1], flush=True)
    print(lines(rows))
    if options.page is not None:
        fill(options.page, {"fine-tuning": lines(rows)})
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


if __name__ == "__main__":
    main()
