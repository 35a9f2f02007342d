"""A stream from one end to the other: camera, denoiser and sink side by side.

* ``live``        in real time, each in a thread of its own; what comes too late is dropped and counted
* ``adaptive``    a denoiser that changes between several: what keeps up, and the camera's picture where one fails
* ``ladder``      when it changes: the policy alone; ``rungs`` what there is to change to
* ``possible``    whether a cleaned picture can be one
* ``watchdog``    frames that stay away, rates that sink, a program that was stopped
* ``fitting``     a frame of another size in the format that the sink keeps
* ``mailbox``     the one-slot place between two of these threads
* ``timing``      how long each stage took, and what was dropped
* ``transcode``   a recording, frame after frame, with its audio
* ``look_ahead``  its first frames, seen before they are cleaned
* ``removal``     how much was taken away, and why that was next to nothing
"""

from .live import LiveLoop
from .timing import STAGES, LiveReport, StageTimes
from .transcode import transcode

__all__ = ["STAGES", "LiveLoop", "LiveReport", "StageTimes", "transcode"]
