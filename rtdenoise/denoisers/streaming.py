"""What all denoisers that average over time have in common: the noise they go by, repeated frames, another format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from ..frames import PlaneFormat, Planes
from ..noise import NoiseModel
from ..noise.running import RunningNoise
from .repeats import Repeats


class StreamDenoiser(ABC):
    """Cleans a stream frame by frame, with a state; see :class:`rtdenoise.denoisers.base.Denoiser`.

    Args:
        model: The camera's noise, whose scale is followed where the camera's gain has changed. None: it is estimated
            from the stream, which takes two frames for a start and a second to settle.
    """

    def __init__(self, model: NoiseModel | None) -> None:
        self._noise = RunningNoise(model)
        self._repeats = Repeats()
        self._last: Planes | None = None
        self._format: PlaneFormat | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """What ``--network`` calls it."""

    @property
    def noise(self) -> NoiseModel | None:
        """The noise of the camera's frames, as far as it is known by now."""
        return self._noise.model

    def reset(self) -> None:
        """Forgets all earlier frames, and with them an estimate of the noise."""
        self._format = None
        self._noise.reset()
        self._repeats.reset()
        self._last = None

    @property
    def evidence(self) -> RunningNoise:
        """What the noise is known from."""
        return self._noise

    def prime(self, frames: Sequence[Planes]) -> None:
        """Looks at the first frames of a film before they are cleaned, so that the first one is cleaned already.

        Args:
            frames: What :meth:`__call__` will get next, one frame or more. Those of another format are left out.
        """
        self._begin(frames[0])
        alike = [planes for planes in frames if planes.format == self._format]
        self._noise.prime([self._worked_on(planes) for planes in alike])
        if self._noise.model is not None:
            self._set_noise(self._noise.model)

    def assume(self, planes: Planes, model: NoiseModel) -> None:
        """Makes ready for frames like ``planes`` with a noise that is known."""
        self._begin(planes)
        self._noise.assume(model)
        self._set_noise(model)

    def _begin(self, planes: Planes) -> None:
        self.reset()
        self._format = planes.format
        self._set_up(planes)

    def __call__(self, planes: Planes) -> Planes:
        """Cleans the next frame."""
        if planes.format != self._format:
            self._begin(planes)
        if self._repeats.is_repeat(planes) and self._last is not None:
            return replace(self._last, time_s=planes.time_s)
        worked_on = self._worked_on(planes)
        changed = self._noise.update(worked_on)
        if changed is not None:
            self._set_noise(changed)
        model = self._noise.model
        self._last = planes.copy() if model is None else self._clean(planes, worked_on, model)
        return self._last

    def _worked_on(self, planes: Planes) -> Planes:
        """The frame in the format that the denoiser works in."""
        return planes

    @abstractmethod
    def _set_up(self, planes: Planes) -> None:
        """Makes ready for frames of another format than before, this first one among them."""

    @abstractmethod
    def _set_noise(self, model: NoiseModel) -> None:
        """Takes another noise."""

    @abstractmethod
    def _clean(self, planes: Planes, worked_on: Planes, model: NoiseModel) -> Planes:
        """Cleans a frame, which is also there in the format that the denoiser works in."""
