"""What is read of each call: which arguments point to paths, where a socket address and a buffer are.

One number per accounting cell, as bpf/finish.bpf.h takes it apart; paths come from the argument kinds in the tables.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from schemas.record import (
    CELLS,
    CELLS_PER_ABI,
    PLAN_EXEC,
    PLAN_FD_RETURNED,
    PLAN_FILLED,
    PLAN_FOUND_SHIFT,
    Abi,
    Addr,
    Data,
    Found,
)
from schemas.state import STATE_CALLS
from schemas.syscalls import FD_NONE, FD_RETURNED, Call, native_abi, table

_PATH_KINDS = ("path", "str")
_FILLED_PATH = "path_out"
_EXEC = ("execve", "execveat")

_ADDRESSES = {
    "connect": Addr.GIVEN,
    "bind": Addr.GIVEN,
    "sendto": Addr.GIVEN_LAST,
    "accept": Addr.BACK,
    "accept4": Addr.BACK,
    "getsockname": Addr.BACK,
    "getpeername": Addr.BACK,
    "recvfrom": Addr.BACK_LAST,
    **dict.fromkeys(("sendmsg", "recvmsg", "sendmmsg", "recvmmsg"), Addr.MESSAGE),
}

_BUFFERS = {
    **dict.fromkeys(("write", "pwrite64", "sendto"), Data.GIVEN),
    **dict.fromkeys(("read", "pread64", "recvfrom", "readlink"), Data.BACK),
    **dict.fromkeys(("writev", "pwritev", "pwritev2"), Data.GIVEN_VECTOR),
    **dict.fromkeys(("readv", "preadv", "preadv2"), Data.BACK_VECTOR),
    **dict.fromkeys(("sendmsg", "sendmmsg"), Data.GIVEN_MESSAGE),
    **dict.fromkeys(("recvmsg", "recvmmsg"), Data.BACK_MESSAGE),
    "getrandom": Data.BACK_FIRST,
    **dict.fromkeys(("readlinkat", "getxattr", "lgetxattr", "fgetxattr"), Data.BACK_THIRD),
    **dict.fromkeys(("listxattr", "llistxattr", "flistxattr"), Data.BACK),
    **dict.fromkeys(("setxattr", "lsetxattr", "fsetxattr"), Data.GIVEN_THIRD),
}

_PAIRS = {**dict.fromkeys(("pipe", "pipe2"), Data.PAIR), "socketpair": Data.PAIR_LAST}

_FOUND = {
    **dict.fromkeys(("open", "openat", "openat2", "creat", "open_by_handle_at"), Found.BY_FD),
    **dict.fromkeys(("socket", "accept", "accept4", "memfd_create", "pidfd_getfd"), Found.BY_FD),
    **dict.fromkeys(("mq_open", "open_tree", "open_tree_attr", "fsmount"), Found.BY_FD),
    **dict.fromkeys(("chdir", "fchdir"), Found.BY_CWD),
    **dict.fromkeys(("pipe", "pipe2"), Found.BY_PAIR),
    "socketpair": Found.BY_SOCKETS,
}


@cache
def plans(buffers: bool = True) -> npt.NDArray[np.uint32]:
    """The plan of every cell, shape (CELLS,). Of 32-bit calls, whose structures differ, paths alone.

    Without `buffers` the contents of buffers (`-s N`) are not in it, only what is read always.
    """
    content = _BUFFERS if buffers else {}
    plan = np.zeros(CELLS, np.uint32)
    native = table(native_abi())
    for call in native.by_number.values():
        if call.nr < CELLS_PER_ABI:
            plan[call.nr] = _paths(call.kinds) | _exec(call.name)
            plan[call.nr] |= _FOUND.get(call.name, 0) << PLAN_FOUND_SHIFT
            data = _PAIRS.get(call.name, content.get(call.name, 0))
            plan[call.nr] |= _ADDRESSES.get(call.name, 0) << 6 | data << 9 | _descriptor(call)
    for call in table(Abi.I386).by_number.values():
        same = native.by_name.get(call.name)
        if same is not None and len(same.args) == len(call.args) and call.nr < CELLS_PER_ABI:
            plan[CELLS_PER_ABI + call.nr] = _paths(same.kinds) | _exec(call.name) | _descriptor(call)
    return plan


@cache
def state_cells() -> npt.NDArray[np.bool_]:
    """Which cells hold a call of STATE_CALLS, shape (CELLS,)."""
    cells = np.zeros(CELLS, bool)
    for base, abi in ((0, native_abi()), (CELLS_PER_ABI, Abi.I386)):
        numbers = [call.nr for call in table(abi).by_number.values() if call.name in STATE_CALLS]
        cells[[base + nr for nr in numbers if nr < CELLS_PER_ABI]] = True
    return cells


def _paths(kinds: tuple[str, ...]) -> int:
    if _FILLED_PATH in kinds:
        return kinds.index(_FILLED_PATH) + 1 | PLAN_FILLED
    places = [index + 1 for index, kind in enumerate(kinds) if kind in _PATH_KINDS][:2]
    return sum(place << 3 * which for which, place in enumerate(places))


def _descriptor(call: Call) -> int:
    if call.fd == FD_RETURNED:
        return PLAN_FD_RETURNED << 16
    return 0 if call.fd == FD_NONE else call.fd + 1 << 16


def _exec(name: str) -> int:
    return PLAN_EXEC if name in _EXEC else 0
