"""rtdenoise: a webcam's picture, cleaned in real time by what was learned about that very camera.

Data flows one way::

    camera  →  frames  →  denoiser  →  sink

* ``rtdenoise.cameras``    where frames come from: webcams, files, folders of pictures, the simulated camera
* ``rtdenoise.frames.pyav``     ``VideoFrame`` ↔ byte planes ↔ tensors; nothing else knows strides and matrices
* ``rtdenoise.denoisers``  planes in, planes out, with state: passthrough, recursive filter, networks
* ``rtdenoise.sinks``      where frames go: virtual camera, video file, nothing
* ``rtdenoise.stream.live``       the three side by side in threads, with one-slot mailboxes between them
* ``rtdenoise.noise.model``      what is known about a camera's noise
* ``rtdenoise.profile``    where all that is known about a camera lies on disk

``capture`` (records and judges series of still scenes) builds on this package, and ``calibrate`` (learns the
noise, trains and judges networks) on both. Nothing here imports either.
"""

__version__ = "0.1.0"
