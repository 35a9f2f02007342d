"""A simulated camera's series, filmed once for all tests of this folder."""

from pathlib import Path

import pytest

from calibrate.evaluate.filming import film
from calibrate.evaluate.material import Material, Recorded, gather
from calibrate.evaluate.protocol import Filmed
from rtdenoise.console import Ticker

SIZE = (320, 180)
GROUPS = (
    Filmed("scenes", (("desk", 0), ("room", 1)), 0, 14),
    Filmed("webcam", (("street", 0), ("chart", 0)), 1, 16),
)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Four scenes, the last of which nothing learns from."""
    folder: Path = tmp_path_factory.mktemp("filmed")
    return film("simulated:desk?noise=high", GROUPS, SIZE, folder, Ticker())


@pytest.fixture(scope="session")
def material(recorded: list[Recorded]) -> Material:
    """What is judged of them, in windows of 96 pixels."""
    return gather(recorded, 1, 96, 1000)
