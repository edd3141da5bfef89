"""The options that narrow a report, as filters: -f, and strace's -p, -e and -P."""

from collections.abc import Sequence

from analyze.errors import FilterError


def filters(
    texts: Sequence[str] | None, pids: Sequence[int] | None, traces: Sequence[str] | None, paths: Sequence[str] | None
) -> list[str]:
    """One filter for each kind of option; calls are kept that pass all of them."""
    found = list(texts or [])
    if pids:
        found.append(f"proc.pid in ({', '.join(map(str, pids))})")
    if paths:
        listed = ", ".join(map(_quoted, paths))
        found.append(f"fs.path.name in ({listed}) or fs.path.target in ({listed})")
    if traces:
        found.append(_traced(traces))
    return found


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _traced(expressions: Sequence[str]) -> str:
    """What strace's -e means, by the names of the calls."""
    from schemas.expr import ExprError, select
    from schemas.record import Abi

    try:
        selection = select(expressions)
    except ExprError as error:
        raise FilterError(str(error)) from error
    names = {name for abi in (selection.native, Abi.I386) for name in selection.names(abi, kept=not selection.others)}
    listed = f"evt.type in ({', '.join(sorted(names))})"
    if selection.others:
        return f"not {listed}" if names else "evt.type exists"
    return listed if names else "not evt.type exists"
