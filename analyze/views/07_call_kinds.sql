-- Kinds of calls, by name; a test compares them with the tables in schemas.
-- The first argument is a directory, and a path relative to it follows.
CREATE TEMP MACRO begins_with_dirfd(name) AS (
    name IN (
        'execveat', 'faccessat', 'faccessat2', 'fchmodat', 'fchmodat2', 'fchownat', 'file_getattr',
        'file_setattr', 'fspick', 'futimesat', 'getxattrat', 'linkat', 'listxattrat', 'mkdirat', 'mknodat',
        'mount_setattr', 'move_mount', 'name_to_handle_at', 'newfstatat', 'open_tree', 'open_tree_attr',
        'openat', 'openat2', 'readlinkat', 'removexattrat', 'renameat', 'renameat2', 'setxattrat', 'statx',
        'unlinkat', 'utimensat'
    )
);

-- The first string among the arguments is a path, relative to the working directory (of symlinkat: to a descriptor).
CREATE TEMP MACRO takes_path(name) AS (
    name IN (
        'access', 'acct', 'chdir', 'chmod', 'chown', 'chroot', 'creat', 'execve', 'getxattr', 'lchown',
        'lgetxattr', 'link', 'listxattr', 'llistxattr', 'lremovexattr', 'lsetxattr', 'lstat', 'mkdir',
        'mknod', 'mount', 'open', 'pivot_root', 'quotactl', 'readlink', 'removexattr', 'rename', 'rmdir',
        'setxattr', 'stat', 'statfs', 'swapoff', 'swapon', 'symlink', 'symlinkat', 'truncate', 'umount2',
        'unlink', 'uselib', 'utime', 'utimes'
    )
);

-- The result is a new descriptor.
CREATE TEMP MACRO makes_descriptor(name) AS (
    name IN (
        'accept', 'accept4', 'creat', 'dup', 'dup2', 'dup3', 'epoll_create', 'epoll_create1', 'eventfd',
        'eventfd2', 'fanotify_init', 'fsmount', 'fsopen', 'fspick', 'inotify_init', 'inotify_init1',
        'io_uring_setup', 'landlock_create_ruleset', 'memfd_create', 'memfd_secret', 'mq_open', 'open',
        'open_by_handle_at', 'open_tree', 'open_tree_attr', 'openat', 'openat2', 'perf_event_open',
        'pidfd_getfd', 'pidfd_open', 'signalfd', 'signalfd4', 'socket', 'timerfd_create', 'userfaultfd'
    )
);

-- The result is a number of bytes, that came in,
CREATE TEMP MACRO reads_bytes(name) AS (
    name IN (
        'read', 'pread64', 'readv', 'preadv', 'preadv2', 'recvfrom', 'recvmsg', 'recv', 'process_vm_readv',
        'sendfile', 'sendfile64', 'splice', 'tee', 'copy_file_range'
    )
);

-- or went out.
CREATE TEMP MACRO writes_bytes(name) AS (
    name IN (
        'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'sendto', 'sendmsg', 'send', 'vmsplice',
        'process_vm_writev', 'sendfile', 'sendfile64', 'splice', 'tee', 'copy_file_range'
    )
);
