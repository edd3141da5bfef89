"""`analyze tree FILE...`."""

from analyze.cli import options
from analyze.cli.output import choose

TABLE = "process_tree"
SHOWN = "process, pid, begins_ns, life_ns, ended, calls, time_ns"
"""What of a process fits on a line; files and pipes get all columns."""


def tree(
    files: options.Files = None,
    read: options.Read = None,
    limit: options.Limit = None,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Show who started whom: the processes of the capture as a tree.

    Each with its command line, when it began (after the start of the capture) and how long it lived, how it ended, its
    system calls and the time in them. What was not seen is left empty: a process without a life was there before, or
    still when the capture ended. [name] is a process that ran no program of its own, or none that was seen.

    \b
    Examples:
      analyze tree trace.parquet
      analyze tree trace.parquet --format json
    """
    from analyze.completeness import completeness
    from analyze.session import Session
    from analyze.tree import as_table

    target = choose(form, output, force)
    drawn = target.format == options.Format.TABLE
    with Session([*(files or []), *(read or [])], verified=verify) as session:
        target.spare(source.name for source in session.sources)
        session.database.register(TABLE, as_table(session, drawn=drawn))
        columns = SHOWN + (", host" if len(session.hosts) > 1 else "") if drawn else "*"
        query = f"SELECT {columns} FROM {TABLE}" + (f" LIMIT {limit}" if limit else "")
        shown = target.write(session.prepare(query))
        if not quiet:
            total = session.fetch(f"SELECT count(*) FROM {TABLE}")[0][0]
            if shown < total:
                target.remark(f"\n{shown:,} of {total:,} processes; -n 0 shows all")
            elif drawn:
                target.remark("" if shown else "no processes")
            target.remark(completeness(session).sentence())
