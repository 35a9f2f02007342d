"""The benchmarks are no installed package: they are run from the repository's root."""

import sys
from pathlib import Path

# Last: what was left beside the sources must not stand before what is installed.
sys.path.append(str(Path(__file__).parents[2]))
