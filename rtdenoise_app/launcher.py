"""The entry in the desktop's menu: a .desktop file and an icon, where the XDG specifications have them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rtdenoise.console import say
from rtdenoise.errors import RtdenoiseError
from rtdenoise.files import write_bytes

NAME = "rtdenoise"
_ICON = Path(__file__).parent / "page" / "icon.svg"
_RESERVED = set(" \t\"'\\><~|&;$*?#()`")

_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.5
Name=rtdenoise
GenericName=Camera noise remover
Comment=See your webcam before and after cleaning, calibrate it, and use it in calls
Exec={command}
Icon={icon}
Terminal=false
Categories=AudioVideo;Video;
Keywords=webcam;camera;noise;denoise;video;call;
StartupNotify=false
"""


def install(home: Path | None) -> None:
    """Puts the app into the menu of this user's desktop; what is there already is replaced.

    Raises:
        RtdenoiseError: this system has no such entries.
        StorageError: a file can't be written.
    """
    words = command_line(home)
    if not sys.platform.startswith("linux"):
        raise _elsewhere(words)
    write_bytes(icon_path(), _ICON.read_bytes())
    entry = _ENTRY.format(command=" ".join(map(quoted, words)), icon=NAME)
    write_bytes(entry_path(), entry.encode())
    say("[green]✓[/] rtdenoise is in the menu now ({}).", entry_path())


def uninstall() -> None:
    """Takes it out of the menu again.

    Raises:
        RtdenoiseError: this system has no such entries.
    """
    if not sys.platform.startswith("linux"):
        raise _elsewhere(command_line(None))
    there = [path for path in (entry_path(), icon_path()) if path.exists()]
    for path in there:
        path.unlink()
    say("[green]✓[/] rtdenoise is no longer in the menu." if there else "It is not in the menu.")


def entry_path() -> Path:
    """The .desktop file, by the Desktop Menu Specification."""
    return _data() / "applications" / f"{NAME}.desktop"


def icon_path() -> Path:
    """The icon, by the Icon Theme Specification."""
    return _data() / "icons" / "hicolor" / "scalable" / "apps" / f"{NAME}.svg"


def _data() -> Path:
    # The Base Directory Specification: a path that isn't absolute counts for nothing.
    named = os.environ.get("XDG_DATA_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".local" / "share"


def command_line(home: Path | None) -> list[str]:
    """The words that start the app with this very installation."""
    where = [] if home is None else ["--home", str(home.absolute())]
    return [sys.executable, "-m", "rtdenoise", *where, "app"]


def quoted(word: str) -> str:
    """A word of Exec= as the Desktop Entry Specification wants it.

    Raises:
        RtdenoiseError: it holds a line break, which such a file can't.
    """
    if "\n" in word or "\r" in word:
        raise RtdenoiseError(f"{word!r} holds a line break.", "Choose a folder without one.")
    word = word.replace("%", "%%")
    if word and not _RESERVED & set(word):
        return word
    for sign in '\\"`$':
        word = word.replace(sign, "\\" + sign)
    # Once more: a value of type string has escapes of its own.
    return '"{}"'.format(word.replace("\\", "\\\\"))


def _elsewhere(words: list[str]) -> RtdenoiseError:
    """What to do on the systems whose way docs/app.md describes."""
    line = " ".join(f'"{word}"' if " " in word else word for word in words)
    if sys.platform == "win32":
        return RtdenoiseError(
            "On Windows the Start menu takes shortcuts.",
            f"Make one as docs/app.md shows, for: {line}",
        )
    return RtdenoiseError(
        "Here, an application bundle goes into the menu.",
        f"Make one as docs/app.md shows, for: {line}",
    )
