"""From the file to the answer. Imports `schemas` only."""

from analyze.api import Answer, Capture, open_capture
from analyze.errors import AnalyzeError

__all__ = ["AnalyzeError", "Answer", "Capture", "open_capture"]
