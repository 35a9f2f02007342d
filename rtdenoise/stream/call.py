"""How a call is put together: a camera, what cleans it, and where it goes. For the command line and for the app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from ..cameras import open_camera
from ..cameras.base import Camera, CameraInfo, Mode, remarks_of
from ..cameras.fitted import FittedCamera
from ..cameras.kept_controls import SteadySettings
from ..denoisers import Passthrough
from ..machine import machine_path
from ..profile import Profile
from ..sinks import check_outputs, open_sinks
from ..sinks.base import refuse_overwriting
from .adaptive import AdaptiveDenoiser, Rung
from .brighten import brighten_for
from .choosing import choose_for_call, load_ahead
from .demand import DemandPolicy
from .live import LiveLoop, Tap
from .mains import MainsWatch
from .rungs import PICTURE, CallSetting
from .timing import LiveReport
from .watchdog import slow_mode

if TYPE_CHECKING:
    from ..frames import PlaneFormat
    from ..sinks.base import Sink

Note = Callable[[str], None]
Say = Callable[..., None]


@dataclass(frozen=True)
class CallOptions:
    """What a person wants of a call; see the options of ``rtdenoise live``, which have the same names."""

    camera: str | None = None
    outputs: tuple[str, ...] = ("virtual",)
    network: str | None = None
    any_camera: bool = False
    strength: float = 1.0
    size: tuple[int, int] | None = None
    fps: float | None = None
    on_demand: bool = False
    output_size: tuple[int, int] | None = None
    mirror: bool = False
    brighten: float | str = 0.0
    device: str = "auto"
    threads: int | None = None


class Call:
    """A call that is ready to run.

    Args:
        options: What is wanted of it.
        home: The folder for profiles; None: the user's data directory.
        say: Told in a sentence what was chosen, and why; its text is markup as for :func:`rtdenoise.console.say`.
        note: Told in a sentence what happens to it.
        tap: Given frames as they were and as they were published; see :class:`LiveLoop`.
        looked_at: Whether somebody looks at what the tap is given.

    Raises:
        CameraError, ClipError: the camera can't be opened.
        NetworkError: there is no such network, or it doesn't fit the camera.
        SinkError, StorageError: an output can't be opened.
    """

    def __init__(
        self,
        options: CallOptions,
        home: Path | None,
        *,
        say: Say,
        note: Note,
        tap: Tap | None = None,
        looked_at: Callable[[], bool] | None = None,
    ) -> None:
        # The stages run side by side; threads inside each would only take the cores from one another.
        cv2.setNumThreads(1)
        self._options, self._home, self._say, self._note = options, home, say, note
        self._steady: SteadySettings | None = None
        self._looked_at = looked_at
        # What is wrong with an output is told before a camera lights up and a network is chosen, which takes seconds.
        check_outputs(options.outputs)
        if options.network not in ("none", "recursive"):
            load_ahead(options.device)
        self._camera = self._opened(options.camera)
        try:
            for output in options.outputs:
                refuse_overwriting(self.info, output)
            if self.webcam and options.fps is None and (slow := _slow(self.mode)):
                note(slow)
            self.denoiser = self._denoiser()
        except BaseException:
            self._camera.close()
            raise
        self.loop = self._loop(tap)
        self.denoiser.dropped = lambda: self.loop.lost

    @property
    def info(self) -> CameraInfo:
        """Which camera it is."""
        return self._camera.info

    @property
    def mode(self) -> Mode:
        """The camera's mode."""
        return self._camera.mode

    @property
    def webcam(self) -> bool:
        """Whether the camera is one, and not a file or the simulated camera."""
        return self.info.kind == "webcam"

    def run(
        self, seconds: float | None = None, on_frame: Callable[[], None] | None = None
    ) -> LiveReport:
        """Runs it, as :meth:`LiveLoop.run` says; at the end what is to be known of the camera is noted."""
        report = self.loop.run(seconds, on_frame)
        for remark in remarks_of(self._camera):
            self._note(remark)
        return report

    def _opened(self, spec: str | None) -> Camera:
        """The camera, set as it is to be, and fitted; also when it is opened again."""
        options = self._options
        opened = open_camera(spec, size=options.size, rate_fps=options.fps)
        if self._steady is None:
            known = Profile.of(opened.info, self._home)
            self._steady = SteadySettings(known.controls_path, known.locked_path)
        try:
            self._steady.opened(opened.info)
        except BaseException:
            opened.close()
            raise
        plain = options.output_size is None and not options.mirror
        if plain:
            return opened
        return FittedCamera(opened, options.output_size, mirror=options.mirror)

    @property
    def _watched(self) -> bool:
        """Whether somebody may look. They are shown the camera's picture at once; a film has clean frames only."""
        outputs = self._options.outputs
        shown = any(output.partition(":")[0] in ("virtual", "pipewire") for output in outputs)
        return shown or self._looked_at is not None

    def _denoiser(self) -> AdaptiveDenoiser:
        options, mode = self._options, self.mode
        profile = Profile.of(self.info, self._home)
        choose = partial(
            choose_for_call,
            options.network,
            CallSetting(
                profile, self.info, mode, options.device, options.threads, options.any_camera
            ),
            machine=machine_path(self._home),
            say=self._say,
            measure=not self._watched,
        )
        rungs, first = ([Rung(PICTURE, Passthrough)], None) if self._watched else choose()
        if not self._watched:
            del rungs[1:]  # a film rather misses frames than that some of them are noisy
        denoiser = AdaptiveDenoiser(
            rungs, 1 / float(mode.rate_fps), first=first, note=self._note, threads=options.threads
        )
        if self._watched:
            denoiser.prepare(choose)
        return denoiser

    def _loop(self, tap: Tap | None) -> LiveLoop:
        options, info = self._options, self.info
        by_id = self.webcam and not info.spec.startswith(
            "pipewire:"
        )  # a path may be another camera's by then
        again = partial(self._opened, info.id if by_id else info.spec)
        return LiveLoop(
            self._camera,
            self.denoiser,
            self._open_outputs,
            chroma=None if any(output.endswith(".nut") for output in options.outputs) else "420",
            strength=options.strength,
            paced=not self.webcam,
            reopen=again if self.webcam or options.on_demand else None,
            note=self._note,
            on_demand=DemandPolicy() if options.on_demand else None,
            finish=brighten_for(
                options.brighten, lambda: self.denoiser.current, lambda: self.loop.strength
            ),
            look=self._look(),
            tap=tap,
            looked_at=self._looked_at or (lambda: False),
        )

    def _look(self) -> Callable[[object], None] | MainsWatch:
        info, steady = self.info, self._steady
        assert steady is not None
        if info.kind == "file" or info.fed_by_program:
            return lambda _: None
        return MainsWatch(lambda hz: self._note(steady.follow_mains(info, hz)))

    def _open_outputs(self, layout: PlaneFormat, rate_fps: Fraction) -> Sink:
        facts = getattr(self._camera, "facts", None)
        sink = open_sinks(
            self._options.outputs, format=layout, rate_fps=rate_fps, note=self._note, facts=facts
        )
        # Before, nothing was sure yet.
        self._say("[bold]{}[/]  {} → {}", self.info.name, self.mode, sink.name)
        return sink


def _slow(mode: Mode) -> str | None:
    return slow_mode(mode.codec, mode.width, mode.height, float(mode.rate_fps))
