"""Runs a comparison: gathers the material, lets each method clean it, judges all of it. An interrupted run goes on."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rtdenoise.console import Ticker
from rtdenoise.denoisers import noise_model_for
from rtdenoise.errors import CameraError
from rtdenoise.files import write_json
from rtdenoise.networks.device import pick_device
from rtdenoise.noise import NoiseModel

from ..paper.dataset import StillSeries
from ..progress import Progress
from . import filters, streams
from .assembling import Judged, across_cameras, judge_all, tables, uneven_remarks
from .kept import Kept
from .learned import LEARNED
from .methods import CAMERA, Known, check, default_methods, described
from .page import write_page
from .preparing import Prepared, film_simulated, own_footage, simulated_camera
from .protocol import OWN, Protocol
from .trained import CALIBRATED, PER_FRAME, SINGLE, Group, calibrate_live, learn, missing

VERSION = 1

_UNTRAINED_S = 20.0  # what a filter takes in the bar that shows the time left
_JUDGED_S = 3.0  # a series


@dataclass(frozen=True)
class Request:
    """What a person asks for.

    ``methods`` None: all that suit; ``minutes`` and ``frames`` None: the protocol's; ``other`` the spec of another
    simulated camera for the networks, None: one with less noise; ``size`` that of the simulated camera's pictures.
    """

    camera: str | None = None
    protocol: Protocol = OWN
    methods: tuple[str, ...] | None = None
    minutes: float | None = None
    frames: int | None = None
    other: str | None = None
    size: tuple[int, int] | None = None
    device: str = "auto"
    home: Path | None = None
    words: tuple[str, ...] = ("rtdenoise", "evaluate")


@dataclass(frozen=True)
class Evaluation:
    """What was found, as it is written into ``evaluation.json``, and where that lies."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def crops(self) -> Path:
        """The folder of the pictures."""
        return self.folder / "crops"

    @property
    def page(self) -> Path:
        """The report, for a browser."""
        return self.folder / "evaluation.html"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return self.facts


def evaluate(
    request: Request, progress: Progress, say: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Compares methods on a camera's series.

    Raises:
        NetworkError: a method is unknown, or has to be trained and the protocol trains none.
        CameraError, ClipError, ProfileError: there is nothing to compare on.
        StorageError: the profile can't be written.
    """
    spec = simulated_camera(request.camera, request.home) if request.protocol.learning else None
    protocol = request.protocol
    if request.frames is not None:
        protocol = replace(protocol, judged=request.frames)
    size = request.size or protocol.size
    if spec is not None:
        with progress("Filming", sum(len(g.scenes) * g.frames for g in protocol.filmed)) as ticker:
            prepared = film_simulated(spec, protocol, protocol.filmed, size, request.home, ticker)
    else:
        prepared = own_footage(request.camera, protocol, request.frames, request.home)
    run = _Run(request, protocol, prepared, progress, say)
    return run.evaluation(spec, size)


@dataclass(frozen=True)
class _Training:
    """A method that learns from one camera's series, and the places that it is then applied to."""

    name: str
    prepared: Prepared
    groups: list[Group]

    @property
    def names(self) -> list[str]:
        """The method's, and without the mean over eight views, where it has one."""
        method = LEARNED.get(self.name)
        return [self.name, self.name + SINGLE] if method and method.views else [self.name]

    @property
    def waits(self) -> bool:
        """Whether anything is left to do."""
        return any(missing(name, self.groups) for name in self.names)


class _Run:
    """One comparison; what it keeps on disk lets another run go on."""

    def __init__(
        self,
        request: Request,
        protocol: Protocol,
        prepared: Prepared,
        progress: Progress,
        say: Callable[[str], None],
    ) -> None:
        self._request, self._protocol, self._prepared = request, protocol, prepared
        self._progress, self._say = progress, say
        self._device = pick_device(request.device)
        self._minutes = request.minutes or protocol.minutes
        own = [path.stem for path in prepared.profile.networks()]
        names = request.methods or tuple(
            default_methods(protocol.learning, prepared.simulated, own)
        )
        check(list(names), own, protocol.learning)
        if not prepared.simulated and any(name.endswith(CALIBRATED) for name in names):
            raise CameraError(
                "Only a simulated camera's networks are calibrated here.",
                "Run rtdenoise calibrate, and name the network as it does, such as nano.",
            )
        self._names = names
        self._known: list[Known] = []
        self._series: tuple[Prepared, list[StillSeries]] | None = None
        self._quick = Kept(prepared.folder / "methods", prepared.mark)
        mark = f"{prepared.mark} {self._minutes:g} {self._device.type}"
        self._slow = Kept(prepared.folder / "methods", mark)

    @property
    def _learned(self) -> list[str]:
        return list(
            dict.fromkeys(
                n.removesuffix(SINGLE) for n in self._names if n.removesuffix(SINGLE) in LEARNED
            )
        )

    @property
    def _fine_tuned(self) -> list[str]:
        return [name for name in self._names if name.endswith(CALIBRATED)]

    def evaluation(self, spec: str | None, size: tuple[int, int]) -> Evaluation:
        """All of it."""
        prepared = self._prepared
        there = self._other(spec, size)
        untrained = [
            n
            for n in self._names
            if n not in self._fine_tuned and n.removesuffix(SINGLE) not in LEARNED
        ]
        trainings, crossed = self._trainings(there)
        places = prepared.material.places
        waiting = [n for n in untrained if any(self._quick.load(n, p.name) is None for p in places)]
        learning_s = 60 * self._minutes * sum(one.waits for one in trainings)
        total_s = _UNTRAINED_S * len(waiting) + learning_s + _JUDGED_S * len(places)
        facts: dict[str, dict[str, Any]] = {}
        with self._progress("Comparing", total_s, "s") as ticker:
            noise = prepared.noise() if self._protocol.learning else None
            for name in untrained:
                facts[name] = self._clean_untrained(name, noise)
                if name in waiting:
                    ticker.advance(_UNTRAINED_S, name)
            for training in trainings:
                self._train(training, ticker)
            judged = self._judge(untrained, ticker)
            facts |= {name: self._slow.facts(name) for name in judged.results if name not in facts}
            found = tables(judged, self._known, facts)
            cross = None if there is None else self._cross(there, crossed, ticker)
        whole = {
            "version": VERSION,
            "camera": prepared.camera.name,
            "camera_id": prepared.camera.id,
            "protocol": self._protocol.name,
            "command": shlex.join(self._request.words),
            "remarks": [*prepared.remarks, *uneven_remarks(found["methods"])],
            **found,
            "cross_camera": cross,
        }
        write_json(prepared.folder / "evaluation.json", whole)
        found_at = Evaluation(prepared.folder, whole)
        write_page(whole, found_at.crops, found_at.page)
        return found_at

    def _clean_untrained(self, name: str, noise: NoiseModel | None) -> dict[str, Any]:
        """Lets a filter or a stream's method clean what it hasn't yet; gives its facts."""
        material, kept = self._prepared.material, self._quick
        facts = kept.facts(name)
        if name in filters.NAMES:
            self._known.append(described(name))
            words = facts.get("setting")
            setting = next((s for s in filters.settings(name) if s.words == words), None)
            if setting is None:
                setting = filters.best_setting(name, material.tuning)
                kept.note(name, {"setting": setting.words})
            for place in material.places:
                if kept.load(name, place.name) is None:
                    kept.save(name, place.name, filters.clean(setting, place))
            return {"setting": setting.words}
        clip = material.places[0].recorded.clip
        own = self._prepared
        method = streams.stream(
            name,
            noise=noise or noise_model_for(own.profile, clip.mode, clip.camera),
            device=self._request.device,
            profile=own.profile,
            camera=clip.camera,
            mode=clip.mode,
        )
        self._known.append(described(name, method.title))
        for place in material.places:
            if kept.load(name, place.name) is None:
                kept.save(name, place.name, streams.clean(method, place))
        return {}

    # ------------------------------------------------------------------ learning

    def _other(self, spec: str | None, size: tuple[int, int]) -> Prepared | None:
        """The camera that networks are tried on besides, where there is one and something learns."""
        wanted = self._request.other
        crossing = [n for n in self._learned if n not in PER_FRAME]
        if not self._protocol.learning or not crossing or (spec is None and wanted is None):
            return None
        other = wanted if wanted is not None else other_sensor(spec or "")
        other_spec = simulated_camera(other, self._request.home)
        folder = self._prepared.folder / "other"
        groups = self._protocol.other
        if other_spec is None:
            own = own_footage(other, self._protocol, self._request.frames, self._request.home)
            return replace(own, folder=folder)
        with self._progress(
            "Filming the other camera", sum(len(g.scenes) * g.frames for g in groups)
        ) as ticker:
            return film_simulated(
                other_spec, self._protocol, groups, size, self._request.home, ticker, inside=folder
            )

    def _trainings(self, there: Prepared | None) -> tuple[list[_Training], dict[str, Kept]]:
        """What is to be trained on which camera, and where what is kept of the other camera lies."""
        prepared = self._prepared
        own = Group(prepared.material.places, self._slow)
        crossed: dict[str, Kept] = {}
        other: list[Group] = []
        if there is not None:
            mark = f"{prepared.mark} {there.mark} {self._minutes:g} {self._device.type}"
            crossed = {name: Kept(there.folder / name, mark) for name in ("crossed", "own")}
            other = [Group(there.material.places, crossed["crossed"])]
        found = [_Training(name, prepared, [own]) for name in self._fine_tuned]
        for name in self._learned:
            found.append(_Training(name, prepared, [own, *([] if name in PER_FRAME else other)]))
        for one in found:
            self._known += [described(name) for name in one.names]
        if there is not None:
            name = "paper" if "paper" in self._learned else self._crossing[0]
            found.append(_Training(name, there, [Group(there.material.places, crossed["own"])]))
        return found, crossed

    def _train(self, training: _Training, ticker: Ticker) -> None:
        """Trains a method and applies it to all series that it is for."""
        if not training.waits:
            return
        prepared, name = training.prepared, training.name
        if name.endswith(CALIBRATED):
            calibrate_live(
                name.removesuffix(CALIBRATED),
                prepared.training_clip(Ticker()),
                prepared.noise(),
                training.groups,
                minutes=self._minutes,
                folder=prepared.folder / "calibrated",
                device=self._device,
                ticker=ticker,
                say=self._say,
            )
            return
        if self._series is None or self._series[0] is not prepared:
            self._series = None  # one camera's frames in memory at a time
            self._series = prepared, prepared.material.training()
        learn(
            LEARNED[name],
            self._series[1],
            prepared.material.split,
            training.groups,
            minutes=self._minutes,
            folder=prepared.folder / "training" / name,
            device=self._device,
            ticker=ticker,
            say=self._say,
        )

    @property
    def _crossing(self) -> list[str]:
        return [name for name in self._learned if name not in PER_FRAME]

    def _judge(self, untrained: Sequence[str], ticker: Ticker) -> Judged:
        kept = {
            one.name: self._quick if one.name in untrained else self._slow for one in self._known
        }
        self._known.insert(0, described(CAMERA))

        class Counted(Ticker):
            def advance(self, amount: float = 1, note: str = "") -> None:
                ticker.advance(amount * _JUDGED_S, note)

        material = self._prepared.material
        return judge_all(material.places, kept, self._prepared.folder / "crops", Counted())

    def _cross(self, there: Prepared, crossed: dict[str, Kept], ticker: Ticker) -> dict[str, Any]:
        places = there.material.places
        names = [one.name for one in self._known if one.name.removesuffix(SINGLE) in self._crossing]
        with_own = [n for n in names if crossed["own"].load(n, places[0].name) is not None]
        judged = judge_all(places, dict.fromkeys(names, crossed["crossed"]), None, Ticker())
        own = judge_all(places, dict.fromkeys(with_own, crossed["own"]), None, Ticker())
        ticker.advance(0, "another camera")
        return across_cameras(
            judged, own, self._prepared.camera.name, there.camera.name, self._known
        )


def other_sensor(spec: str) -> str:
    """Another simulated camera than that of ``spec``: another sensor, and less noise, or more where there is little."""
    scene, _, query = spec.partition("?")
    items = dict(item.partition("=")[::2] for item in query.split("&") if item)
    noise = items.pop("noise", "medium" if "gain" not in items else "")
    items.pop("gain", None)
    items.pop("light", None)
    items["noise"] = "high" if noise == "low" else "medium" if noise == "high" else "high"
    items["sensor"] = str(int(items.get("sensor", "0")) + 1)
    return f"{scene}?{'&'.join(f'{name}={value}' for name, value in items.items())}"
