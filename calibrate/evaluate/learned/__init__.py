"""Methods that learn, side by side: the same series, the same time, and each its authors' idea.

* ``base``        what a method is given, and what it gives back
* ``methods``     all of them, by name
* ``training``    the steps that those with a U-Net share
* ``unet``        that network, and how it cleans a window
* ``blind``       Noise2Void's and Noise2Self's hidden pixels
* ``simulated``   drawn pictures and cameras, for a network that knows nothing of the camera
* ``prior``       Deep Image Prior
* ``paper``       the paper's network with three kinds of targets
"""

from ...paper.windows import Window
from .base import Cleaner, LearnedMethod, Training
from .methods import LEARNED

__all__ = ["LEARNED", "Cleaner", "LearnedMethod", "Training", "Window"]
