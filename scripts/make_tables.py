"""Rebuild the system call tables, schemas/tables/*.csv, from what this machine and the committed lists know.

Run `python scripts/make_tables.py` (as root where tracefs is readable only by root); `--check` writes nothing and
fails if a table would change. Every input only adds, so that a run on an older machine never loses a call:

- numbers and names: the table as it is, scripts/syscalls.toml, and the machine's own headers (asm/unistd_64.h,
  unistd_32.h and unistd_x32.h; asm-generic/unistd.h, preprocessed, is aarch64's list);
- argument names: scripts/syscalls.toml, the table as it is, tracefs (events/syscalls/sys_enter_*/format); kernels
  rename arguments, so what is committed stays until its row is deleted;
- classes, argument kinds and the source of the column `fd`: scripts/syscalls.toml.
"""

import argparse
import csv
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "schemas" / "tables"
TRACEFS = Path("/sys/kernel/tracing/events/syscalls")
X86_HEADERS = [Path("/usr/include/x86_64-linux-gnu/asm"), Path("/usr/include/asm")]
GENERIC_HEADER = Path("/usr/include/asm-generic/unistd.h")
HEADERS = {"x86_64": "unistd_64.h", "i386": "unistd_32.h", "x32": "unistd_x32.h"}
ABIS = ["x86_64", "i386", "x32", "aarch64"]
COLUMNS = ["nr", "name", "nargs", "args", "classes", "fd", "kinds"]
X32_OWN = range(512, 548)
# What arm64 asks of the generic list (its own asm/unistd.h).
AARCH64 = ["__BITS_PER_LONG=64", "__ARCH_WANT_RENAMEAT", "__ARCH_WANT_SET_GET_RLIMIT", "__ARCH_WANT_MEMFD_SECRET"]

Numbers = dict[int, str]


def read_table(abi: str) -> dict[str, dict[str, str]]:
    """The committed table, by name; empty if there is none yet."""
    path = TABLES / f"{abi}.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def header_numbers(abi: str) -> Numbers:
    """The calls that this machine's headers define; empty where the headers are not installed."""
    if abi == "aarch64":
        return generic_numbers()
    path = next((folder / HEADERS[abi] for folder in X86_HEADERS if (folder / HEADERS[abi]).exists()), None)
    if path is None:
        return {}
    found = re.findall(r"^#define __NR_(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)", path.read_text(), re.MULTILINE)
    numbers = {int(number): name for name, number in found}
    if abi == "x32":
        return {number: name for number, name in numbers.items() if number in X32_OWN}
    return numbers


def generic_numbers() -> Numbers:
    """The list that aarch64 uses, out of the preprocessor: some names there stand for others."""
    if not GENERIC_HEADER.exists():
        return {}
    command = [
        "cc",
        "-E",
        "-dM",
        *(f"-D{macro}" for macro in AARCH64),
        "-include",
        str(GENERIC_HEADER),
        "-x",
        "c",
        "/dev/null",
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    macros: dict[str, str] = dict(re.findall(r"^#define (__NR\w+) (\w+)$", text, re.MULTILINE))
    numbers = {}
    for name, value in macros.items():
        value = macros.get(value, value)
        if name.startswith("__NR_") and value.isdigit():
            numbers[int(value)] = name.removeprefix("__NR_")
    return {number: name for number, name in numbers.items() if name not in ("syscalls", "arch_specific_syscall")}


def tracefs_arguments() -> dict[str, str]:
    """Argument names by entry point, as this kernel's tracefs shows them; empty where it is not readable."""
    arguments = {}
    for folder in sorted(TRACEFS.glob("sys_enter_*")):
        text = (folder / "format").read_text().partition("__syscall_nr")[2]
        names = re.findall(r"field:[^;]*?(\w+);", text)
        arguments[folder.name.removeprefix("sys_enter_")] = " ".join(names)
    return arguments


class Facts:
    """scripts/syscalls.toml, and tracefs, asked by name of a call."""

    def __init__(self) -> None:
        """Read both; raises OSError or TOMLDecodeError if the committed file is missing or malformed."""
        with (ROOT / "scripts" / "syscalls.toml").open("rb") as file:
            self.toml: dict[str, Any] = tomllib.load(file)
        self.tracefs = tracefs_arguments()
        self.committed = {abi: {name: row["args"] for name, row in read_table(abi).items()} for abi in ABIS}
        self.classes = {tag: set(names.split()) for tag, names in self.toml["classes"].items()}

    def numbers(self, abi: str) -> Numbers:
        """Numbers that headers may lack."""
        if abi == "x32":
            return {}
        known = {**self.toml["numbers"]["all"], **self.toml["numbers"].get(abi, {})}
        return {number: name for name, number in known.items()}

    def arguments(self, abi: str, name: str) -> str:
        """Argument names, space-separated; none if no source knows the call."""
        plain = re.sub(r"_time64$|(?<=[a-z])32$", "", name)
        plain = plain.removesuffix("64") if re.match(r"(clock|timer|timerfd)_\w+64$", plain) else plain
        entries = (self.toml["entry"].get(name, name), name, self.toml["entry"].get(plain, plain), plain)
        written = self.toml["args"]["all"] | self.toml["args"].get(abi, {})
        own = {name: written[name]} if name in written else {}
        kept = {name: self.committed[abi][name]} if self.committed[abi].get(name) else {}
        for source, names in ((own, (name,)), (kept, (name,)), (self.tracefs, entries), (written, entries)):
            for known in names:
                if known in source:
                    return str(source[known])
        return ""

    def fd_source(self, name: str, arguments: list[str]) -> str:
        """`ret`, the index of the first descriptor argument, or nothing."""
        if name in self.toml["fd"]["ret"].split():
            return "ret"
        descriptors = self.toml["fd"]["arguments"].split()
        return next((str(index) for index, argument in enumerate(arguments) if argument in descriptors), "")

    def kinds(self, name: str, arguments: list[str]) -> str:
        """One kind per argument; nothing where the call has other arguments than on x86_64."""
        known = str(self.toml["kinds"].get(name, ""))
        return known if self.arguments("x86_64", name).split() == arguments else ""


def build(abi: str, facts: Facts) -> list[dict[str, str]]:
    """The rows of one table, by number."""
    committed = read_table(abi)
    numbers = {int(row["nr"]): name for name, row in committed.items()}
    numbers |= facts.numbers(abi) | header_numbers(abi)
    rows = []
    for number, name in sorted(numbers.items()):
        arguments = facts.arguments(abi, name)
        names = arguments.split()
        classes = [tag for tag, members in facts.classes.items() if name in members]
        fd, kinds = facts.fd_source(name, names), facts.kinds(name, names)
        cells = [str(number), name, str(len(names)), arguments, " ".join(classes), fd, kinds]
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def to_csv(rows: list[dict[str, str]]) -> str:
    """The text of a table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main() -> int:
    """Rebuild all tables; with `--check` only compare. The exit status is 1 if a table differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a table would change")
    check = parser.parse_args().check
    facts = Facts()
    changed = []
    for abi in ABIS:
        path = TABLES / f"{abi}.csv"
        text = to_csv(build(abi, facts))
        if not path.exists() or path.read_text() != text:
            changed.append(path.name)
            if not check:
                path.write_text(text)
    print(f"{'would change' if check else 'changed'}: {' '.join(changed) or 'nothing'}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
