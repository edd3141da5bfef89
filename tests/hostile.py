"""Captures, journals and logs as a bad disk or an enemy makes them: bytes changed at random, or values crafted to harm.

Everything follows from the generator that is given, so a case can be made again from its number.
"""

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.arrow import Key

FOOTER = 8
"""Bytes at the end of a Parquet file: the footer's length and the magic."""
NASTY = (
    *(
        "\x1b[2J\x1b]0;owned\x07",
        "<script>alert(1)</script>",
        "'; DROP VIEW calls; --",
        "=cmd|' /C calc'!A0",
        "\x9b31m",
    ),
    *("\u202egpj.exe", "a\x00b", "\n\r\t", "\\x41\\", "{{7*7}}", "%s%n", "\U000e0041", "x" * 100_000, "e\u0301" * 500),
)
EXTREMES = (0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**63 - 2, -(2**63) + 1, 10**18)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one kind of damage, once or a few times."""
    changed = bytearray(data)
    damage = rng.choice((_cut, _flip, _flip, _flip, _footer, _footer, _overwrite, _zero, _double, _drop, _length))
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            damage(changed, rng)
    return bytes(changed)


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _footer(data: bytearray, rng: random.Random) -> None:
    """A byte of what describes the rest, which is where a reader can be led astray."""
    size = struct.unpack_from("<I", data, len(data) - FOOTER)[0] if len(data) > FOOTER else 0
    start = len(data) - min(size, len(data) - 1) - min(FOOTER, len(data) - 1)
    data[rng.randrange(max(0, start), len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _overwrite(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start : start + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(1, 64))


def _zero(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((8, 512, 4096)))
    data[start:end] = bytes(end - start)


def _double(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.randrange(1, 4096)]


def _drop(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 4096)]


def _length(data: bytearray, rng: random.Random) -> None:
    """Four bytes that may be a length become a large one."""
    start = rng.randrange(max(1, len(data) - 4))
    data[start : start + 4] = struct.pack("<I", rng.choice((0xFFFFFFFF, 0x7FFFFFFF, 0x10000000, 0)))


def craft(source: Path, target: Path, rng: random.Random) -> None:
    """A Parquet file that is sound as such and made from `source`, with something in it that no collector writes."""
    table = pq.read_table(source)
    table = rng.choice((_values, _values, _holes, _texts, _texts, _types, _columns, _metadata, _metadata))(table, rng)
    pq.write_table(table, target, row_group_size=rng.choice((7, 500, 100_000)), write_page_checksum=True)


def _values(table: pa.Table, rng: random.Random) -> pa.Table:
    """Numbers at the ends of their types."""
    for name in rng.sample(table.column_names, 6):
        kind = table.schema.field(name).type
        if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
            bits = kind.bit_width
            low, high = -(1 << bits - 1), (1 << bits - 1) - 1
            fits = [value for value in EXTREMES if low <= value <= high] + [low, high]
            hits = [rng.choice(fits) if rng.random() < 0.3 else None for _ in range(table.num_rows)]
            table = _replace(table, name, pc.coalesce(pa.array(hits, pa.int64()).cast(kind), table.column(name)))
    return table


def _holes(table: pa.Table, rng: random.Random) -> pa.Table:
    """Columns that lack some values, or all."""
    for name in rng.sample(table.column_names, 3):
        table = holed(table, name, rng, rng.choice((0.4, 1.0)))
    return table


def holed(table: pa.Table, name: str, rng: random.Random, share: float) -> pa.Table:
    """A table without this share of the values of a column."""
    field, column = table.schema.field(name).with_nullable(True), table.column(name)
    kept = pa.array([rng.random() >= share for _ in range(table.num_rows)])
    holes = pc.if_else(kept, column, pa.nulls(table.num_rows, field.type))
    return table.set_column(table.column_names.index(name), field, holes.cast(field.type))


def _texts(table: pa.Table, rng: random.Random) -> pa.Table:
    """Names that are no names."""
    for name in rng.sample(
        ["comm", "path", "path2", "addr", "cmdline", "cgroup", "syscall", "errno", "kind", "abi"], 4
    ):
        field = table.schema.field(name)
        hits = [rng.choice(NASTY) if rng.random() < 0.2 else None for _ in range(table.num_rows)]
        merged = pc.coalesce(pa.array(hits, pa.string()), table.column(name).cast(pa.string()))
        table = _replace(table, name, merged.cast(pa.string()) if field.type == pa.string() else merged)
    return table


def _types(table: pa.Table, rng: random.Random) -> pa.Table:
    """A column of another type, nested ones among them."""
    name, rows = rng.choice(table.column_names), table.num_rows
    deep: pa.DataType = pa.int64()
    for _ in range(rng.choice((1, 30))):
        deep = pa.list_(deep) if rng.random() < 0.5 else pa.struct([("a", deep)])
    other = rng.choice((deep, pa.float64(), pa.decimal128(38, 2), pa.bool_(), pa.timestamp("s", "UTC"), pa.binary()))
    return _replace(table, name, pa.nulls(rows, other))


def _columns(table: pa.Table, rng: random.Random) -> pa.Table:
    """Columns missing, in another order, of another case, or many of them that nobody asked for."""
    names = table.column_names
    rng.shuffle(names)
    table = table.select(names[: rng.randrange(1, len(names) + 1)])
    if rng.random() < 0.5:
        table = table.rename_columns([name.upper() if rng.random() < 0.3 else name for name in table.column_names])
    for index in range(rng.choice((0, 1, 2000))):
        extra = rng.choice((f"x{index}", f'"{index}\n', f"file{index}", "file", "host", "TS"))
        if extra not in table.column_names:
            table = table.append_column(extra, pa.nulls(table.num_rows, pa.int32()))
    return table


def _metadata(table: pa.Table, rng: random.Random) -> pa.Table:
    """The file's own account of itself, wrong."""
    known = {key.decode(): text.decode() for key, text in (table.schema.metadata or {}).items()}
    known.pop("ARROW:schema", None)
    key = rng.choice([*map(str, Key), Key.COUNTERS, Key.COUNTERS, Key.SCHEMA_VERSION])
    cell = {"cpu": 0, "abi": "x86_64", "nr": 0, "syscall": "read", "seen": 1, "written": 1, "dropped": {}}
    known[key] = rng.choice(
        (
            *("", "{", "[]", "null", "1", '"x"', "[" * 100_000, '{"cells":[' * 30_000, "9" * 5000, "\x1b[31m"),
            *(
                "2.0",
                "1.999",
                "0",
                "-1",
                "1e999",
                "\u0661.\u0660",
                json.dumps({"cells": [{}]}),
                json.dumps({"cells": [[1]]}),
            ),
            *(json.dumps({"cells": [{**cell, "seen": value}]}) for value in (None, "1", 1e300, 10**40, [], {}, -1)),
            *(json.dumps({"cells": [{**cell, "dropped": value}]}) for value in (None, [], {"x": None}, {"\x1b[m": 9})),
            *(json.dumps({"cells": [{**cell, "cpu": value, "syscall": value}]}) for value in (None, 10**20, "x\x1b")),
            *(json.dumps(value) for value in ({"0": None}, {"x": "y"}, {"9" * 400: "z"}, {"0": ["\x1b"]}, ["root"])),
            *("2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01", "now", "x" * 3_000_000),
        )
    )
    if rng.random() < 0.1:
        del known[key]
    return table.replace_schema_metadata(known)


def _replace(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def hostile_log(log: str, rng: random.Random) -> bytes:
    """A log of strace's with lines that strace never wrote."""
    lines = log.splitlines()
    change: Callable[[str], str]
    for _ in range(rng.choice((1, 5, 50))):
        place = rng.randrange(len(lines))
        change = rng.choice(
            (
                lambda line: line[: rng.randrange(len(line) + 1)],
                lambda line: line.replace("(", "(" * rng.choice((2, 5000)), 1),
                lambda line: line.replace("=", rng.choice(("", "= =", "=" * 1000))),
                lambda line: rng.choice(("9" * 400, "-1", "0")) + line[4:],
                lambda line: line + rng.choice(NASTY),
                lambda line: (
                    line[: len(line) // 2] + rng.choice(("{[{[" * 2000, '"' * 99, "\\x", "...", "<unfinished ...>"))
                ),
                lambda line: line.replace(",", rng.choice((",,", "|", ", {a=", ", [" * 300)), 1),
                lambda line: rng.choice(
                    ("+++ exited with x +++", "--- SIGX {si_signo=} ---", "<... read resumed>", "")
                ),
            )
        )
        lines[place] = change(lines[place])
    text = "\n".join(lines).encode("utf-8", "surrogateescape")
    return mutate(text, rng) if rng.random() < 0.3 else text


WORDS = (
    *(
        "and",
        "or",
        "not",
        "in",
        "between",
        "exists",
        "contains",
        "startswith",
        "endswith",
        "glob",
        "regex",
        "bcontains",
    ),
    *(
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        ">=",
        "!",
        "''",
        '"',
        "'",
        "\\",
        "[",
        "]",
        "(?i",
        "*",
        "--",
        ";",
        "$1",
        "{}",
        "\x00",
    ),
    *("1ms", "12:00:01", "0x10", "true", "-1", "1e9", "9" * 40, "read", "%file", "%net", "ENOENT", "nginx", "'a b'"),
)


OPERATORS = (
    "=",
    "=",
    "!=",
    "<",
    ">=",
    "contains",
    "startswith",
    "endswith",
    "glob",
    "regex",
    "in",
    "between",
    "exists",
)
VALUES = (
    *("1", "0x10", "-1", "1ms", "12:00:01", "true", "read", "ENOENT", "nginx", "'a b'", "(1, 2)", "(read, write)"),
    *("1 and 2", "'(a+)+$'", "'*'", "''", "9223372036854775807", "9" * 40, "'\x1b[31m'", "%file"),
)


def filter_text(rng: random.Random) -> str:
    """A text that may be a filter: words of the language in any order, a right one with damage, or anything."""
    from analyze.filter import fields

    names, kind = list(fields()), rng.random()
    if kind < 0.4:
        return " ".join(rng.choice(names if rng.random() < 0.3 else WORDS) for _ in range(rng.randrange(12)))
    if kind < 0.8:
        tests = (f"{rng.choice(names)} {rng.choice(OPERATORS)} {rng.choice(VALUES)}" for _ in range(rng.choice((1, 3))))
        text = rng.choice((" and ", " or ", " and not ")).join(tests)
        if kind < 0.6:
            return text
        place = rng.randrange(len(text) + 1)
        return text[:place] + rng.choice(("", "(", '"', _letter(rng))) + text[place + rng.randrange(3) :]
    if kind < 0.95:
        return "".join(_letter(rng) for _ in range(rng.randrange(60)))
    word = rng.choice(("(", "not ", "proc.name = a and ", "evt.type in (" + "read, " * 500, "a" * 50_000, "((a) or "))
    return word * rng.choice((1, 50, 2000))


def _letter(rng: random.Random) -> str:
    return chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xD800))))
