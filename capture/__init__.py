"""From the kernel to the file. Imports `schemas` only."""
