"""`rtdenoise demo`: the whole road on the simulated camera, with pictures and numbers at the end."""
