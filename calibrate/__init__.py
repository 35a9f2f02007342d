"""`rtdenoise calibrate`, `evaluate` and `demo`: learns a camera's noise from still series, and trains networks on it.

* ``command``, ``run``   the command line, and what it does from the series to the saved profile
* ``outcome``, ``report``   what came of it, as values and as pictures
* ``noise``              measures the noise
* ``synthesis``          makes clips with known truth: moving pictures, seen by simulated or measured cameras
* ``live``               trains live networks on such clips; ``python -m calibrate.live.base_training``
* ``paper``              trains the paper's network on still frames alone
* ``trainer``, ``checkpoint``   what both trainings have in common: budgets, and going on after a stop
* ``quality``, ``still_errors``, ``metrics``   judges methods without a clean picture (uPSNR)
* ``evaluate``, ``peers``   methods side by side, other programs' filters among them
* ``demo``               the whole way on the simulated camera

What other programs need can be imported from here, and is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Outcome", "Source", "calibrate", "find_source", "measure_noise"]

if TYPE_CHECKING:
    from .noise.measure import measure as measure_noise
    from .outcome import Outcome
    from .run import calibrate
    from .sources import Source, find_source
else:
    _MODULE_OF = {
        "Outcome": (".outcome", "Outcome"),
        "Source": (".sources", "Source"),
        "calibrate": (".run", "calibrate"),
        "find_source": (".sources", "find_source"),
        "measure_noise": (".noise.measure", "measure"),
    }

    def __getattr__(name):
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module, its_name = _MODULE_OF[name]
        value = getattr(import_module(module, __name__), its_name)
        globals()[name] = value  # asked only once
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
