"""Making the files of a capture, safely: root may write into a folder that others can write to."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from capture import capabilities, users
from capture.errors import SinkError
from schemas.capture_file import is_live
from schemas.journal import SUFFIX

_ADVICE = {
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder on a file system that is not read-only",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "part of the path is a file; choose another",
    errno.ENOSPC: "free space there, or write to another file system",
    errno.EDQUOT: "raise the quota, or write to another file system",
    errno.EFBIG: "raise the file size limit (ulimit -f), or rotate with -C",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "name the file that the symbolic link stands for",
}


def refused(path: Path, error: OSError, what: str = "cannot write") -> SinkError:
    """An error of the operating system as one line: what, where, why and what to do."""
    advice = _ADVICE.get(error.errno or 0, "choose another place")
    return SinkError(f"{what} {path}: {os.strerror(error.errno or 0)}; {advice}")


def open_folder(path: Path, opened: int | None = None) -> int:
    """A descriptor of the folder that holds `path`; names are then looked up in it, whatever happens to its path.

    If it was `opened` before, with other rights than now, another descriptor of the same.
    """
    try:
        if opened is not None:
            return os.dup(opened)
        return os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refused(path, error) from error


def exists(folder: int, name: str) -> bool:
    """Is there anything of this name in the folder?"""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def create(folder: int, path: Path, *, force: bool) -> int:
    """A new empty file at `path` (in `folder`), mode 0600, owned by who called sudo, opened to read and write.

    An existing file is an error unless `force`; then it is removed, not written over, so that who has it open keeps it.
    Raises SinkError: it exists, is no regular file, is a capture still being written, or cannot be made.
    """
    try:
        if force:
            _remove_old(folder, path)
        fd = os.open(path.name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except FileExistsError as error:
        _refuse_special(path, os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode)
        raise SinkError(f"{path} exists; choose another name, or --force to replace it") from error
    except OSError as error:
        raise refused(path, error) from error
    give_to_caller(fd)
    return fd


def create_journal(folder: int, path: Path, suffix: str = SUFFIX) -> int:
    """The new, empty journal of the capture at `path`. One that is there belongs to a capture long gone."""
    name = path.name + suffix
    try:
        unlink_if_there(folder, name)
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        raise refused(path.with_name(name), error) from error
    give_to_caller(fd)
    return fd


def lock(fd: int, path: Path) -> None:
    """Take the writer's lock. Raises SinkError if another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SinkError(f"{path} is still being written by another capture; stop that one first") from error


def unlink_if_there(folder: int, name: str) -> None:
    """Remove a name from a folder; no error if it is not there."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def give_to_caller(fd: int) -> None:
    """Make the file belong to the user who called sudo, if one did, and files may be given away."""
    caller = users.sudo_caller()
    if caller is not None and capabilities.holds("CAP_CHOWN"):
        os.fchown(fd, *caller)


def _remove_old(folder: int, path: Path) -> None:
    try:
        fd = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return
    try:
        _refuse_special(path, os.fstat(fd).st_mode)
        if is_live(fd):
            raise SinkError(f"{path} is still being written by another capture; stop that one first")
    finally:
        os.close(fd)
    os.unlink(path.name, dir_fd=folder)


def _refuse_special(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise SinkError(f"{path} is a symbolic link; name the file that it stands for")
    if stat.S_ISDIR(mode):
        raise SinkError(f"{path} is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise SinkError(f"{path} is not a regular file, which Parquet needs; use -w - or a name that ends in .arrows")
