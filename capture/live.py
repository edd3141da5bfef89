"""Lines on the terminal as calls happen: the sink of a capture without `-w`."""

import os
import sys
from collections.abc import Iterator, Mapping

import pyarrow as pa

from capture.errors import ReaderGone

_BLUE, _RED, _DIM, _PLAIN = "\x1b[34m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_MAX_ARGS = 6


class LiveSink:
    """Prints each call as `time pid comm name(arguments) = result <seconds>`. Colours where a terminal shows them."""

    batch_rows = 8192
    streaming = True

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.bytes_written = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Print the calls of the batch. Raises ReaderGone when nobody reads on."""
        text = "".join(self._lines(batch))
        self.bytes_written += len(text)
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # the interpreter flushes once more at its end
            raise ReaderGone("nobody reads standard output any more") from error

    def flush(self, batch: pa.RecordBatch) -> None:
        """Nothing to secure: a streaming sink is only written to."""

    def close(self, metadata: Mapping[str, str]) -> None:
        """Nothing to finish."""

    def _lines(self, batch: pa.RecordBatch) -> Iterator[str]:
        columns = {name: batch.column(name).to_pylist() for name in _SHOWN}
        stamps = batch.column("ts").cast(pa.string()).to_pylist()
        for stamp, *values in zip(stamps, *columns.values(), strict=True):
            row = dict(zip(_SHOWN, values, strict=True))
            if row["kind"] == "syscall":
                yield self._call(stamp, row)
            elif row["kind"] == "loss":
                yield self._paint(_RED, f"{stamp[11:26]} {row['weight']} calls of {row['syscall']} lost\n")

    def _call(self, stamp: str, row: dict[str, object]) -> str:
        arguments = ", ".join(_number(row[f"arg{i}"]) for i in range(_MAX_ARGS) if row[f"arg{i}"] is not None)
        name = self._paint(_BLUE, str(row["syscall"]))
        duration = "" if row["dur_ns"] is None else self._paint(_DIM, f" <{int(str(row['dur_ns'])) / 1e9:.6f}>")
        result = "?" if row["ret"] is None else f"{row['ret']}" if not row["errno"] else f"-1 {row['errno']}"
        if row["errno"]:
            result = self._paint(_RED, result)
        comm = str(row["comm"]).translate(_CONTROL)
        return f"{stamp[11:26]} {row['tid']:>7} {comm:<15} {name}({arguments}) = {result}{duration}\n"

    def _paint(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text


_SHOWN = ("kind", "tid", "comm", "syscall", *(f"arg{i}" for i in range(_MAX_ARGS)), "ret", "errno", "dur_ns", "weight")


def _number(value: object) -> str:
    number = int(str(value))
    return str(number) if -4096 <= number <= 65535 else f"{number & 0xFFFF_FFFF_FFFF_FFFF:#x}"
