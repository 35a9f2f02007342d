"""`rtdenoise capture`: films still scenes with a camera, splits them into series and judges each.

command   the command line
record    films: packets as the camera sends them, with its settings held still
writer    puts packets into a file, whole or not at all
clip      a clip on disk and its sidecar of facts
series    judges a clip: reads it, and writes sidecar and static masks
segments   cuts the clip into segments of one scene and measures each
joining   joins neighbouring segments into longer series
verdict   the limits, and the reason where one is passed
quality   the measures: deviation (eq. 5, 6), drift, lag-1 correlation, flicker
shift     sub-pixel shift of a frame
mask      which pixels of a series stand still
plots     the density curves of the paper's Fig. 2, the mean frames with their static masks
"""
