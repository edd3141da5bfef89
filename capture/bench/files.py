"""What a bench leaves behind: every run as Parquet and JSON, the report, and the picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.bench.machine import Machine
from capture.bench.run import Kind, Run
from capture.errors import SinkError

if TYPE_CHECKING:
    import pyarrow as pa

RUNS_PARQUET, RUNS_JSON, REPORT, PICTURE = "runs.parquet", "runs.json", "report.md", "bench.svg"


@dataclass(frozen=True)
class About:
    """What the numbers belong to. `workloads` and `tracers` by name what they are; `not_measured` by name why not."""

    command: str
    date: str
    machine: Machine
    load_at_end: float
    stolen: float
    workloads: dict[str, str]
    tracers: dict[str, str]
    not_measured: dict[str, str]
    scale: float = 1.0

    def lines(self) -> list[str]:
        """The machine and how quiet it was, for people: one fact a line."""
        loads = f"load average {self.machine.load:.2f} at the start, {self.load_at_end:.2f} at the end"
        return [*self.machine.lines(), f"{loads}; {self.stolen * 100:.1f} % of CPU time stolen by the hypervisor"]

    def caption(self) -> str:
        """The machine, and when, in one line."""
        here = self.machine
        where = f"{here.cpus} x {here.cpu}, {here.virtualised}, Linux {here.kernel.split()[0]}"
        return f"{where}; systape {here.versions.get('systape', '')}, {self.date}"


def read(folder: Path) -> tuple[list[Run], About]:
    """The runs of a bench and what they belong to, from its folder. Raises SinkError if there is none."""
    try:
        told = json.loads((folder / RUNS_JSON).read_text())
        runs = [Run(**{**run, "kind": Kind(run["kind"])}) for run in told.pop("runs")]
        return runs, About(**{**told, "machine": Machine(**told["machine"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SinkError(f"{folder} holds no results of a bench ({error}): name the folder after its -o") from error


def prepare(folder: Path, *, force: bool) -> None:
    """Make the folder. Raises SinkError if it cannot be written, or holds a bench already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RUNS_JSON).open("w" if force else "x").close()
    except FileExistsError as error:
        raise SinkError(f"{folder} holds a bench already: name another with -o, or --force overwrites it") from error
    except OSError as error:
        raise SinkError(f"cannot write to {folder}: {error.strerror}; name another folder with -o") from error


def write_runs(folder: Path, runs: Sequence[Run], about: About) -> None:
    """Both files of runs; the Parquet file has the rest in its metadata, under the key `bench`. Raises SinkError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([asdict(run) for run in runs], schema(about))
    try:
        pq.write_table(table, folder / RUNS_PARQUET)
        everything = {**asdict(about), "runs": [asdict(run) for run in runs]}
        (folder / RUNS_JSON).write_text(json.dumps(everything, indent=1) + "\n")
    except OSError as error:
        raise SinkError(f"cannot write the runs to {folder}: {error}; free some space") from error


def schema(about: About) -> "pa.Schema":
    """The columns of runs.parquet: the fields of Run."""
    import pyarrow as pa

    types: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64()}
    columns = []
    for field in fields(Run):
        kind = next((types[each] for each in types if field.type in (each, each | None)), pa.string())
        columns.append(pa.field(field.name, kind, nullable=field.default is None))
    return pa.schema(columns, {"bench": json.dumps(asdict(about))})


def report(about: About, text: str, matrix: str) -> str:
    """report.md: the machine, the table of all, the tables of each, what was not measured, and how to do it again."""
    left_out = [f"- {name}: {reason}" for name, reason in about.not_measured.items()]
    parts = [
        "# What tracing costs on this machine",
        f"`{about.command}`, {about.date}.",
        "\n".join(f"- {line}" for line in about.lines()),
        f"![times over native]({PICTURE})",
        matrix.rstrip(),
        f"```text\n{text}```",
        "Tracers:",
        "\n".join(f"- `{name}`: {words}" for name, words in about.tracers.items()),
        "Not measured:",
        "\n".join(left_out) or "- nothing was left out",
    ]
    return "\n\n".join(parts) + "\n"
