"""Users by name, and the one who called sudo."""

import os
import pwd

from capture.errors import UsageError


def named(user: str, option: str) -> pwd.struct_passwd:
    """A user by name, as `option` gave it. Raises UsageError if there is none."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"{option} {user}: there is no such user; `getent passwd` lists them") from None


def sudo_caller() -> tuple[int, int] | None:
    """User and group of who called sudo, as its environment says; None if it does not."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    return (int(uid), int(gid)) if uid.isdecimal() and gid.isdecimal() else None
