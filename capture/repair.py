"""Finish a capture whose collector died: the same as its own end, done later."""

from dataclasses import dataclass
from pathlib import Path

from capture.errors import SinkError
from schemas.journal import PARQUET_MAGIC, journal_path


@dataclass(frozen=True)
class Repaired:
    """What became of a capture. `was_whole` if there was nothing to do; then `rows` is -1."""

    path: Path
    rows: int
    was_whole: bool
    damaged: tuple[int, ...] = ()
    """Rows of each row group that was left out, as its bytes are not what was written."""


def repair(path: Path) -> Repaired:
    """Make the capture at `path`, with the journal beside it, one whole Parquet file of all rows that were safe.

    What a power cut has damaged is left out, and a loss row tells of it. May be called again at any time. Raises
    SinkError: it is still being written, it is no capture, or the disk is full.
    """
    from capture.sink.store import Store

    if not journal_path(path).exists() and _is_whole(path):
        return Repaired(path, -1, was_whole=True)
    try:
        store = Store.reopen(path)
        rows = store.finish({})
    except (
        ValueError,
        OSError,
    ) as error:  # what pyarrow or the journal's reader says; the disk's errors are SinkErrors
        said = str(error).partition("\n")[0]
        raise SinkError(f"cannot repair {path}: it or its journal is damaged: {said}") from error
    return Repaired(path, rows, was_whole=False, damaged=tuple(group.rows for group in store.damaged))


def _is_whole(path: Path) -> bool:
    """True for a Parquet file, False for an empty one, whose writer died at the very start.

    Raises SinkError for any other, as there is no journal to make it one.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(PARQUET_MAGIC))
            if not start:
                return False
            file.seek(-min(len(PARQUET_MAGIC), path.stat().st_size), 2)
            end = file.read()
    except OSError as error:
        raise SinkError(f"cannot repair {path}: {error.strerror}; name a capture made by capture -w") from error
    if start != PARQUET_MAGIC or end != PARQUET_MAGIC:
        raise SinkError(f"cannot repair {path}: {journal_path(path).name} is not beside it; put both into one folder")
    return True
