"""strace's logs as a capture: `analyze import`.

log.py takes lines apart, resumed.py joins calls that were cut in two, threads.py follows who is who, block.py reads the
distinct calls: bulk.py those of the common shape, all at once, calls.py and arguments.py the others; rows.py makes the
columns. Lines are handled as slices of the log's bytes (texts.py), a block at a time.
"""

from analyze.importer.run import Imported, Read, import_logs

__all__ = ["Imported", "Read", "import_logs"]
