"""Paths as text: absolute, without `.`, `..` and double slashes; and numbers that several modules share."""

import posixpath

AT_FDCWD = -100
CWD = AT_FDCWD
"""The working directory stands in the tables as if it were a descriptor of this number."""
PROCESSES_PER_HOST = 1 << 23
"""More than the largest pid; a process of the n-th host is n times this plus its pid."""
LONER = 1 << 30
"""Added to the tid of a thread that shares less than its process does, to make the number of its own tables."""
DELETED = " (deleted)"


def absolute(directory: str | None, path: str) -> str | None:
    """The path as seen from the root; `directory` is absolute, or None where it is not known.

    Links are not followed: only the kernel knows where they led.
    """
    if not path.startswith("/"):
        if directory is None or not directory.startswith("/"):
            return None
        path = f"{directory}/{path}"
    if "//" in path or "/." in path or path.endswith("/"):
        return "/" + posixpath.normpath(path).lstrip("/")
    return path
