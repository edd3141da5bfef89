"""strace's logs as a capture: `analyze import`.

log.py takes lines apart, resumed.py joins calls that were cut in two, threads.py follows who is who, calls.py and
arguments.py read one call, rows.py makes the columns.
"""

from analyze.importer.run import Imported, import_logs

__all__ = ["Imported", "import_logs"]
