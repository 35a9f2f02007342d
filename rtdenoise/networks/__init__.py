"""The networks, their files, and how they are run over whole frames."""
