"""The user's filter: what is refused, what it says of itself, and what the kernel program is told."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import UsageError
from capture.filters import LIST, PATH_LISTED, PATHS, Filter
from capture.loaders.base import Settings
from capture.plan import state_cells
from schemas.record import CELLS, RECORD, RING_HEADER

SETTINGS = Settings(cpus=2, ring_records=64, ring_bytes=1 << 20, own_pid=42, pids=1 << 15, data_bytes=99, cgroup_v1=3)
CELL = np.zeros(CELLS, bool)
EVERYTHING = Filter()


def told(chosen: Filter) -> dict[str, int]:
    """The kernel program's configuration."""
    config = replace(SETTINGS, filter=chosen).config()[0]
    return {name: int(config[name]) for name in config.dtype.names}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"comms": ("a",) * (LIST + 1)}, "--comm takes at most 16 values, not 17"),
        ({"uids": (1,) * (LIST + 1)}, "--uid takes at most"),
        ({"cgroups": (("/", 1),) * (LIST + 1)}, "--cgroup takes at most"),
        ({"paths": ("/a",) * (PATHS + 1)}, "-P takes at most 8 paths, not 9"),
        ({"paths": ("",)}, "1 to 255 bytes"),
        ({"paths": ("/" + "a" * 255,)}, "1 to 255 bytes"),
        ({"paths": ("/" + "ü" * 128,)}, "1 to 255 bytes"),
        ({"comms": ("",)}, "1 to 15 bytes"),
        ({"comms": ("a" * 16,)}, "1 to 15 bytes"),
        ({"comms": ("ü" * 8,)}, "1 to 15 bytes"),
        ({"uids": (2**32 - 1,)}, "below 4294967295"),
        ({"uids": (10**18,)}, "below 4294967295"),
    ],
)
def test_what_the_kernel_cannot_compare_is_refused(values: dict[str, tuple[str, ...]], message: str) -> None:
    """One line that says which option and how much it takes."""
    with pytest.raises(UsageError, match=message):
        Filter(**values)


def test_the_greatest_that_fits() -> None:
    """Lists, names and paths up to their limits are taken whole."""
    chosen = Filter(
        comms=tuple(f"{number:015}" for number in range(LIST)),
        uids=tuple(2**32 - 2 - number for number in range(LIST)),
        cgroups=tuple((f"/{number}", 2**64 - 1 - number) for number in range(LIST)),
        paths=tuple(f"/{number}".ljust(PATH_LISTED - 1, "x") for number in range(PATHS)),
    )
    lists = replace(SETTINGS, filter=chosen).lists()[0]
    assert [comm.decode() for comm in lists["comm"].tolist()] == list(chosen.comms)
    assert lists["uid"].tolist() == list(chosen.uids)
    assert lists["cgroup"].tolist() == [identity for _, identity in chosen.cgroups]
    assert [name.decode() for name in lists["paths"]["name"].tolist()] == list(chosen.paths)
    config = told(chosen)
    assert (config["comms"], config["uids"], config["cgroups"], config["paths"]) == (LIST, LIST, LIST, PATHS)


def test_names_and_paths_of_any_bytes() -> None:
    """What came as bytes that are no UTF-8 is compared as these bytes, and described in what can be printed."""
    chosen = Filter(comms=("c\udcff",), paths=("/p\udcfe",))
    lists = replace(SETTINGS, filter=chosen).lists()[0]
    assert lists["comm"][0] == b"c\xff"
    assert lists["paths"][0]["name"] == b"/p\xfe"
    assert chosen.describe() == "comm c\\xff; path /p\\xfe"


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        (EVERYTHING, "everything"),
        (Filter(expression="!futex", cells=CELL), "!futex"),
        (Filter(pids=(7, 8)), "pid 7, 8 and descendants"),
        (Filter(pids=(7,), follow=False), "pid 7"),
        (Filter(comms=("nginx",), uids=(0, 33)), "comm nginx; uid 0, 33"),
        (Filter(cgroups=(("/a", 1), ("/b", 2))), "cgroup /a, /b"),
        (Filter(paths=("/etc/passwd",)), "path /etc/passwd"),
        (Filter(failed_only=True, min_latency=1_000_000), "failed only; at least 1000000 ns"),
    ],
)
def test_it_describes_itself(chosen: Filter, text: str) -> None:
    """One line with every part that leaves something out, and nothing else."""
    assert chosen.describe() == text


def test_nothing_is_asked_of_the_kernel_without_a_filter() -> None:
    """Every switch is off, so that the verifier removes what they guard; sizes are as they were set."""
    assert told(EVERYTHING) == {
        **dict.fromkeys(("only_targets", "by_row", "by_cell", "comms", "uids", "cgroups", "paths"), 0),
        **dict.fromkeys(("failed_only", "has_states", "min_latency"), 0),
        "ring_records": 64,
        "ring_bytes": 1 << 20,
        "own_pid": 42,
        "pids": 1 << 15,
        "data_bytes": 99,
        "cgroup_v1": 3,
        "follow": 1,
    }


@pytest.mark.parametrize(
    ("chosen", "changed"),
    [
        (Filter(cells=CELL), {"by_cell": 1, "has_states": 1}),
        (Filter(comms=("a", "b")), {"by_row": 1, "comms": 2, "has_states": 1}),
        (Filter(uids=(0,)), {"by_row": 1, "uids": 1, "has_states": 1}),
        (Filter(cgroups=(("/", 1),)), {"by_row": 1, "cgroups": 1, "has_states": 1}),
        (Filter(failed_only=True), {"by_row": 1, "failed_only": 1, "has_states": 1}),
        (Filter(min_latency=2**63 - 1), {"by_row": 1, "min_latency": 2**63 - 1, "has_states": 1}),
        (Filter(paths=("/a",)), {"paths": 1, "has_states": 1}),
        (Filter(pids=(7,), follow=False), {"follow": 0}),
    ],
)
def test_each_part_sets_its_own_switches(chosen: Filter, changed: dict[str, int]) -> None:
    """And only these; what leaves calls of a process out keeps those that names depend on."""
    assert told(chosen) == told(EVERYTHING) | changed


@settings(deadline=None)
@given(st.sets(st.integers(0, CELLS - 1)))
def test_the_calls_asked_for_are_bits(numbers: set[int]) -> None:
    """Bit n of the list is cell n, as the kernel program looks it up; no others are set."""
    cells = np.zeros(CELLS, bool)
    cells[list(numbers)] = True
    lists = replace(SETTINGS, filter=Filter(cells=cells)).lists()[0]
    for name, wanted in (("cells", numbers), ("states", set(np.flatnonzero(state_cells()).tolist()))):
        words = lists[name].tolist()
        assert {64 * index + bit for index, word in enumerate(words) for bit in range(64) if word >> bit & 1} == wanted


def test_a_path_is_also_the_file_that_it_names(tmp_path: Path) -> None:
    """Its inode and device as the kernel numbers it, of what a link leads to; zeroes where there is nothing."""
    there, link = tmp_path / "there", tmp_path / "link"
    there.touch()
    link.symlink_to(there)
    chosen = Filter(paths=(str(there), str(link), str(tmp_path / "not")))
    first, second, third = replace(SETTINGS, filter=chosen).lists()[0]["paths"][:3].tolist()
    major, minor = first[2] >> 20, first[2] & 0xFFFFF
    device = there.stat().st_dev
    assert (first[1], major, minor) == (there.stat().st_ino, *divmod_device(device))
    assert second[1:] == first[1:]
    assert third[1:] == (0, 0)


def divmod_device(device: int) -> tuple[int, int]:
    """Major and minor number, by glibc's encoding (sys/sysmacros.h)."""
    return device >> 8 & 0xFFF | device >> 32 & ~0xFFF, device & 0xFF | device >> 12 & ~0xFF


def test_the_maps_have_room_for_what_is_in_them() -> None:
    """A ring's element is its header, its records and its bytes, with room for one more payload behind them."""
    sizes = SETTINGS.maps()
    assert sizes["rings"].entries == 2
    assert sizes["rings"].value_size == SETTINGS.ring_stride > RING_HEADER + 64 * RECORD.itemsize + (1 << 20)
    assert sizes["rings"].value_size % 8 == 0
    assert sizes["targets"].value_size == 1 << 15
