"""Control groups: from the number that the kernel gives to the path that people know.

The number is that of the kernfs node, which is the inode number of the group's folder. Names come from the v2
hierarchy; where all processes are in its root (a hybrid host with its controllers in v1) they come from v1's `pids`.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import TargetError


@dataclass
class Hierarchy:
    """One mounted hierarchy. `v1_index` is 1 + the number of the v1 controller that leads to it, 0 for v2."""

    root: Path
    v1_index: int = 0
    _names: dict[int, bytes | None] = field(default_factory=dict)

    def path(self, identity: int) -> bytes | None:
        """Path of a group below the root, starting with `/`; None if no such group is there (any more)."""
        if identity not in self._names:
            self._scan()
            self._names.setdefault(identity, None)
        return self._names[identity]

    def identity(self, path: str) -> int:
        """The number of a group, given as in /proc/PID/cgroup or as its folder. Raises TargetError if there is none."""
        for folder in (self.root / path.lstrip("/"), Path(path)):
            if folder.is_dir() and folder.is_relative_to(self.root):
                return folder.stat().st_ino
        raise TargetError(f"--cgroup {path}: no such group under {self.root}; `cat /proc/PID/cgroup` shows a process's")

    def of_thread(self, text: str) -> int:
        """The number of a thread's group, from the text of its /proc/PID/cgroup; 0 if the group is gone."""
        for line in filter(None, text.split("\n")):  # not splitlines: a path may hold other ends of lines
            _, controllers, path = line.split(":", 2)
            mine = "pids" in controllers.split(",") if self.v1_index else not controllers
            if mine:
                try:
                    return (self.root / path.lstrip("/")).stat().st_ino
                except FileNotFoundError:
                    return 0
        return 0

    def is_below(self, identity: int, wanted: tuple[tuple[str, int], ...]) -> bool:
        """Is the group one of `wanted` (path and number), or below one?"""
        path = self.path(identity)
        numbers = {number for _, number in wanted}
        while path:
            if self._number(path) in numbers:
                return True
            path = b"" if path == b"/" else path.rpartition(b"/")[0] or b"/"
        return False

    def _number(self, path: bytes) -> int | None:
        return next((number for number, name in tuple(self._names.items()) if name == path), None)

    def _scan(self) -> None:
        """Names seen once stay, so that a group that is gone keeps its name."""
        root = os.fsencode(self.root)
        for folder, _, _ in os.walk(root):
            try:
                self._names[Path(os.fsdecode(folder)).stat().st_ino] = folder[len(root) :] or b"/"
            except FileNotFoundError:  # a group may go while we look
                continue


def hierarchy(mounts: Path = Path("/proc/self/mounts"), controllers: Path = Path("/proc/cgroups")) -> Hierarchy | None:
    """The hierarchy whose names this host uses, or None where no cgroup file system is mounted."""
    unified = pids = None
    for line in filter(None, os.fsdecode(mounts.read_bytes()).split("\n")):
        _, folder, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            unified = Path(folder)
        elif kind == "cgroup" and "pids" in options.split(","):
            pids = Path(folder)
    if pids and not (unified and _has_groups(unified)):
        return Hierarchy(pids, _v1_index(controllers))
    return Hierarchy(unified) if unified else None


def _has_groups(root: Path) -> bool:
    return any(entry.is_dir() for entry in root.iterdir())


def _v1_index(controllers: Path) -> int:
    """1 + the place of `pids` in the kernel's list of controllers, which is the order of css_set.subsys."""
    names = [line.split()[0] for line in controllers.read_text().splitlines()[1:]]
    return 1 + names.index("pids")
