-- What a call does with paths and descriptors, as bits: 1 its first argument is a directory to which the path after it is
-- relative; 2 its first string is a path, relative to the working directory; 4 its result is a new descriptor. A test
-- compares them with the tables in schemas. (A map, since DuckDB looks each name up once.)
CREATE TEMP MACRO call_bits(name) AS coalesce(map {
    'accept': 4, 'accept4': 4, 'access': 2, 'acct': 2, 'chdir': 2, 'chmod': 2, 'chown': 2, 'chroot': 2,
    'creat': 6, 'dup': 4, 'dup2': 4, 'dup3': 4, 'epoll_create': 4, 'epoll_create1': 4, 'eventfd': 4,
    'eventfd2': 4, 'execve': 2, 'execveat': 1, 'faccessat': 1, 'faccessat2': 1, 'fanotify_init': 4,
    'fchmodat': 1, 'fchmodat2': 1, 'fchownat': 1, 'file_getattr': 1, 'file_setattr': 1, 'fsmount': 4,
    'fsopen': 4, 'fspick': 5, 'futimesat': 1, 'getxattr': 2, 'getxattrat': 1, 'inotify_init': 4,
    'inotify_init1': 4, 'io_uring_setup': 4, 'landlock_create_ruleset': 4, 'lchown': 2, 'lgetxattr': 2,
    'link': 2, 'linkat': 1, 'listxattr': 2, 'listxattrat': 1, 'llistxattr': 2, 'lremovexattr': 2,
    'lsetxattr': 2, 'lstat': 2, 'memfd_create': 4, 'memfd_secret': 4, 'mkdir': 2, 'mkdirat': 1, 'mknod': 2,
    'mknodat': 1, 'mount': 2, 'mount_setattr': 1, 'move_mount': 1, 'mq_open': 4, 'name_to_handle_at': 1,
    'newfstatat': 1, 'open': 6, 'open_by_handle_at': 4, 'open_tree': 5, 'open_tree_attr': 5, 'openat': 5,
    'openat2': 5, 'perf_event_open': 4, 'pidfd_getfd': 4, 'pidfd_open': 4, 'pivot_root': 2, 'quotactl': 2,
    'readlink': 2, 'readlinkat': 1, 'removexattr': 2, 'removexattrat': 1, 'rename': 2, 'renameat': 1,
    'renameat2': 1, 'rmdir': 2, 'setxattr': 2, 'setxattrat': 1, 'signalfd': 4, 'signalfd4': 4, 'socket': 4,
    'stat': 2, 'statfs': 2, 'statx': 1, 'swapoff': 2, 'swapon': 2, 'symlink': 2, 'symlinkat': 2,
    'timerfd_create': 4, 'truncate': 2, 'umount2': 2, 'unlink': 2, 'unlinkat': 1, 'uselib': 2, 'userfaultfd': 4,
    'utime': 2, 'utimensat': 1, 'utimes': 2
}[name], 0)
