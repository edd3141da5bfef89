"""Where the rows of a capture go; `open_sink` chooses by the name given to `-w`."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from capture.errors import SinkError

if TYPE_CHECKING:
    from capture.sink.base import Sink
    from capture.sink.names import Rotation

__all__ = ["batch_rows", "is_file", "open_folder", "open_sink"]


def batch_rows(target: str) -> int:
    """Rows of a full batch of the sink that `open_sink` would give."""
    from capture.sink.base import BATCH_ROWS
    from capture.sink.ipc import IpcSink

    return IpcSink.batch_rows if _is_stream(target) else BATCH_ROWS


def open_folder(target: str | None) -> int | None:
    """A descriptor of the folder in which a file is to be made for `-w target`; None if none is. Raises SinkError."""
    from capture.sink import files

    return None if target is None or target == "-" or _is_null_device(Path(target)) else files.open_folder(Path(target))


def open_sink(
    target: str,
    start: Callable[[int], Mapping[str, str]],
    *,
    rotation: "Rotation | None" = None,
    force: bool = False,
    durable: bool = False,
    opened: int | None = None,
) -> "Sink":
    """The sink for `-w target`: `-` an Arrow stream on standard output, /dev/null nothing, `.arrows` an Arrow stream.

    Every other name is Parquet, which can rotate: `start` gives the metadata that file number N begins with. `opened`
    is what `open_folder` gave, perhaps with other rights than now. Raises SinkError if it cannot be made, or would put
    binary on a terminal.
    """
    from capture.sink.ipc import IpcSink, open_stream
    from capture.sink.null import NullSink
    from capture.sink.rotating import RotatingSink

    path = Path(target)
    if target == "-":
        if os.isatty(1):
            raise SinkError("a terminal cannot show an Arrow stream; pipe it to a program, or name a file after -w")
        return IpcSink(os.dup(1), "standard output", start(0))
    if _is_null_device(path):
        return NullSink()
    if _is_stream(target):
        return IpcSink(open_stream(path, force=force, opened=opened), target, start(0), compression="lz4")
    return RotatingSink(path, start, rotation, force=force, durable=durable, opened=opened)


def is_file(target: str) -> bool:
    """Does `-w target` make a Parquet file, which can rotate and be made durable?"""
    return not _is_stream(target) and not _is_null_device(Path(target))


def _is_stream(target: str) -> bool:
    return target == "-" or Path(target).suffix == ".arrows"


def _is_null_device(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False  # whatever is wrong with the path, the sink that opens it says so
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3)
