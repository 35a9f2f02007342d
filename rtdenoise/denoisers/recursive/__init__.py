"""The recursive filter: a clean picture of what was seen, into which each new frame is blended block by block.

* ``filter``        the denoiser: what all planes have in common
* ``plane``         one plane's average and its update
* ``gain``          how much of a new frame counts (the temporal gain, as a Kalman filter's)
* ``shrinkage``     cleaning in space where there is no past: DCT coefficients shrunk towards zero
* ``local_noise``   how noisy each place has shown itself
"""

from .filter import RecursiveDenoiser

__all__ = ["RecursiveDenoiser"]
