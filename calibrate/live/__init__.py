"""Trains live networks, on clips with known truth: base networks for any camera, and fine-tuning to one."""
