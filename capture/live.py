"""Lines on the terminal as calls happen: the sink of a capture without `-w`."""

import os
import sys
from collections.abc import Mapping

import pyarrow as pa

from capture.errors import ReaderGone
from schemas.console import give_up_output
from schemas.line import Printer, Style, in_order


class LiveSink:
    """Prints the lines of `analyze show -T`. Colours where a terminal shows them."""

    batch_rows = 8192
    streaming = True

    def __init__(self) -> None:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._printer = Printer(Style(durations=True, colour=colour))
        self.bytes_written = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Print the batch in order of return. Raises ReaderGone when nobody reads on."""
        text = "".join(self._printer.lines(in_order(batch))).encode(errors="backslashreplace")
        try:
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            give_up_output()
            raise ReaderGone("nobody reads standard output any more") from error
        self.bytes_written += len(text)

    def flush(self, batch: pa.RecordBatch) -> None:
        """Nothing to secure: a streaming sink is only written to."""

    def close(self, metadata: Mapping[str, str]) -> None:
        """Nothing to finish."""
