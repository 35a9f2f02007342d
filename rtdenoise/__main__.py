"""``python -m rtdenoise`` is the same as ``rtdenoise``."""

from .cli import main

main()
