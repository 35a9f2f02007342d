"""Several sinks at once: a virtual camera and a film of the same call, say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import RtdenoiseError
from ..frames import Planes
from .base import Sink, watched


class SeveralSinks:
    """Gives each frame to all of its sinks. One that fails is left out while another one works.

    So a disk that fills up under a film doesn't end the call.

    Args:
        sinks: At least one, open.
        note: Told in one sentence when a sink failed.
    """

    def __init__(self, sinks: Sequence[Sink], note: Callable[[str], None] = lambda _: None) -> None:
        self._sinks, self._note = list(sinks), note
        self._name = " + ".join(sink.name for sink in sinks)
        self._failure: RtdenoiseError | None = None

    @property
    def name(self) -> str:
        """The names of all."""
        return self._name

    @property
    def watched(self) -> bool | None:
        """Whether a program reads one of them; None if one can't tell, such as a file, which wants every frame."""
        known = [watched(sink) for sink in self._sinks]
        return None if None in known else any(known)

    def write(self, planes: Planes) -> None:
        """Gives the frame to all.

        Raises:
            SinkError, StorageError: the last one failed.
        """
        for sink in tuple(self._sinks):
            try:
                sink.write(planes)
            except RtdenoiseError as error:
                self._sinks.remove(sink)
                sink.abort()
                self._failure = self._failure or error
                if not self._sinks:
                    raise
                self._note(f"{error} {' + '.join(left.name for left in self._sinks)} goes on.")

    def close(self) -> None:
        """Finishes all. Safe to call twice.

        Raises:
            SinkError, StorageError: the first failure of the run; all others are finished all the same.
        """
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            try:
                sink.close()
            except RtdenoiseError as error:
                self._failure = self._failure or error
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def abort(self) -> None:
        """Lets all go without finishing."""
        for sink in self._sinks:
            sink.abort()
        self._sinks, self._failure = [], None
