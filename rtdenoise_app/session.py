"""What is going on: a camera is chosen, filmed, calibrated, used; one thing at a time.

Pages ask from the server's thread; all is done in the session's own, one wish after the other. What takes time runs in
threads of its own and reports back. What a page is told is put together from values that are replaced, never changed.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtdenoise.camera_settings import CameraSettings, load_settings, save_settings
from rtdenoise.cameras.kept_controls import keep_mains, kept_mains
from rtdenoise.errors import CameraError, RtdenoiseError, StorageError
from rtdenoise.profile import Profile
from rtdenoise.stream.call import CallOptions
from rtdenoise.version import __version__

from .calibrating import CalibrateRun
from .filming import FilmRun
from .live import LiveRun
from .messages import Message
from .offers import Offered, Output, offered_cameras, offered_outputs, usable_outputs
from .preview import Preview
from .problems import Problem, device_problems, problem, problem_of
from .report import Report
from .standing import Standing, remember_camera, remembered_camera

_TICK_S = 0.5
_SAVE_AFTER_S = 0.5
_CLOSE_S = 60.0

Run = LiveRun | FilmRun | CalibrateRun


@dataclass(frozen=True)
class _Chosen:
    """The camera that was chosen, how it is wanted, and what is known about it."""

    camera: Offered
    settings: CameraSettings
    standing: Standing
    mains_hz: int | None = None


class Session:
    """The state behind the page.

    Args:
        home: The folder for profiles; None: the user's data directory.
        camera: A camera of the command line, which is offered besides those that are found, and chosen.
        token: What the addresses of the report's parts bring.

    Raises:
        CameraError: there is no such camera.
    """

    def __init__(self, home: Path | None, camera: str | None = None, token: str = "") -> None:
        self._home, self._named, self._token = home, camera, token
        self.preview = Preview()
        """Pictures of the running call."""
        self.tell: Callable[[dict[str, Any]], None] = lambda _: None
        """Given what every page is to be told at once."""
        self.changed: Callable[[], None] = lambda: None
        """Called when :meth:`snapshot` has changed."""
        self.ended: Callable[[], None] = lambda: None
        """Called when a page wants the app to end."""
        self._wishes: queue.Queue[Message | None] = queue.Queue()
        self._cameras: tuple[Offered, ...] = ()
        self._outputs: tuple[Output, ...] = ()
        self._device_problems: tuple[Problem, ...] = ()
        self._run_problems: tuple[Problem, ...] = ()
        self._chosen: _Chosen | None = None
        self._run: Run | None = None
        self._film: dict[str, Any] | None = None  # of the last recording
        self._report: Report | None = None
        self._unsaved_since: float | None = None
        self._look_for_cameras()
        first = self._at_start()
        if first is not None:
            self._take(first)
        self._thread = threading.Thread(target=self._work, name="session", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._run is not None

    def do(self, message: Message) -> None:
        """Does what a page asks for; returns at once."""
        if message["do"] == "quit":
            self.ended()
            return
        if message["do"] == "strength" and isinstance(self._run, LiveRun):
            self._run.set_strength(message["value"])  # at once, whatever else is being done
        self._wishes.put(message)

    def close(self) -> None:
        """Ends what runs, and keeps what there is to keep."""
        run = self._run
        if isinstance(run, FilmRun):
            run.hurry()
        self._wishes.put(None)
        self._thread.join(timeout=_CLOSE_S)
        self.preview.close()

    def report_file(self, name: str) -> tuple[str, bytes] | None:
        """A part of the last calibration's report: its media type, and what it holds; None: there is none."""
        return None if self._report is None else self._report.file(name)

    def snapshot(self) -> dict[str, Any]:
        """What a page is told."""
        chosen, run = self._chosen, self._run
        settings = CameraSettings() if chosen is None else chosen.settings
        away = run.away if isinstance(run, LiveRun) else ""
        problems = [*self._run_problems, *self._device_problems]
        if away:
            problems.insert(
                0, problem(away, "Plug the camera in again, or close what else uses it.")
            )
        calibrate = run.figures() if isinstance(run, CalibrateRun) else None
        if calibrate is None and self._report is not None:
            calibrate = self._report.figures(self._token)
        return {
            "version": __version__,
            "step": "camera" if chosen is None else chosen.standing.step,
            "doing": "idle" if run is None else run.doing,
            "cameras": [camera.to_json() for camera in self._cameras],
            "outputs": [output.to_json() for output in self._outputs],
            "camera": None if chosen is None else chosen.camera.info.id,
            "settings": {
                **settings.to_json(),
                "mains_hz": None if chosen is None else chosen.mains_hz,
            },
            "networks": [] if chosen is None else list(chosen.standing.networks),
            "live": run.figures() if isinstance(run, LiveRun) else None,
            "film": run.figures() if isinstance(run, FilmRun) else self._film,
            "calibrate": calibrate,
            "problems": problems,
        }

    # --- the session's thread ---

    def _work(self) -> None:
        while True:
            try:
                message = self._wishes.get(timeout=_TICK_S)
            except queue.Empty:
                self._save_if_due()
                continue
            if message is None:
                self._stop_run()
                self._save_if_due(at_once=True)
                return
            try:
                self._done(message)
            except BaseException as error:
                self._failed(error)
            self._save_if_due()
            self.changed()

    def _done(self, message: Message) -> None:
        """Does one thing."""
        what = message["do"]
        run = self._run
        if what == "over":
            self._ended(message["run"], message["failure"], message.get("film"))
        elif what == "refresh":
            self._look_for_cameras()
        elif what == "choose":
            self._choose(message["camera"], message["settings"])
        elif what == "strength":
            self._change({"strength": message["value"]}, restart=False)
        elif what == "set":
            self._set(message["settings"])
        elif what == "start":
            self._start()
        elif what == "stop" and isinstance(run, LiveRun):
            run.stop()
        elif what == "film":
            self._begin_film(message["scenes"], message["seconds"])
        elif what == "next-scene" and isinstance(run, FilmRun):
            run.next_scene()
        elif what == "film-stop" and isinstance(run, FilmRun):
            run.stop()
        elif what == "calibrate":
            self._begin_calibration(message["minutes"])
        elif what == "calibrate-stop" and isinstance(run, CalibrateRun):
            run.stop()

    def _failed(self, error: BaseException) -> None:
        found = problem_of(error)
        self._run_problems = (found,)
        self.tell({"error": found["text"], "cure": found["cure"], "command": found["command"]})

    def _note(self, text: str) -> None:
        self.tell({"note": text})

    def _over(self, run: Run, failure: BaseException | None, **more: Any) -> None:
        """From a run's thread."""
        self._wishes.put({"do": "over", "run": run, "failure": failure, **more})

    def _ended(self, run: Run, failure: BaseException | None, film: dict[str, Any] | None) -> None:
        if run is not self._run:
            return
        self._run = None
        if film is not None:
            self._film = film
        if self._chosen is not None:
            self._take(self._chosen.camera)
        if failure is not None:
            self._failed(failure)

    # --- cameras and settings ---

    def _at_start(self) -> Offered | None:
        """That of the command line, the one that was chosen last, or the only one."""
        if self._named is not None:
            return self._cameras[0]
        real = [c for c in self._cameras if c.info.kind == "webcam" and c.problem is None]
        known = self._offered(remembered_camera(self._home) or "")
        return known or (real[0] if len(real) == 1 else None)

    def _offered(self, identity: str) -> Offered | None:
        return next((camera for camera in self._cameras if camera.info.id == identity), None)

    def _look_for_cameras(self) -> None:
        self._cameras = offered_cameras(self._named)
        self._outputs = offered_outputs()
        self._device_problems = tuple(device_problems(self._home))
        chosen = self._chosen
        if chosen is not None:
            again = self._offered(chosen.camera.info.id)
            self._chosen = replace(chosen, camera=again or chosen.camera)

    def _take(self, camera: Offered) -> None:
        """Chooses a camera, with what is kept for it."""
        profile = Profile.of(camera.info, self._home)
        if self._chosen is not None and self._chosen.camera.info.id == camera.info.id:
            settings = self._chosen.settings
        else:
            settings, remark = load_settings(profile.settings_path)
            if remark:
                self._note(remark)
        size = settings.size
        used = Profile.of(camera.used(size), self._home)
        self._report = Report.found(used)
        try:
            mains_hz = kept_mains(profile.controls_path)
        except RtdenoiseError:
            mains_hz = None
        self._chosen = _Chosen(camera, settings, Standing.of(used, size), mains_hz)

    def _choose(self, identity: str, wanted: dict[str, Any]) -> None:
        camera = self._offered(identity)
        if camera is None:
            raise CameraError("There is no such camera any more.", "Look for cameras again.")
        outputs = wanted.get("outputs", ())
        if any(output not in [known.id for known in self._outputs] for output in outputs):
            raise RtdenoiseError("There is no such virtual camera.", "Look for cameras again.")
        before = self._chosen
        other = before is None or before.camera.info.id != identity
        if other and self.busy and not isinstance(self._run, LiveRun):
            raise RtdenoiseError("Something else is going on.", "Wait for it, or stop it first.")
        live = isinstance(self._run, LiveRun)
        if other and live:
            self._stop_run()
        self._save_if_due(at_once=True)
        if other:
            self._film = None
            self._run_problems = ()
            self._take(camera)
            remember_camera(self._home, identity)
        self._change(wanted, restart=live and not other)
        if other and live:
            self._start()

    def _set(self, wanted: dict[str, Any]) -> None:
        mains_hz = wanted.pop("mains_hz", None)
        if mains_hz is not None:
            self._set_mains(mains_hz)
        if wanted:
            self._change(wanted, restart=isinstance(self._run, LiveRun))

    def _set_mains(self, mains_hz: int) -> None:
        chosen = self._need_camera()
        profile = Profile.of(chosen.camera.info, self._home)
        if keep_mains(chosen.camera.info, profile.controls_path, mains_hz):
            self._chosen = replace(chosen, mains_hz=mains_hz)
        else:
            self._note(
                f"{chosen.camera.info.name} has no setting for it: an exposure of 1/{2 * mains_hz} s or a multiple of "
                "it helps, or daylight."
            )

    def _change(self, wanted: dict[str, Any], *, restart: bool) -> None:
        """Changes settings; a running call is put together anew where it has to be."""
        chosen = self._need_camera()
        settings = replace(chosen.settings, **wanted)
        if settings == chosen.settings:
            return
        self._chosen = replace(chosen, settings=settings)
        if "size" in wanted:
            self._take(chosen.camera)
        self._unsaved_since = self._unsaved_since or time.monotonic()
        if restart:
            self._stop_run()
            self._start()

    def _save_if_due(self, *, at_once: bool = False) -> None:
        """Writes the settings down: not for each step of a slider."""
        since, chosen = self._unsaved_since, self._chosen
        if since is None or chosen is None:
            return
        if not at_once and time.monotonic() - since < _SAVE_AFTER_S:
            return
        self._unsaved_since = None
        try:
            save_settings(chosen.settings, Profile.of(chosen.camera.info, self._home).settings_path)
        except StorageError as error:
            self._failed(error)

    def _need_camera(self) -> _Chosen:
        if self._chosen is None:
            raise CameraError("No camera is chosen.", "Choose one.")
        return self._chosen

    # --- what takes time ---

    def _stop_run(self) -> None:
        """Ends what runs; its report comes later, and then counts no more."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    def _need_idle(self) -> _Chosen:
        """Before something begins: a call makes room for it, anything else doesn't."""
        chosen = self._need_camera()
        if isinstance(self._run, LiveRun):
            self._stop_run()
        if self.busy:
            raise RtdenoiseError("Something else is going on.", "Wait for it, or stop it first.")
        self._run_problems = ()
        return chosen

    def _start(self) -> None:
        if isinstance(self._run, LiveRun):
            return
        chosen = self._need_idle()
        settings = chosen.settings
        outputs, wrong = usable_outputs(settings.outputs)
        if not any("irtual camera" in known["text"] for known in self._device_problems):
            self._run_problems = tuple(wrong)  # else it is told already, with what mends it
        options = CallOptions(
            camera=chosen.camera.spec,
            outputs=outputs,
            network=settings.network,
            strength=settings.strength,
            size=settings.size,
            fps=settings.fps,
            on_demand=settings.on_demand and outputs != ("null",),
            mirror=settings.mirror,
            brighten=settings.brighten,
        )
        self._run = LiveRun(options, self._home, self.preview, self._note, self._over)

    def _begin_film(self, scenes: int, seconds: float) -> None:
        chosen = self._need_idle()
        self._film = None
        self._run = FilmRun(
            chosen.camera.spec,
            chosen.settings,
            self._home,
            scenes=scenes,
            seconds=seconds,
            preview=self.preview,
            note=self._note,
            over=self._over,
        )

    def _begin_calibration(self, minutes: float) -> None:
        chosen = self._need_idle()
        clip = chosen.standing.clip
        if clip is None:
            raise RtdenoiseError("Nothing was filmed that is fit for calibrating.", "Film first.")
        self._run = CalibrateRun(clip, minutes, self._home, self._note, self._over)
