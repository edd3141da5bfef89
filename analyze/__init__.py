"""From the file to the answer. Imports `schemas` only."""
