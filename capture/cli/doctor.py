"""`capture doctor`: what can run here, what is missing, and the remedy."""


def doctor() -> None:
    """Say which loaders can run on this machine, what is missing and how to get it, and test one with known calls."""
