"""What works on this machine, and the exact command that mends what does not."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cores import available_cores
from .errors import SinkError
from .profile import data_home

if TYPE_CHECKING:
    from .pipewire.session import PipeWireState

_EFI_SECURE_BOOT = Path("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
_FREE_BYTES = 2 * 10**9  # half a minute of MJPG at 1080p is 0.3 GB


@dataclass(frozen=True)
class Check:
    """One finding: ``ok`` is None for what is good to know and neither right nor wrong."""

    name: str
    ok: bool | None
    text: str
    cure: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


DEVICES = ("folder for profiles", "camera", "virtual camera")
"""What may change while a program runs, and is looked at in a fraction of a second."""


def diagnose(home: Path | None, only: Collection[str] | None = None) -> Iterator[Check]:
    """All checks, the quick ones first. None raises: a check that fails itself is a finding.

    Args:
        home: The folder for profiles, None for the user's data directory.
        only: The names of those that are wanted; None: all.
    """
    checks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("Python", _python),
        ("folder for profiles", lambda: _home(home)),
        ("camera", _cameras),
        ("virtual camera", _virtual),
        ("FFmpeg", _ffmpeg),
        ("OpenCV", lambda: _package("OpenCV", "cv2", "opencv-python")),
        ("kornia", _kornia),
        ("PyTorch", _torch),
        ("speed", lambda: _speed(home)),
    ]
    for name, check in checks:
        if only is not None and name not in only:
            continue
        try:
            yield from check()
        except Exception as error:  # a broken library must not end the diagnosis
            yield Check(name, False, f"The check itself failed: {type(error).__name__}: {error}.")


def _python() -> Iterator[Check]:
    version = platform.python_version()
    good = sys.version_info >= (3, 10)
    cure = "" if good else "Install Python 3.10 or newer."
    system = f"{platform.system()} {platform.release()}, {available_cores()} cores"
    yield Check("Python", good, f"{version} on {system}", cure)


def _home(home: Path | None) -> Iterator[Check]:
    folder = data_home(home)
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    cure = "Choose another folder with --home or RTDENOISE_HOME."
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Check("folder for profiles", False, f"{folder} can't be written.", cure)
        return
    free = shutil.disk_usage(place).free
    text = f"{folder}, {free / 1e9:.0f} GB free"
    enough = free >= _FREE_BYTES
    yield Check("folder for profiles", enough, text, "" if enough else f"Free some space. {cure}")


def _speed(home: Path | None) -> Iterator[Check]:
    from .machine import Machine, machine_path

    timings = Machine.load(machine_path(home)).timings
    if not timings:
        yield Check("speed", None, "not measured yet", "rtdenoise bench")
        return
    found = (
        f"{t.method} {t.frame_ms:.0f} ms at {t.width}×{t.height} ({t.hardware or t.device})"
        for t in timings
    )
    yield Check("speed", True, ", ".join(found))


def _cameras() -> Iterator[Check]:
    from .cameras import discovery

    if not sys.platform.startswith("linux"):
        from .cameras import webcam_other

        real = [info for info, is_real in webcam_other.cameras() if is_real]
        found = ", ".join(info.name for info in real)
    else:
        from .cameras.pipewire import pipewire_cameras

        nodes = discovery.video_nodes()
        denied = [node.path for node in nodes if node.denied]
        if denied:
            yield Check(
                "permission",
                False,
                f"{', '.join(denied)} can't be opened by this user.",
                "sudo usermod -aG video $USER    (then log out and in again)",
            )
        cameras = [c for c in discovery.cameras(nodes) if c.real and c.modes and c.index == 0]
        in_session = [c for c in pipewire_cameras() if c.real and c.modes]
        found = ", ".join(f"{c.info.name} ({c.info.spec})" for c in (*cameras, *in_session))
        for camera in cameras:
            if programs := discovery.holders(camera.info.spec):
                text = f"{camera.info.spec} is in use by {' and '.join(programs)}"
                yield Check("camera in use", None, text)
    if found:
        yield Check("camera", True, found)
    else:
        yield Check(
            "camera",
            False,
            "None is found; the simulated one works: --camera simulated.",
            "Start the container with --device /dev/video0" if _in_container() else "Plug one in.",
        )


_MARKS_OF_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_SECOND_PROCESS = Path("/proc/2/comm")


def _in_container() -> bool:
    """Whether this runs in a container, and not in a machine (a virtual one, say) that was made from one's files."""
    if not any(mark.exists() for mark in _MARKS_OF_CONTAINERS):
        return False
    try:  # a container doesn't see the kernel's own threads
        return _SECOND_PROCESS.read_text(encoding="utf-8").strip() != "kthreadd"
    except OSError:
        return True


def _virtual() -> Iterator[Check]:
    """The virtual cameras: one way that works is enough, and then what the other lacks is no fault."""
    from .sinks import virtual

    try:
        module = virtual.import_pyvirtualcam()
    except SinkError as error:
        yield Check("pyvirtualcam", False, error.message, "pip install pyvirtualcam")
    else:
        yield Check("pyvirtualcam", True, str(getattr(module, "__version__", "there")))
    if not sys.platform.startswith("linux"):
        yield Check(
            "virtual camera",
            None,
            "It is made by OBS (on Windows also by Unity Capture).",
            virtual.HINTS.get(sys.platform, ""),
        )
        return
    from .pipewire.session import look

    state = look()
    devices = virtual.virtual_devices()
    if not devices:
        yield from _loopback_missing(virtual.MODPROBE, needed=not state.works)
    for device in devices:
        feeders = f", in use by {' and '.join(device.producers)}" if device.producers else ""
        yield Check(
            "virtual camera", True, f"{device.label} ({device.path}){feeders}: {_SEES_LOOPBACK}"
        )
    if devices and not any(device.exclusive for device in devices):
        yield Check(
            "exclusive_caps",
            False,
            "Chrome and others don't list a v4l2loopback device without it.",
            f"sudo modprobe -r v4l2loopback && {virtual.MODPROBE}",
        )
    yield _pipewire(state, needed=not devices)


_SEES_LOOPBACK = (
    "seen by programs that open /dev/video themselves (Chrome, Zoom, OBS, OpenCV, FFmpeg)"
)
_SEES_PIPEWIRE = (
    "seen by programs that ask the session for cameras (GStreamer; what runs in a Flatpak; Chrome with "
    "chrome://flags/#enable-webrtc-pipewire-camera; Firefox with media.webrtc.camera.allow-pipewire in about:config, "
    "which Fedora has on), not by those that only know /dev/video"
)


def _pipewire(state: PipeWireState, *, needed: bool) -> Check:
    """Whether a camera can be made in PipeWire; ``needed``: there is no other way."""
    from .pipewire.library import install_command

    name, wrong = "virtual camera in PipeWire", False if needed else None
    start = "systemctl --user enable --now pipewire wireplumber"
    if not state.version:
        return Check(name, wrong, state.problem, install_command())
    if not state.answers:
        text = f"PipeWire {state.version} is installed and doesn't run for this user."
        return Check(name, wrong, text, start)
    if not state.managed:
        text = "PipeWire runs without a session manager: nothing links programs to cameras."
        return Check(name, wrong, text, f"{install_command()} && {start}")
    text = f"--output pipewire, PipeWire {state.version}: {_SEES_PIPEWIRE}"
    if not state.portal:
        text += ". There is no camera portal (package xdg-desktop-portal), which browsers ask"
    return Check(name, True, text)


def _loopback_missing(modprobe: str, *, needed: bool = True) -> Iterator[Check]:
    """Why there is no v4l2loopback device: not loaded, not built for this kernel, or not installed.

    ``needed``: there is no other virtual camera either.
    """
    release = platform.release()
    wrong = False if needed else None
    if Path("/sys/module/v4l2loopback").exists():
        from .cameras import discovery

        if any(node.denied for node in discovery.video_nodes()):
            text = (
                "v4l2loopback is loaded; whether it has a device shows when this user may open it."
            )
            yield Check("virtual camera", wrong, text, "Mend the permission first, as above.")
            return
        yield Check(
            "virtual camera",
            wrong,
            "v4l2loopback is loaded and has no device.",
            f"sudo modprobe -r v4l2loopback && {modprobe}",
        )
        return
    modules = Path("/lib/modules") / release
    built = any(modules.rglob("v4l2loopback.ko*")) if modules.is_dir() else False
    source = any(Path("/usr/src").glob("v4l2loopback*"))
    if built:
        text, cure = "v4l2loopback is installed and not loaded.", modprobe
    elif source:
        text = f"v4l2loopback is installed and not built for this kernel ({release})."
        cure = f"{_install_headers(release)} && sudo dkms autoinstall && {modprobe}"
    else:
        text = "v4l2loopback is not installed."
        cure = f"{_install_loopback(release)} && {modprobe}"
    if not needed:
        text += " Programs that only know /dev/video need it."
    yield Check("virtual camera", wrong, text, cure)
    if secure_boot():
        yield Check(
            "Secure Boot",
            None,
            "It is on: the kernel loads v4l2loopback only if its signing key is enrolled "
            '("Key was rejected by service" says that it is not).',
            "sudo mokutil --import /var/lib/dkms/mok.pub    (then reboot and confirm)",
        )


def _install_headers(release: str) -> str:
    if shutil.which("dnf"):
        return f"sudo dnf install kernel-devel-{release}"
    if shutil.which("pacman"):
        return "sudo pacman -S linux-headers"
    return f"sudo apt install linux-headers-{release}"


def _install_loopback(release: str) -> str:
    if shutil.which("dnf"):
        return "sudo dnf install akmod-v4l2loopback"
    if shutil.which("pacman"):
        return "sudo pacman -S v4l2loopback-dkms linux-headers"
    return f"sudo apt install v4l2loopback-dkms linux-headers-{release}"


def secure_boot(variable: Path = _EFI_SECURE_BOOT) -> bool:
    """Whether the firmware checks signatures: the last byte of its variable is 1."""
    with suppress(OSError):
        return variable.read_bytes()[-1:] == b"\x01"
    return False


def _ffmpeg() -> Iterator[Check]:
    import av

    device = {"linux": "v4l2", "win32": "dshow", "darwin": "avfoundation"}.get(sys.platform, "v4l2")
    # FFmpeg lists some formats under several names: "video4linux2,v4l2".
    formats = {name for entry in av.formats_available for name in entry.split(",")}
    codecs = set(av.codecs_available)
    missing = sorted({device, "matroska", "nut"} - formats | {"mjpeg", "rawvideo"} - codecs)
    text = f"in PyAV {av.__version__}"
    if missing:
        cure = "pip install --force-reinstall av    (the wheel holds them)"
        yield Check("FFmpeg", False, f"{text}: {', '.join(missing)} missing", cure)
    else:
        yield Check("FFmpeg", True, f"{text}, with {device}")


def _package(name: str, module: str, package: str) -> Iterator[Check]:
    try:
        version = getattr(importlib.import_module(module), "__version__", "there")
    except ImportError as error:
        yield Check(name, False, f"can't be loaded: {error}.", f"pip install {package}")
    else:
        yield Check(name, True, str(version))


def _kornia() -> Iterator[Check]:
    """It is plain Python on top of PyTorch: that it is there is enough, and loading it takes a second."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        yield Check("kornia", True, version("kornia"))
    except PackageNotFoundError:
        yield Check("kornia", False, "It is not installed.", "pip install kornia")


def _compiled() -> Check:
    """Whether networks have compiled code to run on this CPU."""
    from .engines.native_library import compiled_kind

    kind = compiled_kind()
    if kind:
        return Check("networks on the CPU", True, f"compiled code, {kind}")
    return Check(
        "networks on the CPU",
        None,
        "PyTorch runs them, several times slower than compiled code: install a C compiler (gcc or clang), then "
        "rtdenoise again.",
    )


def _torch() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Check("PyTorch", False, f"can't be loaded: {error}.", "pip install torch")
        return
    yield Check("PyTorch", True, f"{torch.__version__}, {torch.get_num_threads()} threads")
    yield _compiled()
    devices = []
    if torch.cuda.is_available():
        devices += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("Apple GPU (mps)")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        devices += [torch.xpu.get_device_name(n) for n in range(torch.xpu.device_count())]
    if devices:
        yield Check("GPU", True, ", ".join(devices))
    elif shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        yield Check(
            "GPU",
            False,
            "There is an NVIDIA GPU, and this PyTorch can't use it.",
            "Install the CUDA build of torch as the README says, and a driver that fits it.",
        )
    else:
        yield Check("GPU", None, "None that PyTorch can use: networks run on the CPU.")
