"""`rtdenoise evaluate`: methods side by side on one camera's own footage, as the paper's Table 1."""
