"""The live networks' fixed numbers, which every engine works with. Light to import.

What they do is told in :mod:`.live` and :mod:`.local_noise`, whose arithmetic they belong to.
"""

from __future__ import annotations

import numpy as np

from ..noise.structure import GROUP_NAMES, GROUP_OF

GATES = 3
"""How many weights a block's coefficients have in a new frame: for luma's mean, for luma's other ones, for chroma."""
GATE_INPUTS = 14
"""How many numbers a gate sees of each block."""

# ---------------------------------------------------------------------- a step (live)

# No weight below about the root of it: a state never stops listening.
LEAST_BIAS = 4e-4
LEAST_RESIDUAL = 0.01
DIFFERENCE_RATE = 0.25
FIRST_RESIDUAL = 1e4  # noise variance of a state that has seen nothing
# Beyond so many standard deviations a coefficient is signal anyway.
MOST_COEFFICIENT, MOST_CHANGE = 24.0, 8.0
# Standard deviations of the noise in a block's mean, by which the mean of 3 × 3 blocks of the average may lie off the
# frame's. Of noise alone, with blots as large as a block, few are beyond.
MOST_LAG = 1.8

# ---------------------------------------------------------------------- the noise at each place (local_noise)

GROUPS = tuple(tuple(np.flatnonzero(g == GROUP_OF).tolist()) for g in range(len(GROUP_NAMES)))
"""DCT coefficients whose noise grows alike, as in what calibration measures (:mod:`rtdenoise.noise.structure`)."""
# Frames that the model counts for at the start, and the rate at which the present replaces the past later.
MODEL_FRAMES, LEAST_RATE = 2.0, 0.1
# A sample is cut off at so many times what was learned, and a bit, once that rests on a few frames.
MOST_RISE, RISE_MORE, CUT_AFTER = 6.0, 3.0, 4.0
LARGEST = 4000.0
# From where to where trust falls: product of successive innovations over their square; energy of means over that of
# the rest; that energy over the average's.
WHITE, FINE, PART = (0.1, 0.25), (0.2, 0.4), (0.6, 1.2)
ROOM = 0.5  # by which means may vary more than the model says, before that counts
TINY = 1e-3
