"""`rtdenoise capture`: record a camera as it is, split the clip into still series, judge each."""
