"""`analyze diff A B`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from analyze.cli import options
from analyze.cli.filters import filters
from analyze.cli.output import choose
from analyze.errors import ChangeFound, QueryError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from analyze.diff import Change, Profile
    from analyze.session import Session

CHANGES = "changes"
SHOWN = 20
Before = Annotated[str, typer.Argument(metavar="A", help="Capture, glob or folder: how it was.", show_default=False)]
After = Annotated[str, typer.Argument(metavar="B", help="The same: how it is now.", show_default=False)]
Limit = Annotated[int, typer.Option("-n", "--limit", min=0, metavar="N", help="Changes at most; 0: all.")]
FailIf = Annotated[
    list[str] | None,
    typer.Option("--fail-if", metavar="SQL", help="Exit with 8 if a change is as described.", show_default=False),
]


def diff(
    before: Before,
    after: After,
    filter_: options.Filter = None,
    trace: options.Trace = None,
    path: options.PathOption = None,
    fail_if: FailIf = None,
    limit: Limit = SHOWN,
    form: options.FormatOption = None,
    output: options.Output = None,
    force: options.Force = False,
    verify: options.Verify = False,
    quiet: options.Quiet = False,
) -> None:
    """Say what changed between two captures, the most telling first.

    Processes, files and peers that are new or gone; errors and calls that are new, gone, more or less; calls that
    became slower or faster. Names are compared without pids, random parts and ports that the kernel chose. What may be
    noise is not told: counts are judged by how much counts vary between the two, latencies by a rank-sum test and by
    how much latencies moved throughout.

    --fail-if takes a condition on the columns kind (process, error, file, peer, latency, call, pace), change (new,
    gone, more, less, slower, faster), process, call, what, before, after, unit (calls, ns, times), ratio, p, score.

    \b
    Examples:
      analyze diff yesterday.parquet today.parquet
      analyze diff a.parquet b.parquet -f 'proc.name = nginx' --format json
      analyze diff a.parquet b.parquet -n 0 -w diff.html
      analyze diff a.parquet b.parquet --fail-if "kind = 'error' AND change = 'new'"
    """
    from analyze.diff import compare
    from analyze.html.diff import diff_page, side_of
    from analyze.session import Session

    target = choose(form, output, force)
    narrowed = filters(filter_, None, trace, path)
    pictured = target.format == options.Format.HTML
    with Session([before], filters=narrowed, verified=verify) as session:
        target.spare(source.name for source in session.sources)
        first, complete = _profile(session, quiet), _incomplete(before, session)
        sides = [side_of(before, session)] if pictured else []
    with Session([after], filters=narrowed, verified=verify) as session:
        target.spare(source.name for source in session.sources)
        changes = compare(first, _profile(session, quiet))
        complete += _incomplete(after, session)
        session.database.register(CHANGES, as_table(changes))
        whole = target.format != options.Format.TABLE
        cut = f"\nLIMIT {limit}" if limit else ""
        if pictured:
            with target.opened() as out:
                out.write(diff_page([*sides, side_of(after, session)], session.prepare(_whole() + cut), complete))
        elif changes or whole:
            target.write(session.prepare((_whole() if whole else _short()) + cut))
        if not quiet:
            told = "nothing of weight changed" if not changes else ""
            if limit and len(changes) > limit:
                told = f"{limit:,} of {len(changes):,} changes; -n 0 shows all"
            for line in [told, *complete]:
                target.remark(line)
        _judge(session, fail_if or [])


def as_table(changes: Sequence["Change"]) -> "pa.Table":
    """The changes as a table, one row each."""
    import pyarrow as pa

    texts, numbers = ("kind", "change", "process", "call", "what", "unit"), ("before", "after", "p", "score")
    schema = pa.schema(
        [*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers), ("ratio", pa.float64())]
    )
    return pa.Table.from_pylist([{**asdict(one), "ratio": one.ratio} for one in changes], schema=schema)


def _whole() -> str:
    return f'SELECT kind, change, process, call, what, "before", "after", unit, ratio, p, score FROM {CHANGES}'


def _short() -> str:
    """For people: numbers with their units."""
    return f"""
        SELECT
            change || ' ' || kind AS change,
            concat_ws(' ', nullif(process, ''), nullif(call, ''), nullif(what, '')) AS what,
            {_number("before")} AS "before",
            {_number("after")} AS "after"
        FROM {CHANGES}"""


def _number(column: str) -> str:
    """A number with the unit of its row, as text."""
    return f"""CASE
                WHEN unit = 'times' THEN format('{{:.2f}} times', "{column}")
                WHEN unit <> 'ns' THEN format('{{:,}}', "{column}"::BIGINT)
                WHEN "{column}" < 1e4 THEN format('{{:,}} ns', "{column}"::BIGINT)
                WHEN "{column}" < 1e7 THEN format('{{:,.1f}} µs', "{column}" / 1e3)
                ELSE format('{{:,.1f}} ms', "{column}" / 1e6)
            END"""


def _profile(session: "Session", quiet: bool) -> "Profile":
    """What a capture holds, with a bar while it is counted."""
    from analyze.cli.progress import progress
    from analyze.diff import profile

    with progress(session, quiet=quiet):
        return profile(session)


def _incomplete(name: str, session: "Session") -> list[str]:
    from analyze.completeness import completeness

    whole = completeness(session)
    return [] if whole.complete else [f"{name}: {whole.sentence()}"]


def _judge(session: "Session", conditions: Sequence[str]) -> None:
    """Fail if a change is as one of the conditions says. Raises ChangeFound, or UsageError for what is no condition."""
    for condition in conditions:
        try:
            *_, query = session.judge(f"SELECT count(*) FROM {CHANGES} WHERE ({condition}\n)")
            count = session.fetch(query)[0][0]
        except QueryError as error:
            raise UsageError(f"--fail-if {condition}: {str(error).splitlines()[0]}") from error
        if count:
            raise ChangeFound(
                f"{count:,} {'change is' if count == 1 else 'changes are'} as --fail-if says: {condition}"
            )
