"""Where the running kernel keeps a member of a structure: from its BTF, or from headers of its own release.

Only the bcc loader needs this; `core` objects are relocated by libbpf.
Source of the layouts: Documentation/bpf/btf.rst of the kernel.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from capture.loaders import _libbpf

MEMBERS = {
    "status": ("task_struct", "thread_info.status"),
    "run_delay": ("task_struct", "sched_info.run_delay"),
    "pid": ("task_struct", "pid"),
    "tgid": ("task_struct", "tgid"),
    "exit_code": ("task_struct", "exit_code"),
    "real_parent": ("task_struct", "real_parent"),
    "cred": ("task_struct", "cred"),
    "cgroups": ("task_struct", "cgroups"),
    "signal": ("task_struct", "signal"),
    "mm": ("task_struct", "mm"),
    "fs": ("task_struct", "fs"),
    "files": ("task_struct", "files"),
    "euid": ("cred", "euid"),
    "dfl_cgrp": ("css_set", "dfl_cgrp"),
    "subsys": ("css_set", "subsys"),
    "css_cgroup": ("cgroup_subsys_state", "cgroup"),
    "self_parent": ("cgroup", "self.parent"),
    "kn": ("cgroup", "kn"),
    "kn_id": ("kernfs_node", "id"),
    "arg_start": ("mm_struct", "arg_start"),
    "arg_end": ("mm_struct", "arg_end"),
    "env_end": ("mm_struct", "env_end"),
    "filename": ("linux_binprm", "filename"),
    "fdt": ("files_struct", "fdt"),
    "max_fds": ("fdtable", "max_fds"),
    "fd_array": ("fdtable", "fd"),
    "f_inode": ("file", "f_inode"),
    "f_path_mnt": ("file", "f_path.mnt"),
    "f_path_dentry": ("file", "f_path.dentry"),
    "root_mnt": ("fs_struct", "root.mnt"),
    "root_dentry": ("fs_struct", "root.dentry"),
    "pwd_mnt": ("fs_struct", "pwd.mnt"),
    "pwd_dentry": ("fs_struct", "pwd.dentry"),
    "d_parent": ("dentry", "d_parent"),
    "d_name": ("dentry", "d_name.name"),
    "mnt_root": ("vfsmount", "mnt_root"),
    "mnt_parent": ("mount", "mnt_parent"),
    "mnt_mountpoint": ("mount", "mnt_mountpoint"),
    "mount_mnt": ("mount", "mnt"),
    "i_mode": ("inode", "i_mode"),
    "i_ino": ("inode", "i_ino"),
    "i_sb": ("inode", "i_sb"),
    "s_dev": ("super_block", "s_dev"),
    "live": ("signal_struct", "live"),
}
"""The -DOFF_<name> of bpf/kernel.bpf.h: structure and path of the member."""

_KIND_STRUCT, _KIND_UNION = 4, 5
_MODIFIERS = {8, 9, 10, 11, 18}  # typedef, volatile, const, restrict, type tag


class _Type(ctypes.Structure):
    _fields_ = (("name_off", ctypes.c_uint32), ("info", ctypes.c_uint32), ("size_or_type", ctypes.c_uint32))


class _Member(ctypes.Structure):
    _fields_ = (("name_off", ctypes.c_uint32), ("type", ctypes.c_uint32), ("offset", ctypes.c_uint32))


class Btf:
    """The kernel's type information."""

    def __init__(self, handle: int) -> None:
        self._lib = _libbpf.library()
        self._handle = handle

    def _at(self, number: int) -> tuple[int, int, int, int]:
        """Address, kind, count of members and flag of a type, typedefs and qualifiers left out."""
        while True:
            address = self._lib.btf__type_by_id(self._handle, number)
            record = _Type.from_address(address)
            kind = record.info >> 24 & 0x1F
            if kind not in _MODIFIERS:
                return address, kind, record.info & 0xFFFF, record.info >> 31
            number = record.size_or_type

    def _members(self, number: int) -> Iterator[tuple[str, int, int]]:
        """Name, type and offset in bytes of each member of a structure; those of nameless ones inside it too."""
        address, kind, count, packed = self._at(number)
        if kind not in (_KIND_STRUCT, _KIND_UNION):
            return
        for member in (_Member * count).from_address(address + ctypes.sizeof(_Type)):
            bits = member.offset & 0xFFFFFF if packed else member.offset
            name = self._lib.btf__name_by_offset(self._handle, member.name_off).decode()
            if name:
                yield name, member.type, bits // 8
            else:
                for inner, kind_of_inner, offset in self._members(member.type):
                    yield inner, kind_of_inner, bits // 8 + offset

    def offset(self, structure: str, path: str) -> int | None:
        """Bytes from the start of `structure` to the member at `path` (dots between names); None if it is not there."""
        number = self._lib.btf__find_by_name_kind(self._handle, structure.encode(), _KIND_STRUCT)
        total = 0
        for name in path.split("."):
            if number < 0:
                return None
            found = next((member for member in self._members(number) if member[0] == name), None)
            if found is None:
                return None
            number, total = found[1], total + found[2]
        return total


@contextmanager
def kernel_btf() -> Iterator[Btf]:
    """The running kernel's BTF. Raises OSError where there is none, or no libbpf to read it."""
    lib = _libbpf.library()
    handle = _libbpf.check(lib.btf__load_vmlinux_btf(), "read the kernel's BTF")
    try:
        yield Btf(handle)
    finally:
        lib.btf__free(handle)


def offsets() -> dict[str, int]:
    """Offset of each of MEMBERS in the running kernel, -1 where this kernel has no such member. Raises OSError."""
    with kernel_btf() as btf:
        found = {name: btf.offset(structure, path) for name, (structure, path) in MEMBERS.items()}
    return {name: -1 if offset is None else offset for name, offset in found.items()}
