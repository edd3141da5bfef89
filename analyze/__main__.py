"""`python -m analyze`."""

from analyze.cli import script

script()
