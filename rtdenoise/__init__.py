"""rtdenoise: a webcam's picture, cleaned in real time by what was learned about that very camera.

Data flows one way::

    camera  →  frames  →  denoiser  →  sink

What other programs need can be imported from here, and is loaded when it is first used::

    import cv2, rtdenoise

    denoiser, film = rtdenoise.make_denoiser("nano"), cv2.VideoCapture("film.mp4")
    while (read := film.read())[0]:  # (H, W, 3) bytes, in OpenCV's order
        clean = denoiser(rtdenoise.planes_from_array(read[1], "bgr"))
        cv2.imshow("clean", rtdenoise.array_from_planes(clean, "bgr"))
        cv2.waitKey(1)

Its rooms, in the order in which they may import each other (each knows only what stands below it; see pyproject.toml):

* ``commands``     the command line's commands: live, denoise, bench, devices, doctor
* ``archive``      whole folders of recordings, cleaned by several processes or machines
* ``cli``          the command line's root, which finds commands through entry points
* ``bench``        measures what this machine can do
* ``diagnosis``    what works on this machine, and what mends what does not
* ``stream``       from camera to sink: in real time, in threads with one-slot mailboxes between them, or a whole file
* ``denoisers``    planes in, planes out, with state: passthrough, recursive filter, networks; which of them is taken.
  The recursive filter moves its own state along with the picture (``recursive/plane.py``)
* ``sinks``        where frames go: virtual cameras, video file, picture, nothing. A new one goes here
* ``machine``      what was measured on this machine: how long each method takes for a frame
* ``engines``      what runs live networks and keeps their state, which ``warp`` moves along with the picture. The step
  that runs on AVX-512, AVX2 or anything else is C, in ``engines/native``; accelerators have PyTorch
* ``profile``      where all that is known about a camera lies on disk: clips, noise model, networks
* ``camera_settings``  how a camera's user wants it used, in its profile
* ``networks``     the networks themselves, their files and cards, and those that come with the package (``base``)
* ``cameras``      where frames come from: webcams, files, folders of pictures, the simulated camera
* ``noise``        the noise model of a camera, and its units. While a stream runs, ``estimate`` measures its noise, and
  ``running`` says which noise counts now
* ``pipewire``     the user's PipeWire session, by ctypes
* ``frames``       ``VideoFrame`` or array ↔ byte planes ↔ tensors; nothing else knows strides and matrices
* ``pages``        reports as one HTML file each: their frame, pictures and charts in them
* ``files``        files are written whole or not at all
* ``alignment``    finds where the picture moved (``motion``) and how its light changed (``brightness``), so that state
  can follow
* ``console``      what a person sees in the terminal
* ``errors``       every error that is raised on purpose
* ``leftovers``    unfinished files of programs that were killed
* ``options``      options that several commands share
* ``arrays``       types of NumPy arrays
* ``charset``      text as an output can show it
* ``cores``        how many processor cores there are
* ``heap``         memory that the C library keeps after use
* ``version``      the version of the package

``capture`` (records and judges series of still scenes) builds on this package, and ``calibrate`` (learns the
noise, trains and judges networks) on both. Nothing here imports either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .version import __version__

__all__ = [
    "Camera",
    "CameraError",
    "CameraInfo",
    "ClipError",
    "Denoiser",
    "FileSink",
    "FoundCamera",
    "LiveLoop",
    "LiveReport",
    "Mode",
    "NetworkError",
    "NoiseCurve",
    "NoiseModel",
    "PlaneFormat",
    "PlaneNoise",
    "Planes",
    "Profile",
    "ProfileError",
    "RtdenoiseError",
    "SimulatedCamera",
    "Sink",
    "SinkError",
    "StorageError",
    "TranscodeReport",
    "VirtualSink",
    "__version__",
    "array_from_planes",
    "blend",
    "find_cameras",
    "frame_from_planes",
    "make_denoiser",
    "open_camera",
    "open_sink",
    "planes_from_array",
    "planes_from_frame",
    "planes_from_yuv",
    "profiles",
    "transcode",
]

if TYPE_CHECKING:
    from .cameras import find_cameras, open_camera
    from .cameras.base import Camera, CameraInfo, Mode
    from .cameras.discovery import FoundCamera
    from .cameras.simulated import SimulatedCamera
    from .denoisers import Denoiser, blend, make_denoiser
    from .errors import (
        CameraError,
        ClipError,
        NetworkError,
        ProfileError,
        RtdenoiseError,
        SinkError,
        StorageError,
    )
    from .frames import (
        PlaneFormat,
        Planes,
        array_from_planes,
        frame_from_planes,
        planes_from_array,
        planes_from_frame,
        planes_from_yuv,
    )
    from .noise import NoiseCurve, NoiseModel, PlaneNoise
    from .profile import Profile, profiles
    from .sinks import open_sink
    from .sinks.base import Sink
    from .sinks.file import FileSink
    from .sinks.virtual import VirtualSink
    from .stream import LiveLoop, LiveReport
    from .stream.transcode import TranscodeReport, transcode
else:
    # Loaded at the first use: PyAV, OpenCV and PyTorch take seconds, and `rtdenoise --help` needs none of them.
    _ROOMS = {
        ".cameras": "find_cameras open_camera",
        ".cameras.base": "Camera CameraInfo Mode",
        ".cameras.discovery": "FoundCamera",
        ".cameras.simulated": "SimulatedCamera",
        ".denoisers": "Denoiser blend make_denoiser",
        ".errors": "CameraError ClipError NetworkError ProfileError "
        "RtdenoiseError SinkError StorageError",
        ".frames": "PlaneFormat Planes array_from_planes frame_from_planes "
        "planes_from_array planes_from_frame planes_from_yuv",
        ".noise": "NoiseCurve NoiseModel PlaneNoise",
        ".profile": "Profile profiles",
        ".sinks": "open_sink",
        ".sinks.base": "Sink",
        ".sinks.file": "FileSink",
        ".sinks.virtual": "VirtualSink",
        ".stream": "LiveLoop LiveReport",
        ".stream.transcode": "TranscodeReport transcode",
    }
    _ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names.split()}

    def __getattr__(name):
        if name not in _ROOM_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(_ROOM_OF[name], __name__), name)
        globals()[name] = value  # asked only once
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
