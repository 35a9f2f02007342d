"""The app as a user starts it, and a browser to look at it; both are shared by the tests of a module."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

if TYPE_CHECKING:
    from tests.rtdenoise_app.conftest import App

    from .chromium import Chromium

AXE = "4.14.1"  # MPL-2.0; for these tests only, never carried along
_FETCH_S = 120


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    from tests.rtdenoise_app.conftest import App

    running = App(tmp_path_factory.mktemp("app"))
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    from .chromium import PROGRAMS, Chromium

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which is fetched once."""
    folder = Path(platformdirs.user_cache_dir("rtdenoise-tests")) / f"axe-core-{AXE}"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm, which fetches axe-core, is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        words = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
        try:
            done = subprocess.run(
                [*words, str(folder), f"axe-core@{AXE}"],
                capture_output=True,
                text=True,
                check=False,
                timeout=_FETCH_S,
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm can't fetch axe-core: it takes too long")
        if done.returncode or not script.exists():
            pytest.skip(f"npm can't fetch axe-core: {done.stderr.strip()[-200:]}")
    return script.read_text(encoding="utf-8")
