"""Who the collector is, and what it may do, once the kernel program is attached: no more than what is still to be done.

Files are made after that, in a folder that was opened before, so with the rights of the user whose they will be.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from capture import capabilities, users
from capture.errors import PrivilegeError, SinkError

_SIGNALS = ("CAP_KILL",)


@dataclass(frozen=True)
class Account:
    """A user and its groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Who to become, and the capabilities to keep to the end."""

    account: Account
    keep: frozenset[str] = frozenset()


def account(user: str, option: str) -> Account:
    """A user by name, as `option` gave it. Raises UsageError if there is none."""
    found = users.named(user, option)
    return Account(found.pw_uid, found.pw_gid, tuple(os.getgrouplist(user, found.pw_gid)))


def plan(user: str | None, target: str | None, folder: int | None, *, signals: bool) -> Plan:
    """What to become by `drop`: `-Z user`, else who called sudo, else who we are.

    `target` is to be written in `folder` (a descriptor; None where there is none). With `signals` there is a process to
    which a signal may have to be passed on. Who called sudo does not get there? Then root writes, without rights over
    others' files if it can, and gives the files away. Raises SinkError if `user` cannot write there, PrivilegeError if
    we may not become it.
    """
    mine = Account(os.geteuid(), os.getegid(), tuple(os.getgroups()))
    keep = frozenset(_SIGNALS if signals else ())
    if user is not None:
        chosen = account(user, "-Z")
        if chosen.uid != mine.uid and not (capabilities.holds("CAP_SETUID") and capabilities.holds("CAP_SETGID")):
            raise PrivilegeError(f"-Z {user}: only root may become another user; run it with sudo, or leave out -Z")
        if not _can_write(chosen, target, folder):
            raise SinkError(f"-Z {user}: {user} cannot write {target}; choose a folder of that user's, or give it one")
        return Plan(chosen, keep)
    caller = _sudo_caller()
    if caller is not None:
        if _can_write(caller, target, folder):
            return Plan(caller, keep)
        keep |= {"CAP_CHOWN"}
    if not _can_write(mine, target, folder):
        keep |= {"CAP_DAC_OVERRIDE"}
    return Plan(mine, keep)


def drop(chosen: Plan, *, besides: tuple[str, ...] = ()) -> str | None:
    """Become it, with no capabilities but those to keep and those `besides`; a sentence if some thread keeps others.

    Capabilities belong to threads. The caller's are dropped here, and those that it starts begin with no more. Threads
    that are there already lose them only by a change of user, so there should be none: see capture/threads.py.
    """
    _become(chosen.account, (*chosen.keep, *besides))
    stubborn = capabilities.threads_with_more((*chosen.keep, *besides))
    return f"{len(stubborn)} threads of libraries keep their privileges" if stubborn else None


def _become(chosen: Account, keep: tuple[str, ...]) -> None:
    if chosen.uid != os.geteuid():
        capabilities.survive_setuid()
        os.setgroups(chosen.groups)
        os.setresgid(chosen.gid, chosen.gid, chosen.gid)
        os.setresuid(chosen.uid, chosen.uid, chosen.uid)
    capabilities.keep_only(keep)
    capabilities.gain_no_more()


def _sudo_caller() -> Account | None:
    """Who called sudo, if root was asked for that way."""
    uid, gid = users.sudo_caller() or (0, 0)
    if os.geteuid() != 0 or not uid:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without an entry, as in a container
        return Account(uid, gid, (gid,))
    return Account(uid, gid, tuple(os.getgrouplist(name, gid)))


def _can_write(chosen: Account, target: str | None, folder: int | None) -> bool:
    """Can this user, without capabilities, make files in the folder, or write to the pipe or device that is there?

    Asked by a process that has become that user, since only the kernel knows of access lists, mounts and the like.
    """
    if target is None or folder is None:
        return True

    def ask() -> bool:
        _become(chosen, ())
        return _is_writable(Path(target).name, folder)

    return capabilities.can(ask)


def _is_writable(name: str, folder: int) -> bool:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        mode = 0
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return os.access(name, os.W_OK, dir_fd=folder)
    return os.access(".", os.W_OK | os.X_OK, dir_fd=folder)
