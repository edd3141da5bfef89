"""Which processes must be replayed so that the names of some are right.

Those from whom they have, or with whom they share, their tables; and whoever may have connected an inherited socket.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

FORKS = """\
SELECT on_host(host, pid), on_host(host, ppid), coalesce(arg1, 0) & 3 <> 0
FROM events
WHERE kind = 'fork' AND pid = tid AND ppid IS NOT NULL"""
REACHING = """\
SELECT DISTINCT on_host(host, pid)
FROM events
WHERE syscall IN ('connect', 'bind', 'accept', 'accept4', 'socketcall', 'unshare') AND kind = 'syscall'
    AND pid IS NOT NULL"""


def kin(database: "duckdb.DuckDBPyConnection", processes: Iterable[int]) -> set[int]:
    """The processes, as `on_host` numbers them, and all on whom their names depend. Raises duckdb.Error."""
    depends: dict[int, set[int]] = {}
    for child, parent, shared in database.execute(FORKS).fetchall():
        depends.setdefault(child, set()).add(parent)
        if shared:  # what one of them opens, the other has
            depends.setdefault(parent, set()).add(child)
    waiting = [*processes, *(process for (process,) in database.execute(REACHING).fetchall())]
    found: set[int] = set()
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting += depends.get(process, ())
    return found
