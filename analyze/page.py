"""The page docs/reports.md, made of the headers of the reports: `python -m analyze.page > docs/reports.md`.

And the table of fields in docs/filters.md: `python -m analyze.page fields`. A test holds both to what is printed here.
"""

import sys

from analyze import reports
from analyze.filter import fields
from analyze.reports.header import Report

HEAD = """\
# Reports

`analyze REPORT FILE...` runs a report. Each is one .sql file whose header says what it takes and what it returns; the
command line, the options, this page and Python read the same header. All of them take:

- captures: files, globs, folders, `-` for an Arrow stream from a pipe; several are one, rotated files among them;
- `-f FILTER` ([filters.md](filters.md)), and strace's `-p PID`, `-e EXPR`, `-P PATH`;
- `-n ROWS` (0: all), `-S COLUMN` (sort), `--by COLUMNS` where a report groups;
- `--format table|json|ndjson|csv|parquet|arrow`, `-w FILE`; durations are ns as integers in all but `table`;
- `-d` prints the SQL, a script that runs in any DuckDB, and ends.

`--by` takes any columns of the view `selected` and the words `process`, `thread`, `call`, `error`, `program`, `user`,
separated by commas. Beside a process stands what its main thread was called last. Each answer ends with how complete it
is: what was lost is counted unless the filter rules it out by call, CPU or time.

A report of your own is an .sql file in `~/.config/systape/reports/`, where it is a command with a line in
`analyze --help`, or anywhere: `analyze ./mine.sql trace.parquet`.

```sql
-- Processes that wrote most to one path.
-- param  least BIGINT 1  bytes that are worth a line
-- column comm  VARCHAR   program
-- column path  VARCHAR   file
-- column bytes BIGINT    written
-- total  bytes
-- sort   bytes
SELECT comm, path, sum(bytes)::BIGINT AS bytes
FROM selected
WHERE direction = 'write'
GROUP BY ALL
HAVING sum(bytes) >= getvariable('least')
```

The form of a header is described in analyze/reports/header.py.
"""


def reports_page() -> str:
    """The text of docs/reports.md."""
    found = [reports.find(name) for name in sorted(reports.built_in())]
    return "\n".join([HEAD, *map(_section, found)])


def _section(report: Report) -> str:
    lines = [f"## {report.name}", "", f"{report.title}.", ""]
    if report.text:
        lines += [report.text, ""]
    for param in report.params:
        lines.append(f"- `--{param.name.replace('_', '-')}` ({param.default}): {param.help}")
    if report.params:
        lines.append("")
    lines += ["| column | type | meaning |", "| --- | --- | --- |"]
    lines += [f"| {column.name} | {column.type} | {column.help} |" for column in report.columns]
    return "\n".join(lines) + "\n"


def fields_table() -> str:
    """The fields of the filter language as a Markdown table."""
    lines = ["| field | type | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{field.name}` | {field.type} | {field.meaning} |" for field in fields().values()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(fields_table() if "fields" in sys.argv[1:] else reports_page())
