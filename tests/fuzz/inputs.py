"""The five sorts of damaged input, each with the command that gets it. A number always gives the same input."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import av

from .homes import CAMERA, make_homes
from .mutation import claiming, damaged, number, with_checksums
from .odd_json import damaged_json
from .originals import make_originals, make_picture

_OUTPUTS = ("out.nut", "out.nut", "out.nut", "out.mkv", "out.mp4", "out.avi", "out.mov")
_ONE_THREAD = ("--threads", "1")


@dataclass
class Case:
    """One input: what the command is called with, and what has to be true afterwards.

    ``sealed`` are the files that the command may not change, ``output`` what it is to write (None: nothing).
    """

    folder: Path
    words: list[str] = field(default_factory=list)
    sealed: list[Path] = field(default_factory=list)
    output: Path | None = None

    def clean(self, source: Path, random: Random, outputs: tuple[str, ...] = _OUTPUTS) -> None:
        """Lets ``denoise`` clean ``source``."""
        self.output = self.folder / random.choice(outputs)
        network = random.choices(("none", "recursive", "nano"), (80, 16, 4))[0]
        self.words += ["denoise", str(source), str(self.output), "--network", network, *_ONE_THREAD]


def prepare(folder: Path) -> None:
    """Makes what all inputs are made from, in a new folder."""
    make_originals(folder)
    make_homes(folder)


def make_case(sort: str, index: int, originals: Path, folder: Path) -> Case:
    """Makes input ``index`` of a sort in an empty folder."""
    random = Random(f"{sort} {index}")
    case = Case(folder, ["--home", str(folder / "home")])
    SORTS[sort](case, random, originals)
    return case


def _any(folder: Path, random: Random) -> Path:
    return random.choice(sorted(folder.iterdir()))


# --- containers ---


def _container(case: Case, random: Random, originals: Path) -> None:
    original = _any(originals / "films", random)
    data = damaged(original.read_bytes(), random)
    if random.random() < 0.05:  # two in one
        data += damaged(_any(originals / "films", random).read_bytes(), random)
    # A name that says something else is a matter of every day.
    suffix = (
        original.suffix if random.random() < 0.9 else random.choice((".mkv", ".mp4", ".png", ""))
    )
    source = case.folder / f"in{suffix}"
    source.write_bytes(data)
    case.sealed = [source]
    _play(case, source, random)


def _play(case: Case, source: Path, random: Random) -> None:
    how = random.random()
    if how < 0.03:
        extra = ("--output", "null", "--network", "none", "--seconds", "0.2")
        case.words += ["live", "--camera", f"file:{source}", *extra, *_ONE_THREAD]
    elif how < 0.06:
        case.words += ["capture", "--camera", f"file:{source}", "--seconds", "1"]
    elif how < 0.08:
        case.words += ["calibrate", "--clip", str(source), "--network", "recursive"]
    elif how < 0.11:
        case.clean(source, random)
        case.words += ["--seconds", random.choice(("0.05", "1e-9", "1e7"))]
    else:
        case.clean(source, random)


# --- packets ---


def _packets(case: Case, random: Random, originals: Path) -> None:
    films = [
        p
        for p in sorted((originals / "films").iterdir())
        if p.stem.split(".")[0] not in _NO_PACKETS
    ]
    original = random.choice(films)
    source = (
        case.folder
        / f"in{random.choice(('.mkv', '.mkv', '.nut', '.avi', '.mp4', '.mov', original.suffix))}"
    )
    try:
        _remuxed(original, source, random)
    except (av.FFmpegError, ValueError, OverflowError):  # a container that can't hold it
        source.unlink(missing_ok=True)
        source = case.folder / f"in{original.suffix}"
        source.write_bytes(damaged(original.read_bytes(), random, []))
    case.sealed = [source]
    _play(case, source, random)


_NO_PACKETS = ("concat", "list", "call", "titles", "notes", "sound", "really")


def _remuxed(original: Path, target: Path, random: Random) -> None:
    """The same packets in another container, some of them damaged, lost, doubled, or at other times."""
    times = random.choice(("kept", "kept", "kept", "jump", "back", "still", "huge", "before"))
    rate = random.choice((0.2, 0.5, 1.0))
    exact = {"fflags": "+bitexact"}
    with (
        av.open(str(original)) as source,
        av.open(str(target), "w", container_options=exact) as out,
    ):
        streams = {
            s.index: out.add_stream_from_template(s)
            for s in source.streams
            if s.type in ("video", "audio")
        }
        found = [p for p in source.demux() if p.size and p.stream.index in streams]
        order = list(range(len(found)))
        if random.random() < 0.3 and len(order) > 1:
            at = random.randrange(len(order) - 1)
            order[at], order[at + 1] = order[at + 1], order[at]
        if random.random() < 0.3:
            del order[random.randrange(len(order))]
        if random.random() < 0.2 and order:
            order.insert(random.randrange(len(order)), random.choice(order))
        clock: dict[int, int] = {}
        for place, which in enumerate(order):
            old = found[which]
            data = bytes(old)
            if old.stream.type == "video" and random.random() < rate:
                data = (claiming if random.random() < 0.1 else damaged)(data, random) or b"\0"
            new = av.Packet(data)
            new.stream, new.time_base, new.is_keyframe = (
                streams[old.stream.index],
                old.time_base,
                old.is_keyframe,
            )
            new.pts, new.dts = old.pts, old.dts
            _change_times(new, times, place, len(order))
            if new.dts is not None:  # what no container takes
                new.dts = max(new.dts, clock.get(old.stream.index, -(2**62)) + 1)
                new.pts = max(new.dts, new.pts or 0)
                clock[old.stream.index] = new.dts
            out.mux(new)
    private = _private_data(original)
    if private and random.random() < 0.25:
        target.write_bytes(target.read_bytes().replace(private, _same_length(private, random)))


def _private_data(original: Path) -> bytes:
    with av.open(str(original)) as source:
        context = source.streams.video[0].codec_context
        return bytes(context.extradata or b"") if context is not None else b""


def _same_length(data: bytes, random: Random) -> bytes:
    return damaged(data, random, [])[: len(data)].ljust(len(data), b"\0")


def _change_times(packet: Any, times: str, place: int, count: int) -> None:
    if times == "kept" or packet.pts is None or packet.dts is None:
        return
    second = int(1 / (packet.time_base or Fraction(1, 25))) or 1
    change = {
        "jump": 3600 * second * (place > count // 2),
        "back": -2 * second * (place > count // 2),
        "still": -packet.dts,
        "huge": 2**40 if place else 0,
        "before": -100 * second,
    }[times]
    packet.pts, packet.dts = packet.pts + change, packet.dts + change


# --- pictures ---


def _picture(case: Case, random: Random, originals: Path) -> None:
    original = _any(originals / "pictures", random)
    if random.random() < 0.1:
        _folder(case, random, originals)
        return
    source = case.folder / f"in{original.suffix}"
    source.write_bytes(_damaged_picture(original.read_bytes(), random))
    case.sealed = [source]
    case.clean(source, random, ("out.png", "out.png", "out.jpg", "out.mkv", "out.nut"))


def _damaged_picture(data: bytes, random: Random) -> bytes:
    if random.random() < 0.15:
        return claiming(data, random)
    data = damaged(data, random)
    return with_checksums(data) if data[:4] == b"\x89PNG" and random.random() < 0.7 else data


def _folder(case: Case, random: Random, originals: Path) -> None:
    """A folder of pictures of which some are damaged, or of another kind."""
    folder = case.folder / "pictures"
    folder.mkdir()
    suffix = random.choice((".png", ".jpg", ".bmp", ".tif", ".webp"))
    for index in range(3):
        path = folder / f"frame{index}{suffix}"
        make_picture(path, random.choice(("RGB", "RGB", "L")), {}, index)
        if random.random() < 0.4:
            path.write_bytes(_damaged_picture(path.read_bytes(), random))
    if random.random() < 0.3:
        other = _any(originals / "pictures", random)
        (folder / f"frame9{other.suffix}").write_bytes(_damaged_picture(other.read_bytes(), random))
    if random.random() < 0.2:
        (folder / f"._frame0{suffix}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(60))
    case.sealed = sorted(folder.iterdir())
    if random.random() < 0.2:
        case.words += ["capture", "--camera", f"file:{folder}", "--seconds", "1"]
    else:
        case.clean(folder, random)


# --- networks ---


def _network(case: Case, random: Random, originals: Path) -> None:
    original = originals / "networks" / random.choice(("nano", "nano", "own", "own", "paper"))
    data = _damaged_network(original.with_suffix(".safetensors").read_bytes(), random)
    clip = originals / "clip" / "20260101-120000.mkv"
    if random.random() < 0.3:  # as the camera's own
        home = case.folder / "home" / "profiles" / CAMERA["id"]
        shutil.copytree(originals / "home" / "profiles" / CAMERA["id"], home)
        network = (
            home / "networks" / f"{random.choice(('nano', 'small', 'paper', 'mine'))}.safetensors"
        )
        network.write_bytes(data)
        name: list[str] = random.choice(([], ["--network", network.stem]))
    else:
        network = case.folder / "in.safetensors"
        network.write_bytes(data)
        name = ["--network", str(network)]
    case.sealed = [network, clip]
    any_camera = ["--any-camera"] if random.random() < 0.5 else []
    if random.random() < 0.1:
        live = ["live", "--camera", f"file:{clip}", "--output", "null", "--seconds", "0.1"]
        case.words += [*live, *name, *any_camera, *_ONE_THREAD]
        return
    case.output = case.folder / "out.nut"
    words = ["denoise", str(clip), str(case.output), *name, *any_camera, *_ONE_THREAD]
    case.words += [*words, "--no-tta", "--seconds", "0.1"]


def _damaged_network(data: bytes, random: Random) -> bytes:
    """Damage in the header's JSON, in the card within it, in its length, or in the weights."""
    length = int.from_bytes(data[:8], "little")
    header, weights = json.loads(data[8 : 8 + length]), data[8 + length :]
    how = random.random()
    if how < 0.2:
        return damaged(data, random, [])
    if how < 0.3:
        return number(random).to_bytes(8, "little") + data[8:]
    if how < 0.6:
        card = damaged_json(json.loads(header["__metadata__"]["rtdenoise"]), random)
        header["__metadata__"]["rtdenoise"] = card.decode("utf-8", "replace")
    elif how < 0.8:
        text = damaged_json(header, random)
        return len(text).to_bytes(8, "little") + text + weights
    else:
        weights = _damaged_weights(weights, random)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + weights


def _damaged_weights(weights: bytes, random: Random) -> bytes:
    """Weights that are no numbers, infinite, huge, tiny, or others."""
    result = bytearray(weights)
    values = (float("nan"), float("inf"), 1e38, -1e38, 1e10, -1e4, 1e-42, 0.0)
    some = struct.pack("<f", random.choice(values))
    if random.random() < 0.2:
        return some * (len(weights) // 4)
    for _ in range(random.choice((1, 10, 1000))):
        at = 4 * random.randrange(len(weights) // 4)
        result[at : at + 4] = some
    return bytes(result)


# --- profiles ---


def _profile(case: Case, random: Random, originals: Path) -> None:
    home = case.folder / "home"
    shutil.copytree(originals / "home", home)
    if random.random() < 0.2:
        shutil.copytree(originals / "old", home / "profiles", dirs_exist_ok=True)
    profile = home / "profiles" / CAMERA["id"]
    name = random.choice(_PROFILE_FILES)
    path = home / "machine.json" if name == "machine.json" else profile / name
    if path.suffix == ".png":
        path.write_bytes(_damaged_picture(path.read_bytes(), random))
    elif path.suffix == ".mkv":
        path.write_bytes(damaged(path.read_bytes(), random))
    else:
        path.write_bytes(damaged_json(json.loads(path.read_bytes()), random))
    clip = profile / "clips" / "20260101-120000.mkv"
    case.sealed = [clip, profile / "camera.json", profile / "noise.json"]
    choices = _COMMANDS_OF.get(name, ("clean",)) if random.random() < 0.8 else tuple(_COMMANDS)
    _COMMANDS[random.choice(choices)](case, random, clip)


_PROFILE_FILES = (
    "camera.json",
    "noise.json",
    "noise.json",
    "noise.json",
    "controls.json",
    "locked.json",
    "machine.json",
    "clips/20260101-120000.json",
    "clips/20260101-120000.json",
    "clips/20260101-120000.json",
    "clips/20260101-120000.mkv",
    "clips/20260101-120000.series0.png",
)


def _clean_foreign(case: Case, random: Random, clip: Path) -> None:
    """The same packets without the sidecar, as a recording of another program, with the camera named."""
    foreign = case.folder / "foreign.mkv"
    foreign.write_bytes(clip.read_bytes())
    _clean_clip(case, random, foreign)
    case.words += ["--camera", random.choice((CAMERA["id"], CAMERA["name"], "none"))]


def _clean_clip(case: Case, random: Random, clip: Path) -> None:
    case.output = case.folder / "out.nut"
    network: list[str] = random.choice(([], ["--network", "recursive"], ["--network", "nano"]))
    extra = ["--seconds", "0.1", *_ONE_THREAD]
    case.words += ["denoise", str(clip), str(case.output), *network, *extra]


def _live_clip(case: Case, random: Random, clip: Path) -> None:
    network: list[str] = random.choice(([], ["--network", "recursive"]))
    extra = ["--output", "null", "--seconds", "0.1", *random.choice(([], ["--brighten", "auto"]))]
    case.words += ["live", "--camera", f"file:{clip}", *network, *extra, *_ONE_THREAD]


def _judge_clip(case: Case, random: Random, clip: Path) -> None:
    case.words += [
        "capture",
        "--camera",
        f"file:{clip}",
        "--seconds",
        "1",
        *random.choice(([], ["--json"])),
    ]
    case.sealed = [path for path in case.sealed if path.name != "camera.json"]


def _calibrate(case: Case, random: Random, clip: Path) -> None:
    camera = random.choice(
        ([], ["--camera", CAMERA["name"]], ["--clip", str(clip)], ["--camera", f"file:{clip}"])
    )
    case.words += ["calibrate", *camera, "--network", "recursive"]
    case.sealed = [clip]  # its noise model is written anew


def _evaluate(case: Case, random: Random, clip: Path) -> None:
    camera = random.choice(([], ["--camera", CAMERA["id"]]))
    case.words += ["evaluate", *camera, "--methods", "recursive", "--frames", "1"]


_COMMANDS: dict[str, Callable[[Case, Random, Path], None]] = {
    "clean": _clean_clip,
    "clean_foreign": _clean_foreign,
    "live": _live_clip,
    "judge": _judge_clip,
    "calibrate": _calibrate,
    "evaluate": _evaluate,
}
_COMMANDS_OF = {
    "camera.json": ("calibrate", "evaluate", "clean_foreign"),
    "noise.json": ("clean", "clean", "clean_foreign", "live"),
    "controls.json": ("live", "judge"),
    "locked.json": ("live", "judge"),
    "machine.json": ("live",),
    "clips/20260101-120000.json": ("clean", "clean", "calibrate", "evaluate", "judge", "live"),
    "clips/20260101-120000.mkv": ("clean", "judge", "calibrate"),
    "clips/20260101-120000.series0.png": ("calibrate", "evaluate"),
}

SORTS: dict[str, Callable[[Case, Random, Path], None]] = {
    "containers": _container,
    "packets": _packets,
    "pictures": _picture,
    "networks": _network,
    "profiles": _profile,
}
"""What damages each sort."""
