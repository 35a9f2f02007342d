"""Builds the kernel that the tests on real drivers boot: Linux as a program (user-mode Linux), with camera drivers.

    python -m tests.e2e.vm.image

It takes the distribution's own sources of the kernel and of v4l2loopback through apt, some five minutes on two cores,
and 10 MB in ~/.cache/rtdenoise-vm. No root is needed and nothing is installed. What is built already is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rtdenoise-vm"
TOOLS = ("apt-get", "dpkg-deb", "make", "gcc", "flex", "bison", "bc", "xz", "depmod")

# What is switched on beside nothing at all. KEY=value where it isn't "y".
CONFIG = """
    # programs and what they expect of a kernel
    64BIT BINFMT_ELF BINFMT_SCRIPT MODULES MODULE_UNLOAD PRINTK STDERR_CONSOLE TTY UNIX98_PTYS NULL_CHAN
    HIGH_RES_TIMERS NO_HZ_IDLE SYSVIPC POSIX_MQUEUE MEMFD_CREATE ADVISE_SYSCALLS MEMBARRIER INOTIFY_USER
    NAMESPACES USER_NS PID_NS NET_NS NET UNIX INET HW_RANDOM UML_RANDOM
    # the host's files, with a layer in memory on top
    HOSTFS OVERLAY_FS TMPFS TMPFS_XATTR DEVTMPFS PROC_FS PROC_SYSCTL SYSFS
    # cameras; user-mode Linux gets USB only behind a PCI bus, and vivid wants a frame buffer
    VIRTIO_MENU VIRTIO_UML UML_PCI_OVER_VIRTIO UML_PCI_OVER_VIRTIO_DEVICE_ID=1234
    USB_SUPPORT USB USBIP_CORE=m USBIP_VHCI_HCD=m FB
    MEDIA_SUPPORT MEDIA_SUPPORT_FILTER MEDIA_SUBDRV_AUTOSELECT MEDIA_CAMERA_SUPPORT MEDIA_USB_SUPPORT
    USB_VIDEO_CLASS=m MEDIA_TEST_SUPPORT V4L_TEST_DRIVERS VIDEO_VIVID=m
    # room for the registers below, of which a kernel stack holds two sets
    KERNEL_STACK_ORDER=4
"""

# Linux 6.1 reserves 2696 bytes for a process's vector registers, but AMX alone fills 8192 (11008 in all by
# cpuid 0xD), and the host refuses to set a part of them: "ptrace set fp regs failed, errno = 14". Later
# kernels ask for the size.
REGISTERS = ("arch/x86/um/user-offsets.c", "HOST_FP_SIZE, 2696", "HOST_FP_SIZE, 12288")


def config_lines() -> str:
    """:data:`CONFIG` as Kconfig reads it."""
    words = [w for line in CONFIG.splitlines() if "#" not in line for w in line.split()]
    return "".join(f"CONFIG_{w if '=' in w else w + '=y'}\n" for w in words)


def image() -> Path:
    """The folder of the image: of this recipe, so that another recipe is built anew."""
    recipe = hashlib.sha256((config_lines() + "".join(REGISTERS)).encode()).hexdigest()
    return CACHE / recipe[:12]


def why_not() -> str:
    """Why the image can't be built here; empty where it can."""
    if not sys.platform.startswith("linux") or os.uname().machine != "x86_64":
        return "user-mode Linux needs Linux on x86-64"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"the kernel's build needs {', '.join(missing)}" if missing else ""


def build() -> Path:
    """The image, built where it isn't yet.

    Raises:
        subprocess.CalledProcessError: a step failed; its output went to the terminal.
    """
    folder = image()
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="build-") as name:
        work = Path(name)
        for package in (_kernel_source(), "v4l2loopback-dkms"):
            _unpack(package, work)
        (archive,) = work.glob("usr/src/linux-source-*.tar.*")
        _do("tar", "-xf", archive, "-C", work)
        (tree,) = work.glob("linux-source-*/")
        _make_kernel(tree, work)
        made = work / "image"
        (made / "lib/modules").mkdir(parents=True)
        (loopback,) = work.glob("usr/src/v4l2loopback-*/")
        # Its own Makefile is for a running kernel.
        for file in loopback.glob("[MK]*"):
            file.unlink()
        (loopback / "Kbuild").write_text("obj-m := v4l2loopback.o\n")
        _make(tree, f"M={loopback}", "modules")
        for words in ((), (f"M={loopback}",)):
            _make(
                tree, *words, f"INSTALL_MOD_PATH={made}", "INSTALL_MOD_STRIP=1", "modules_install"
            )
        _do("strip", "--strip-debug", "-o", made / "linux", tree / "linux")
        for link in made.glob("lib/modules/*/[bs]*"):
            if link.is_symlink():  # to the tree, which goes
                link.unlink()
        made.rename(folder)
    return folder


def _kernel_source() -> str:
    """The package that ``linux-source`` stands for."""
    said = subprocess.run(
        ["apt-cache", "depends", "linux-source"], capture_output=True, text=True, check=True
    ).stdout
    return next(line.split()[-1] for line in said.splitlines() if "Depends:" in line)


def _unpack(package: str, work: Path) -> None:
    _do("apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", package, cwd=work)
    (file,) = work.glob(f"{package}_*.deb")
    _do("dpkg-deb", "-x", file, work)
    file.unlink()


def _make_kernel(tree: Path, work: Path) -> None:
    file, before, after = REGISTERS
    text = (tree / file).read_text()
    (tree / file).write_text(text.replace(before, after))
    (work / "config").write_text(config_lines())
    _make(tree, f"KCONFIG_ALLCONFIG={work / 'config'}", "allnoconfig")
    _make(tree, f"-j{len(os.sched_getaffinity(0))}", "linux", "modules")


def _make(tree: Path, *words: str) -> None:
    _do("make", "-s", "-C", tree, "ARCH=um", *words)


def _do(*words: str | Path, cwd: Path | None = None) -> None:
    subprocess.run(list(map(str, words)), cwd=cwd, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    if reason := why_not():
        sys.exit(f"The virtual machine can't be built: {reason}.")
    sys.stdout.write(f"{build()}\n")
