"""What C and numpy both say of what they share, they say alike: the C compiler is asked.

schemas/record.h and schemas/record.py; capture/bpf/config.bpf.h and the loaders' settings.
"""

import re
import shutil
import subprocess
from enum import IntEnum, IntFlag
from pathlib import Path

import numpy as np
import pytest

from capture import filters
from capture.loaders import base
from schemas import record

HEADER = Path(record.__file__).parent / "record.h"
BPF = Path(base.__file__).parents[1] / "bpf"
STRUCTS = {
    "systape_record": record.RECORD,
    "systape_ring": record.RING,
    "systape_entry": record.ENTRY,
    "systape_pieces": record.PIECES,
    "systape_exec": record.EXEC,
    "systape_running": record.RUNNING,
    "systape_config": base.CONFIG,
    "systape_lists": base.LISTS,
}
ENUMS: dict[str, type[IntEnum] | type[IntFlag]] = {
    "KIND": record.Kind,
    "ABI": record.Abi,
    "FLAG": record.Flag,
    "CAUSE": record.Cause,
    "ADDR": record.Addr,
    "DATA": record.Data,
    "FOUND": record.Found,
}


def constants_of_header() -> list[str]:
    """Every enumerator and every #define with a value."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    bodies = re.findall(r"enum \w+ \{(.*?)\}", text, re.DOTALL)
    enumerators = [name for body in bodies for name in re.findall(r"(\w+) =", body)]
    return [*enumerators, *re.findall(r"^#define (\w+) +\S", text, re.MULTILINE)]


def ask_compiler(expressions: dict[str, str], folder: Path) -> dict[str, int]:
    """The value of each C expression, by its label, in a program that includes both headers."""
    prints = "\n".join(f'printf("{label} %llu\\n", (unsigned long long)({c}));' for label, c in expressions.items())
    source = folder / "layout.c"
    source.write_text(
        f'#include <linux/types.h>\n#include <stddef.h>\n#include <stdio.h>\n#include "{HEADER}"\n'
        f'typedef __u8 u8;\ntypedef __u32 u32;\ntypedef __u64 u64;\n#include "{BPF / "config.bpf.h"}"\n'
        f"int main(void) {{\n{prints}\nreturn 0;\n}}\n"
    )
    program = folder / "layout"
    subprocess.run(["cc", "-Wall", "-Werror", "-o", str(program), str(source)], check=True)
    lines = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout.splitlines()
    return {label: int(value) for label, value in (line.split() for line in lines)}


@pytest.fixture(autouse=True)
def compiler() -> None:
    """The C compiler that the tests need."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) is installed")


@pytest.mark.parametrize("name", STRUCTS)
def test_struct_equals_dtype(name: str, tmp_path: Path) -> None:
    """Every member has the dtype's offset and size, and the sizes leave no room for a member that the dtype lacks."""
    dtype = STRUCTS[name]
    assert dtype.names is not None and dtype.fields is not None
    asked = {"sizeof": f"sizeof(struct {name})"}
    wanted = {"sizeof": dtype.itemsize}
    for field in dtype.names:
        kind, offset = dtype.fields[field][:2]
        asked[f"{field}.offset"] = f"offsetof(struct {name}, {field})"
        asked[f"{field}.size"] = f"sizeof(((struct {name} *)0)->{field})"
        wanted[f"{field}.offset"], wanted[f"{field}.size"] = offset, kind.itemsize
    assert ask_compiler(asked, tmp_path) == wanted
    assert sum(dtype.fields[field][0].itemsize for field in dtype.names) == dtype.itemsize


def test_members_are_signed_alike(tmp_path: Path) -> None:
    """Results may be negative, everything else may not, in both."""
    asked = {
        field: f"(__typeof__(((struct systape_record *)0)->{field}))-1 < 0"
        for field in ("ts", "dur", "ret", "pid", "nr")
    }
    signs = {field: int(np.issubdtype(record.RECORD[field], np.signedinteger)) for field in asked}
    assert ask_compiler(asked, tmp_path) == signs


def test_constants_are_equal(tmp_path: Path) -> None:
    """Every enumerator and #define of the header has an equal in Python, and the other way round."""
    names = constants_of_header()
    values = ask_compiler({name: name for name in names}, tmp_path)
    wanted = {f"{prefix}_{member.name}": int(member) for prefix, enum in ENUMS.items() for member in enum}
    assert values.pop("CAUSES") == len(record.Cause)
    for name in values.keys() - wanted.keys():
        wanted[name] = getattr(record, name)
    assert values == wanted


def test_members_of_a_listed_path(tmp_path: Path) -> None:
    """The elements of the list of paths have the dtype's members."""
    assert base.LISTS.fields is not None
    one = base.LISTS.fields["paths"][0].base
    assert one.fields is not None
    struct = "((struct systape_lists *)0)->paths[0]"
    asked = {"sizeof": f"sizeof({struct})"}
    asked |= {name: f"(char *)&{struct}.{name} - (char *)&{struct}" for name in one.fields}
    assert ask_compiler(asked, tmp_path) == {
        "sizeof": one.itemsize,
        **{name: offset for name, (_, offset, *_) in one.fields.items()},
    }


def test_limits_of_the_program(tmp_path: Path) -> None:
    """What the options are checked against, and the room behind a ring, are what the program counts on."""
    limits = {"LIST": filters.LIST, "PATHS": filters.PATHS, "PATH_LISTED": filters.PATH_LISTED}
    assert ask_compiler({name: name for name in limits}, tmp_path) == limits
    payload = (BPF / "payload.bpf.h").read_text()
    numbers = {name: int(value) for name, value in re.findall(r"#define (\w+_MOST) (\d+)$", payload, re.MULTILINE)}
    assert numbers["DATA_MOST"] == base.DATA_MOST
    most = record.PIECES.itemsize + 2 * numbers["PATH_MOST"] + numbers["ADDR_MOST"] + numbers["DATA_MOST"] + 1
    assert most == base.PAYLOAD_MOST
    assert numbers["DATA_MOST"] <= base.BYTES_SLACK


def test_ring_header_holds_the_counters() -> None:
    """The counters end before the records begin, and both lines of positions have a cache line of their own."""
    assert record.RING.itemsize <= record.RING_HEADER
    assert record.RING.fields is not None
    assert record.RING.fields["tail"][1] - record.RING.fields["head"][1] == record.CACHE_LINE
    assert record.RING.fields["own_enters"][1] - record.RING.fields["tail"][1] == record.CACHE_LINE
