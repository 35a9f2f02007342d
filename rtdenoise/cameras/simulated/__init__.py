"""The simulated camera: a physical model of a webcam that films drawn scenes.

    scene in linear light → exposure → Bayer mosaic → shot and read noise, fixed pattern, row noise
        → demosaic → white balance, colour matrix → tone curve → noise reduction, sharpening → MJPEG 4:2:2

It stands in for a webcam in the demo and in tests, which it tells the noise-free truth.
"""

from .camera import SimulatedCamera, open_simulated, simulated_info
from .sensor import SensorParameters

__all__ = ["SensorParameters", "SimulatedCamera", "open_simulated", "simulated_info"]
