"""Networks and profiles as they should be: what is damaged of them afterwards."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from .originals import SIZE, clip_with_sidecar

CAMERA = {"id": "usb-1234-5678", "name": "Webcam", "kind": "webcam", "spec": "/dev/video99"}


def make_homes(folder: Path) -> None:
    """Networks, and two homes: one with a profile of version 0.1, one with a profile of today."""
    from rtdenoise.networks.card import Card, save_network
    from rtdenoise.networks.live import SIZES, LiveNetwork
    from rtdenoise.networks.paper import PaperNetwork
    from rtdenoise.networks.shipped import base_network_path

    networks = folder / "networks"
    networks.mkdir()
    shutil.copy(base_network_path("nano"), networks / "nano.safetensors")
    mode = {
        "codec": "mjpeg",
        "pixel_format": "yuvj422p",
        "width": SIZE[0],
        "height": SIZE[1],
        "rate_fps": "30",
    }
    own = Card("nano", CAMERA["id"], CAMERA["name"], mode, {"frames": 12}, {"gain_db": 1.0})
    # The same weights for every run: not those of this process's generator.
    import torch

    torch.manual_seed(0)
    save_network(networks / "own.safetensors", LiveNetwork(SIZES["nano"]), own)
    save_network(networks / "paper.safetensors", PaperNetwork(), Card("paper"))

    clip = clip_with_sidecar(folder / "clip", CAMERA)
    home = folder / "home" / "profiles" / CAMERA["id"]
    shutil.copytree(folder / "clip", home / "clips")
    (home / "camera.json").write_text(json.dumps(CAMERA))
    (home / "controls.json").write_text(
        json.dumps({"controls": {"gain": 10, "exposure_time_absolute": 300}})
    )
    (home / "locked.json").write_text(json.dumps({"undo": [[10094849, 3], [9963795, 64]]}))
    (home / "networks").mkdir()
    shutil.copy(networks / "own.safetensors", home / "networks" / "nano.safetensors")
    _write_noise_model(home / "noise.json", clip)
    timing = {
        "method": "nano",
        "device": "cpu",
        "hardware": "",
        "width": SIZE[0],
        "height": SIZE[1],
    }
    from rtdenoise.machine import facts

    machine = {
        "version": 1,
        "machine": facts(),
        "timings": [{**timing, "frame_ms": 1.0, "whole": False}],
        "bench": {},
    }
    (folder / "home" / "machine.json").write_text(json.dumps(machine))
    old = Path(__file__).parents[1] / "fixtures" / "v0.1" / "profiles"
    shutil.copytree(old, folder / "old")


def _write_noise_model(path: Path, clip: Path) -> None:
    """The clip's noise, as if it had been filmed at two gains."""
    from calibrate.noise.measure import measure
    from capture.clip import Clip

    found = Clip.load(clip)
    model = measure(
        [(list(found.read()), found.static_mask(found.series[0]))], CAMERA["id"], str(found.mode)
    )
    replace(model, gain=10, others=(replace(model, gain=40),)).save(path)
