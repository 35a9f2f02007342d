"""What is known about a camera's noise: the model, how it is measured while a stream runs, and the units it gives.

* ``model``          variance by level for each plane, with what else calibration measures; read and written as JSON
* ``structure``      how much noisier edges and texture are than flat places
* ``dct``            the transform of 4 × 4 blocks in which noise is told from picture
* ``vst``            the transform of levels after which noise has one variance (variance stabilisation)
* ``normalised``     frames in units of noise: both transforms together
* ``fields``         the noise at each pixel of a frame
* ``estimate``       the noise of a stream that was not calibrated, learned while it runs (from ``tiles``)
* ``single``         the noise of a single picture, told from its flat places
* ``running``        the noise that counts now: calibrated and followed as the camera's gain changes, or estimated
"""

from .model import PLANES, NoiseCurve, NoiseModel, PlaneName, PlaneNoise

__all__ = ["PLANES", "NoiseCurve", "NoiseModel", "PlaneName", "PlaneNoise"]
