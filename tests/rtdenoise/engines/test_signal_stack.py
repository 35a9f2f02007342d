import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("openvino")

PROGRAM = """
import os, signal
import torch
from rtdenoise.engines.openvino_engine import OpenvinoEngine
from rtdenoise.networks.live import LiveNetwork, LiveSize

network = LiveNetwork(LiveSize(gate=4, context=4, energy=4, wide=4, filters=4)).eval()
engines = [OpenvinoEngine(network, (8, 8), 1) for _ in range(3)]
while engines:
    del engines[0]  # the first one first: the others came later
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
os.kill(os.getpid(), signal.SIGINT)
print("still here", len(seen))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are other things there")
def test_a_signal_after_graphs_have_gone_is_handled() -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.stdout.strip() == "still here 1", result.stderr
    assert result.returncode == 0
