"""Control groups, in folders that stand in for a mounted hierarchy."""

import shutil
from pathlib import Path

import pytest

from capture.cgroups import Hierarchy, hierarchy
from capture.errors import TargetError

CONTROLLERS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t1\t1\t1\ncpu\t2\t1\t1\npids\t3\t9\t1\n"


@pytest.fixture
def groups(tmp_path: Path) -> Hierarchy:
    """Three groups below a root."""
    for name in ("a/b", "c d"):
        (tmp_path / name).mkdir(parents=True)
    return Hierarchy(tmp_path)


def number(groups: Hierarchy, path: str) -> int:
    """As the kernel numbers a group: the inode of its folder."""
    return (groups.root / path).stat().st_ino


def test_numbers_and_paths(groups: Hierarchy) -> None:
    """Each group has the path by which /proc names it, the root too; an unknown number has none."""
    for path in ("", "a", "a/b", "c d"):
        assert groups.path(number(groups, path)) == b"/" + path.encode()
        assert groups.identity("/" + path) == number(groups, path)
    assert groups.path(1 << 60) is None


def test_a_group_may_be_given_as_its_folder(groups: Hierarchy) -> None:
    """What a shell completes works too, but no folder elsewhere."""
    assert groups.identity(str(groups.root / "a/b")) == number(groups, "a/b")
    with pytest.raises(TargetError, match=r"--cgroup /no: no such group .*cat /proc/PID/cgroup"):
        groups.identity("/no")
    with pytest.raises(TargetError):
        groups.identity(str(groups.root.parent))


def test_a_new_group_is_found_and_a_gone_one_keeps_its_name(groups: Hierarchy) -> None:
    """Containers come and go while a capture runs."""
    old = number(groups, "a/b")
    assert groups.path(old) == b"/a/b"
    (groups.root / "new").mkdir()
    assert groups.path(number(groups, "new")) == b"/new"
    shutil.rmtree(groups.root / "a")
    assert groups.path(old) == b"/a/b"


def test_names_may_be_of_any_bytes(tmp_path: Path) -> None:
    """Not only text."""
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    assert Hierarchy(tmp_path).path(folder.stat().st_ino) == b"/caf\xe9"


@pytest.mark.parametrize(
    ("v1_index", "text", "path"),
    [
        (0, "0::/a/b\n", "a/b"),
        (0, "0::/\n", ""),
        (0, "4:pids:/c d\n1:cpu,cpuacct:/a\n0::/a\n", "a"),
        (5, "4:cpu,pids:/c d\n1:cpuset:/a\n0::/a\n", "c d"),
        (0, "0::/a\x0b\x1c\u2028x\n", None),
        (0, "0::/gone (deleted)\n", None),
        (0, "1:name=systemd:/a\n", None),
        (0, "", None),
    ],
)
def test_of_a_thread(groups: Hierarchy, v1_index: int, text: str, path: str | None) -> None:
    """From its /proc/PID/cgroup, the line of the hierarchy that names groups; 0 where there is none."""
    found = Hierarchy(groups.root, v1_index).of_thread(text)
    assert found == (0 if path is None else number(groups, path))


def test_below(groups: Hierarchy) -> None:
    """A group is below itself and those above it, not below its neighbours."""

    def wanted(path: str) -> tuple[tuple[str, int], ...]:
        return (("/no", 1 << 60), (path, groups.identity(path)))

    assert groups.is_below(number(groups, "a/b"), wanted("/a/b"))
    assert groups.is_below(number(groups, "a/b"), wanted("/a"))
    assert groups.is_below(number(groups, "a/b"), wanted("/"))
    assert not groups.is_below(number(groups, "a"), wanted("/a/b"))
    assert not groups.is_below(number(groups, "c d"), wanted("/a"))
    assert not groups.is_below(1 << 60, wanted("/"))


def mounted(folder: Path, *lines: str) -> Hierarchy | None:
    """The hierarchy of a host with these mounts."""
    mounts, controllers = folder / "mounts", folder / "controllers"
    odd = "fuse /home/caf\udce9\u2028x fuse rw 0 0"
    mounts.write_bytes("\n".join(["proc /proc proc rw 0 0", odd, *lines, ""]).encode(errors="surrogateescape"))
    controllers.write_text(CONTROLLERS)
    return hierarchy(mounts, controllers)


def test_which_hierarchy_names_the_groups(tmp_path: Path) -> None:
    """v2's, unless all processes are in its root and v1 has them; none where nothing is mounted."""
    full, empty, v1 = tmp_path / "full", tmp_path / "empty", tmp_path / "v1"
    for folder in (full / "system.slice", empty, v1 / "docker"):
        folder.mkdir(parents=True)
    of_full, of_empty = f"cgroup2 {full} cgroup2 rw 0 0", f"cgroup2 {empty} cgroup2 rw 0 0"
    of_v1, of_cpu = f"cgroup {v1} cgroup rw,pids 0 0", f"cgroup {tmp_path}/cpu cgroup rw,cpu 0 0"
    assert mounted(tmp_path) is None
    assert mounted(tmp_path, of_cpu) is None
    assert mounted(tmp_path, of_full, of_v1) == Hierarchy(full)
    assert mounted(tmp_path, of_empty) == Hierarchy(empty)
    assert mounted(tmp_path, of_cpu, of_empty, of_v1) == Hierarchy(v1, 3)
    assert mounted(tmp_path, of_v1) == Hierarchy(v1, 3)
