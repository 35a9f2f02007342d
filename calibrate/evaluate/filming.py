"""Films a simulated camera as the protocol wants it: several scenes, one sensor, the settings that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from capture.clip import Clip, Series
from capture.series import judge_clip
from capture.writer import Writer
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import Camera
from rtdenoise.console import Ticker
from rtdenoise.errors import CameraError, ClipError

from .material import Recorded
from .protocol import Filmed

_DECIDED = ("variant", "frames", "seconds", "motion", "seed")  # by the protocol


def scene_spec(camera: str, scene: str, variant: int, seed: int, frames: int) -> str:
    """The spec of one scene of a simulated camera, whose other options are kept.

    Every scene has noise of its own (``seed``): with the same one, frame k of all scenes would show the same noise.
    """
    query = camera.partition("?")[2]
    kept = [item for item in query.split("&") if item and item.partition("=")[0] not in _DECIDED]
    own = [f"variant={variant}", f"seed={seed}", f"frames={frames}"]
    return f"simulated:{scene}?{'&'.join([*kept, *own])}"


def film(
    camera: str,
    groups: Sequence[Filmed],
    size: tuple[int, int],
    folder: Path,
    ticker: Ticker,
    first_seed: int = 1,
) -> list[Recorded]:
    """Films each scene into a clip of its own and judges it; clips that are there already are taken.

    Args:
        camera: The simulated camera's spec.
        groups: What to film.
        size: Width and height in pixels.
        folder: Where the clips go.
        ticker: Told of each frame.
        first_seed: The noise of the first scene; the others count on from it.

    Raises:
        CameraError: no simulated camera has these options.
        ClipError: a scene's noise or light is such that it was refused.
        StorageError: the disk is full or can't be written.
    """
    found = []
    seed = first_seed
    for group in groups:
        for number, (scene, variant) in enumerate(group.scenes):
            spec = scene_spec(camera, scene, variant, seed, group.frames)
            name = f"{group.group}-{scene}{variant or ''}"
            clip = _filmed([spec], size, folder / f"{name}.mkv", ticker)
            series = _accepted(clip, group.frames)
            held = number >= len(group.scenes) - group.held
            found.append(Recorded(name, group.group, clip, series, held))
            seed += 1
    return found


def film_together(
    recorded: Sequence[Recorded],
    counts: Sequence[int],
    size: tuple[int, int],
    path: Path,
    ticker: Ticker,
) -> Clip:
    """One clip of the first frames of several scenes, byte for byte as in their own clips: to calibrate with."""
    specs = [
        one.clip.camera.spec.rpartition("&")[0] + f"&frames={count}"
        for one, count in zip(recorded, counts, strict=True)
    ]
    clip = _filmed(specs, size, path, ticker)
    if not clip.accepted:
        raise ClipError(_refused(clip), _HINT)
    return clip


_HINT = "Choose less noise, or a steadier light, for the simulated camera."


def _refused(clip: Clip) -> str:
    reasons = "; ".join(dict.fromkeys(s.reason.rstrip(".") for s in clip.series if s.reason))
    return f"No still series came of {clip.path.name}: {reasons or 'it holds none'}."


def _accepted(clip: Clip, frames: int) -> Series:
    fit = [one for one in clip.accepted if one.count == frames]
    if not fit:
        raise ClipError(_refused(clip), _HINT)
    return fit[0]


def _filmed(specs: Sequence[str], size: tuple[int, int], path: Path, ticker: Ticker) -> Clip:
    """The judged clip of these cameras, one after the other: the one that is there, or a new one."""
    try:
        known = Clip.load(path)
        if known.facts.get("specs") == list(specs) and known.series:
            return known
    except ClipError:
        pass
    with ExitStack() as opened:
        starts, cameras = [], []
        with Writer(path, _open(specs[0], size, opened)) as writer:
            for spec in specs:
                camera = _open(spec, size, opened)
                starts.append(writer.frames)
                for packet in islice(camera.packets(), 10_000):
                    writer.write(packet)
                    ticker.advance()
                cameras.append(camera)
            writer.flush()
            writer.finish()
        facts = {"specs": list(specs), "scene_starts": starts[1:], "simulated": True}
        return judge_clip(path, cameras[0].info, cameras[0].mode, facts=facts)


def _open(spec: str, size: tuple[int, int], held: ExitStack) -> Camera:
    camera = open_camera(spec, size=size)
    held.callback(camera.close)
    if camera.info.kind != "simulated":
        raise CameraError(
            f"{spec} is no simulated camera.", "Film real cameras with rtdenoise capture."
        )
    return camera
