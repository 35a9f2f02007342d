"""Measures a camera's noise in series of still scenes."""
