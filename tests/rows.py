"""Batches of the contract's schema for tests, realistic where size and speed depend on it."""

import numpy as np
import pyarrow as pa

from schemas.arrow import EVENTS

START = 1_750_000_000_000_000_000


def batch_of(columns: dict[str, pa.Array | np.ndarray], rows: int) -> pa.RecordBatch:
    """A batch with these columns; the others are null where they may be, else 0 or the name `x`."""
    arrays = []
    for field in EVENTS:
        if field.name in columns:
            given = columns[field.name]
            array = pa.array(given, field.type) if isinstance(given, np.ndarray) else given
        elif field.nullable:
            array = pa.nulls(rows, field.type)
        elif pa.types.is_dictionary(field.type):
            array = names(np.zeros(rows), ["x"], field.type)
        else:
            array = pa.array(np.zeros(rows, field.type.to_pandas_dtype()), field.type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=EVENTS)


def names(codes: np.ndarray, words: list[str], kind: pa.DictionaryType, mask: np.ndarray | None = None) -> pa.Array:
    """A dictionary column: `codes` into `words`, null where `mask` is true."""
    indices = pa.array(codes.astype(kind.index_type.to_pandas_dtype()), mask=mask)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words))


def plain_rows(rows: int, first: int = 0) -> pa.RecordBatch:
    """Rows numbered from `first` in `dur_ns`, every column used, nulls and both empty and odd strings among them."""
    number = np.arange(first, first + rows)
    texts = [None if n % 3 else f"/tmp/{n}" if n % 2 else "" for n in number]
    kinds = {field.name: field.type for field in EVENTS}
    odd = number % 2 == 1
    return batch_of(
        {
            "kind": names(number % 2, ["syscall", "exit"], kinds["kind"]),
            "ts": START + number,
            "dur_ns": number.astype(np.int64),
            "pid": number.astype(np.int32),
            "comm": names(number % 3, ["a", "ü", "\x1b[31m"], kinds["comm"]),
            "syscall": names(number % 2, ["read", "write"], kinds["syscall"], odd),
            "arg0": number * -(2**40),
            "ret": pa.array(number, pa.int64(), mask=odd),
            "errno": names(number % 2, ["ENOENT", "EPERM"], kinds["errno"], ~odd),
            "fd": pa.array(number.astype(np.int32), mask=odd),
            "path": pa.array(texts, pa.string()),
            "addr": names(number % 2, ["10.0.0.7:443", "[::1]:53"], kinds["addr"], odd),
            "data": pa.array([None if n % 5 else bytes([n % 256, 0]) for n in number], pa.binary()),
            "cpu": (number % 8).astype(np.int16),
        },
        rows,
    )


def dd_rows(rows: int, first: int = 0) -> pa.RecordBatch:
    """What `dd bs=1` makes: read and write in turn, one thread, all else constant."""
    random = np.random.default_rng(first)
    kinds = {field.name: field.type for field in EVENTS}
    turn = (np.arange(rows) + first) % 2
    zero = np.zeros(rows)
    constant = {f"arg{n}": np.full(rows, value) for n, value in {1: 0x55D0_0A3F_E000, 2: 1, 3: 34, 4: -1, 5: 0}.items()}
    return batch_of(
        {
            "kind": names(zero, ["syscall"], kinds["kind"]),
            "ts": START + first * 800 + np.cumsum(random.normal(800, 60, rows).clip(400).astype(np.int64)),
            "dur_ns": random.normal(200, 15, rows).clip(100).astype(np.int64),
            "pid": np.full(rows, 4242, np.int32),
            "tid": np.full(rows, 4242, np.int32),
            "comm": names(zero, ["dd"], kinds["comm"]),
            "syscall": names(turn, ["read", "write"], kinds["syscall"]),
            "nr": turn.astype(np.int32),
            "abi": names(zero, ["x86_64"], kinds["abi"]),
            "arg0": turn.astype(np.int64),
            **constant,
            "ret": np.ones(rows, np.int64),
            "fd": turn.astype(np.int32),
            "cgroup": names(zero, ["/user.slice/session-1.scope"], kinds["cgroup"]),
            "runq_ns": np.zeros(rows, np.int64),
            "weight": np.ones(rows, np.int64),
        },
        rows,
    )


def mixed_rows(rows: int, first: int = 0) -> pa.RecordBatch:
    """What a build and a `find` make: short processes, forty calls, pointers, sizes, some errors, many paths."""
    random = np.random.default_rng(first)
    kinds = {field.name: field.type for field in EVENTS}
    process = np.minimum(np.cumsum(random.random(rows) < 1 / 400) + first // 400, first // 400 + rows) % 900
    swap = np.where(random.random(rows) < 0.05, random.integers(0, 30, rows), 0)
    pid = (20_000 + process + swap).astype(np.int32)
    call = (random.zipf(1.4, rows) % 40).astype(np.int32)
    heap = 0x7F00_0000_0000 + (pid.astype(np.int64) * 7919 % 4096 << 24)
    failed = random.random(rows) < 0.06
    has_path = call % 3 == 1
    folder, leaf = random.zipf(1.3, rows) % 400, random.integers(0, 5000, rows)
    text = [f"/usr/include/d{d}/f{f}.h" if p else None for d, f, p in zip(folder, leaf, has_path, strict=True)]
    descriptor = random.integers(3, 12, rows)
    return batch_of(
        {
            "kind": names(np.zeros(rows), ["syscall"], kinds["kind"]),
            "ts": START + first * 2500 + np.cumsum(random.exponential(2500, rows).astype(np.int64)),
            "dur_ns": (200 + random.lognormal(6, 1.2, rows)).astype(np.int64),
            "pid": pid,
            "tid": pid,
            "comm": names(pid % 7, ["cc1", "as", "ld", "make", "sh", "find", "tar"], kinds["comm"]),
            "syscall": names(call, [f"call_{n}" for n in range(40)], kinds["syscall"]),
            "nr": call,
            "abi": names(np.zeros(rows), ["x86_64"], kinds["abi"]),
            "arg0": np.where(has_path, -100, descriptor).astype(np.int64),
            "arg1": heap + (random.zipf(1.5, rows) % 512 << 4),
            "arg2": np.where(random.random(rows) < 0.7, 4096, random.integers(0, 65536, rows)),
            "arg3": np.where(call % 4 == 0, heap + 64, 0),
            "arg4": np.where(call % 8 == 0, heap + 4096, 0),
            "arg5": np.where(call % 16 == 0, random.integers(0, 100, rows), 0),
            "ret": np.where(failed, -2, np.where(random.random(rows) < 0.6, 0, random.integers(0, 8192, rows))),
            "errno": names(np.zeros(rows), ["ENOENT"], kinds["errno"], ~failed),
            "fd": pa.array(descriptor.astype(np.int32), mask=call % 2 == 0),
            "path": pa.array(text, pa.string()),
            "cpu": (random.random(rows) < 0.5).astype(np.int16),
            "uid": np.full(rows, 1000, np.int32),
            "cgroup": names(np.zeros(rows), ["/user.slice/session-1.scope"], kinds["cgroup"]),
            "runq_ns": np.where(random.random(rows) < 0.02, random.integers(0, 90_000, rows), 0),
            "weight": np.ones(rows, np.int64),
        },
        rows,
    )
