"""Measures a camera's noise in series of still scenes.

* ``measure``            all of it: curves over the level, correlations, and what the others find
* ``curve``              variance by level, with confidence
* ``bands``              the noise in each DCT coefficient of flat places (``band_std``)
* ``structure``          how much stronger it is where the picture isn't flat
* ``fixed_pattern``, ``row_flicker``   what isn't white: the sensor's pattern, rows and banding
* ``exposed``            which pixels are neither crushed nor blown out
* ``other_gains``        clips of the same camera at other gains
* ``figure``             a picture of it
"""
