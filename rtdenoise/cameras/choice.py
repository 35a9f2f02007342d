"""Which camera a person means by a path, a name, a camera id, or by saying nothing."""

from __future__ import annotations

import os

from ..errors import CameraError
from . import discovery

HINT_NO_CAMERA = (
    "Plug one in and look at rtdenoise devices, or try the built-in one with --camera simulated."
)


def find_camera(
    spec: str | None, found: list[discovery.FoundCamera] | None = None
) -> discovery.FoundCamera:
    """The camera that ``spec`` means; see :func:`rtdenoise.cameras.open_webcam`.

    Raises:
        CameraError: there is none, or more than one.
    """
    nodes = discovery.video_nodes() if found is None else []
    cameras = discovery.cameras(nodes) if found is None else found
    if spec is None:
        # A camera's second node (infra-red, H.264) is no second camera.
        real = [camera for camera in cameras if camera.real and camera.modes]
        chosen = [camera for camera in real if camera.index == 0] or real
        forbidden = discovery.denied_cameras(nodes)
        if not chosen and forbidden:
            raise denied(forbidden[0].path)
        if not chosen:
            raise CameraError("There is no camera on this machine.", HINT_NO_CAMERA)
    elif spec.startswith("/"):
        path = os.path.realpath(spec)
        chosen = [camera for camera in cameras if camera.info.spec == path]
        if not chosen:
            raise _no_camera_at(spec, path, nodes)
    else:
        low = spec.lower()
        chosen = (
            [camera for camera in cameras if low in (camera.info.id, camera.info.name.lower())]
            or [camera for camera in cameras if low in camera.info.name.lower()]
        )  # fmt: skip
        forbidden = [n for n in discovery.denied_cameras(nodes) if low in n.name.lower()]
        if not chosen and forbidden:
            raise denied(forbidden[0].path)
        if not chosen:
            names = ", ".join(f"{c.info.name} ({c.info.spec})" for c in cameras)
            raise CameraError(
                f"There is no camera called {spec}.",
                f"There is {names}." if names else HINT_NO_CAMERA,
            )
    if len(chosen) > 1:
        names = ", ".join(f"{camera.info.spec} ({camera.info.name})" for camera in chosen)
        raise CameraError(f"Several cameras fit: {names}.", "Choose one with --camera PATH.")
    return chosen[0]


def _no_camera_at(spec: str, path: str, nodes: list[discovery.VideoNode]) -> CameraError:
    node = next((node for node in nodes if node.path == path), None)
    if node is None:
        return CameraError(f"There is no camera at {spec}.", HINT_NO_CAMERA)
    if node.denied:
        return denied(path)
    if node.loopback:
        return silent(node.path, node.name)
    return CameraError(
        f"{spec} ({node.name}) gives no pictures: it is another part of a device.",
        "Choose a camera from rtdenoise devices.",
    )


def silent(path: str, name: str) -> CameraError:
    """The error for a loopback that nothing feeds."""
    return CameraError(
        f"{path} ({name}) is a virtual camera into which no program sends pictures.",
        "Start the program that feeds it, or choose another camera from rtdenoise devices.",
    )


def denied(path: str) -> CameraError:
    """The error for a device node that this user may not open."""
    return CameraError(
        f"There is no permission to open {path}.",
        "Run sudo usermod -aG video $USER, log out and in again.",
    )
