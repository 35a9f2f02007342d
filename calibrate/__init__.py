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
"""
