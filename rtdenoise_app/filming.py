"""A recording of still scenes, in a thread of its own: by capture's own recorder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from capture.clip import Clip
from capture.record import record, suffix_for
from capture.series import judge_clip
from rtdenoise.camera_settings import CameraSettings
from rtdenoise.cameras import open_camera
from rtdenoise.cameras.kept_controls import SteadySettings
from rtdenoise.profile import Profile

_END_S = 60.0


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
        self._frames = 0.0
        self._camera: Camera | None = None
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def doing(self) -> str:
        """ "filming"."""
        return "filming"

    def stop(self) -> None:
        if self._camera:
            self._camera.close()
        self._thread.join(timeout=_END_S)

    def next_scene(self) -> None:
        pass

    def figures(self) -> dict[str, Any]:
        return {
            "good_frames": round(self._frames),
            "scene": 1,
            "scenes": self._scenes,
            "seconds": 0,
            "needed_frames": 60,
            "meter": None,
            "series": [],
        }

    def _tick(self, frames: float) -> None:
        self._frames += frames

    def _run(self) -> None:
        failure: BaseException | None = None
        film = None
        try:
            camera = open_camera(self._spec, size=self._settings.size, rate_fps=self._settings.fps)
            self._camera = camera
            try:
                profile = Profile.of(camera.info, self._home)
                SteadySettings(profile.controls_path, profile.locked_path).opened(camera.info)
                path = profile.new_clip_path(suffix_for(camera))
                recording = record(
                    camera,
                    path,
                    self._seconds,
                    scenes=self._scenes,
                    tick=self._tick,
                    tell=self._note,
                    journal=profile.locked_path,
                )
                profile.remember(camera.info)
                Clip(
                    path, camera.info, camera.mode, recording.frames, facts=recording.facts()
                ).save()
            finally:
                camera.close()
            clip = judge_clip(path, camera.info, camera.mode, facts=recording.facts())
            film = {
                **self.figures(),
                "series": [
                    {"accepted": s.accepted, "reason": s.reason, "cure": "", "frames": s.count}
                    for s in clip.series
                ],
            }
        except BaseException as error:
            failure = error
        self._over(self, failure, film=film)
