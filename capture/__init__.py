"""`rtdenoise capture`: films still scenes with a camera, splits them into series and judges each.

record    packets as the camera sends them, into a clip
clip      a clip on disk and its sidecar of facts
series    splits a clip into series of one still scene and judges each
quality   the measures: deviation (eq. 5, 6), shift, drift, lag-1 correlation, flicker
mask      which pixels of a series stand still
plots     the density curves of the paper's Fig. 2, the mean frame with its static mask
"""
