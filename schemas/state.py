"""The calls that change what descriptors, directories and processes are called.

A capture keeps them whatever its filter is (as state-only rows), a part of a capture keeps them, and the replay reads
them: without one of them a name could be wrong.
"""

STATE_CALLS = frozenset(
    (
        *("open", "openat", "openat2", "creat", "open_by_handle_at", "close", "close_range"),
        *("dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "pipe", "pipe2"),
        *("socket", "socketpair", "socketcall", "accept", "accept4", "connect", "bind"),
        *("eventfd", "eventfd2", "epoll_create", "epoll_create1", "memfd_create", "memfd_secret", "timerfd_create"),
        *("signalfd", "signalfd4", "inotify_init", "inotify_init1", "fanotify_init", "userfaultfd", "seccomp"),
        *("perf_event_open", "bpf", "io_uring_setup", "pidfd_open", "pidfd_getfd", "mq_open"),
        *("landlock_create_ruleset", "fsopen", "fspick", "fsmount", "open_tree", "open_tree_attr"),
        *("chdir", "fchdir", "chroot", "pivot_root", "unshare", "setns", "execve", "execveat"),
    )
)
"""By name, of every ABI."""
