"""A recording of still scenes, in a thread of its own: by capture's own recorder, and judged as capture does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from capture.clip import Clip, Series
from capture.record import Recording, record, suffix_for
from capture.series import judge_clip
from rtdenoise.camera_settings import CameraSettings
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.base import Camera, remarks_of
from rtdenoise.cameras.kept_controls import SteadySettings
from rtdenoise.profile import Profile

_END_S = 60.0  # in which what was filmed is written down and judged


class FilmRun:
    """One recording.

    Args:
        spec: The camera.
        settings: How it is wanted.
        home: The folder for profiles.
        scenes: How many scenes.
        seconds: How long, all scenes together.
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
        note: Callable[[str], None],
        over: Callable[..., None],
    ) -> None:
        self._spec, self._settings, self._home = spec, settings, home
        self._scenes, self._seconds = scenes, seconds
        self._note, self._over = note, over
        self._camera: Camera | None = None
        self._stopping, self._judges = False, True
        self._scene, self._frames, self._rate_fps = 1, 0.0, 30.0
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def doing(self) -> str:
        """What a page calls it."""
        return "filming"

    def stop(self) -> None:
        """Ends it early, and waits for that; what was filmed is kept and judged."""
        self._stopping = True
        if self._camera is not None:
            self._camera.close()
        self._thread.join(timeout=_END_S)

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
            "meter": None,
            "series": [],
        }

    # --- the recording's thread ---

    def _run(self) -> None:
        failure: BaseException | None = None
        film: dict[str, Any] | None = None
        try:
            clip = self._filmed()
            film = {**self.figures(), "series": [_told(series) for series in clip.series]}
        except BaseException as error:
            failure = error
        self._over(self, failure, film=film)

    def _filmed(self) -> Clip:
        settings = self._settings
        camera = open_camera(self._spec, size=settings.size, rate_fps=settings.fps)
        with closing(camera):
            self._camera, self._rate_fps = camera, float(camera.mode.rate_fps)
            if self._stopping:
                camera.close()
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
        if recording.stopped == "lost" and not self._stopping:
            self._note(f"{recording.lost_because} What was recorded is kept and judged.")
        for remark in remarks_of(camera):
            self._note(remark)
        if not self._judges:
            return Clip.load(path)
        return judge_clip(path, camera.info, camera.mode, facts=facts)

    def _record(self, camera: Camera, path: Path, profile: Profile) -> Recording:
        return record(
            camera,
            path,
            self._seconds,
            scenes=self._scenes,
            tick=self._tick,
            tell=self._next,
            journal=profile.locked_path,
        )

    def _tick(self, frames: float) -> None:
        self._frames += frames

    def _next(self, text: str) -> None:
        """Before each further scene."""
        self._scene += 1
        self._note(text)


def _told(series: Series) -> dict[str, Any]:
    """How a series was judged, as plain values: what is wrong, and what to do."""
    reason, _, cure = series.reason.partition("; ")
    return {
        "accepted": series.accepted,
        "reason": f"{reason.rstrip('.')}." if reason else "",
        "cure": f"{cure[:1].upper()}{cure[1:]}",
        "frames": series.count,
    }
