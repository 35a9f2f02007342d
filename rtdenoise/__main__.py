"""The program's start; ``python -m rtdenoise`` is the same as ``rtdenoise``."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C while it is still being loaded is told in a word, too."""
    try:
        from .cli import main as run
    except KeyboardInterrupt:
        sys.exit("Stopped.")  # on standard error, with exit code 1
    run()


if __name__ == "__main__":
    main()
