"""`rtdenoise calibrate` and `evaluate`: learn a camera's noise, train its networks, judge them honestly."""
