"""A recording of still scenes, in a thread of its own: by capture's own recorder, meter and judgement."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from capture.clip import Clip, Series
from capture.guidance import words
from capture.meter import Reading
from capture.record import Control, Recording, record, suffix_for
from capture.series import judge_clip
from rtdenoise.camera_settings import CameraSettings
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import remarks_of
from rtdenoise.cameras.kept_controls import SteadySettings
from rtdenoise.frames import Planes
from rtdenoise.profile import Profile

from .preview import Preview
from .seen_camera import SeenCamera

_END_S = 60.0  # in which what was filmed is written down and judged


class FilmRun:
    """One recording.

    Args:
        spec: The camera.
        settings: How it is wanted.
        home: The folder for profiles.
        scenes: How many scenes.
        seconds: How long, all scenes together.
        preview: Gets the frames.
        note: Told in a sentence what is worth knowing.
        over: Told when it has ended, in its thread: this run, the error that ended it or None, and what was filmed.
    """

    def __init__(
        self,
        spec: str,
        settings: CameraSettings,
        home: Path | None,
        *,
        scenes: int,
        seconds: float,
        preview: Preview,
        note: Callable[[str], None],
        over: Callable[..., None],
    ) -> None:
        self._spec, self._settings, self._home = spec, settings, home
        self._scenes, self._seconds = scenes, seconds
        self._preview, self._note, self._over = preview, note, over
        self._control = Control()
        self._judges = True
        self._scene, self._frames, self._rate_fps = 1, 0.0, 30.0
        self._reading: Reading | None = None
        self._judging = False
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def doing(self) -> str:
        """What a page calls it."""
        return "filming"

    def stop(self) -> None:
        """Ends it early, and waits for that; what was filmed is kept and judged."""
        self._control.stop()
        self._thread.join(timeout=_END_S)

    def next_scene(self) -> None:
        """The present scene is enough, or the camera points at the next one already."""
        self._control.skip()

    def hurry(self) -> None:
        """The app ends: what was filmed is kept, and judged when it is calibrated with."""
        self._judges = False

    def figures(self) -> dict[str, Any]:
        """How far it is, as plain values."""
        return {
            "seconds": round(self._frames / self._rate_fps, 1),
            "good_frames": round(self._frames),
            "needed_frames": round(self._seconds * self._rate_fps),
            "scene": self._scene,
            "scenes": self._scenes,
            "judging": self._judging,
            "meter": None if self._reading is None else _metered(self._reading),
            "series": [],
            "remarks": [],
        }

    # --- the recording's thread ---

    def _run(self) -> None:
        failure: BaseException | None = None
        film: dict[str, Any] | None = None
        try:
            clip = self._filmed()
            film = {**self.figures(), "series": [_told(series) for series in clip.series]}
            happened = clip.facts.get("remarks", ())
            film |= {
                "judging": False,
                "meter": None,
                "remarks": [said["words"] for said in happened],
            }
        except BaseException as error:
            failure = error
        self._preview.forget()
        self._over(self, failure, film=film)

    def _filmed(self) -> Clip:
        settings = self._settings
        opened = open_camera(self._spec, size=settings.size, rate_fps=settings.fps)
        with closing(SeenCamera(opened, self._show)) as camera:
            self._rate_fps = float(camera.mode.rate_fps)
            profile = Profile.of(camera.info, self._home)
            SteadySettings(profile.controls_path, profile.locked_path).opened(camera.info)
            path = profile.new_clip_path(suffix_for(camera))
            try:
                recording = self._record(camera, path, profile)
            finally:
                if path.exists():  # also what was kept when the disk became full
                    profile.remember(camera.info)
        facts = recording.facts()
        # The clip counts from here on, even if judging is interrupted.
        Clip(path, camera.info, camera.mode, recording.frames, facts=facts).save()
        if recording.stopped == "lost":
            self._note(f"{recording.lost_because} What was recorded is kept and judged.")
        for remark in remarks_of(camera):
            self._note(remark)
        if not self._judges:
            return Clip.load(path)
        self._judging = True
        return judge_clip(path, camera.info, camera.mode, facts=facts)

    def _record(self, camera: SeenCamera, path: Path, profile: Profile) -> Recording:
        return record(
            camera,
            path,
            self._seconds,
            scenes=self._scenes,
            tick=self._tick,
            tell=self._next,
            journal=profile.locked_path,
            watch=self._watch,
            control=self._control,
        )

    def _show(self, planes: Planes) -> None:
        self._preview.offer(planes, planes, time.monotonic())

    def _watch(self, reading: Reading) -> None:
        self._reading = reading

    def _tick(self, frames: float) -> None:
        self._frames += frames

    def _next(self, text: str) -> None:
        """Before each further scene."""
        self._scene += 1
        self._note(text)


def _metered(reading: Reading) -> dict[str, Any]:
    """What the meter says, as plain values."""
    known = reading.state != "waiting"
    return {
        "state": reading.state,
        "still": reading.state not in ("shift", "moving") if known else None,
        "shift_px": round(reading.shift_px, 2),
        "moving": round(reading.moving, 3),
        "dark": reading.state == "dark",
        "overexposed": reading.state == "bright",
        "flicker_levels": round(reading.flicker_levels, 2),
        "mains_hz": reading.mains_hz,
        "level": round(reading.level / 255, 3),
        "words": words(reading),
    }


def _told(series: Series) -> dict[str, Any]:
    """How a series was judged, as plain values: what is wrong, and what to do."""
    reason, _, cure = series.reason.partition("; ")
    return {
        "accepted": series.accepted,
        "reason": f"{reason.rstrip('.')}." if reason else "",
        "cure": f"{cure[:1].upper()}{cure[1:]}",
        "frames": series.count,
    }
