-- The rows that change what is known of descriptors and directories, with the time at which they took effect: a
-- descriptor lives from the return of the call that makes it to the entry of the one that ends it.
-- Where the collector says what the kernel found at the end of a path (path2 of a call that has no second path), that
-- counts; else the path as given. The numbers of `op` are those of analyze/replay/rows.py; `mode` is whether exec closes
-- what is made: 0 no, 1 yes, 2 unknown.
WITH changes AS MATERIALIZED (
    SELECT
        kind,
        syscall,
        on_host(host, pid) AS process,
        on_host(host, tid) AS thread,
        on_host(host, ppid) AS parent,
        epoch_ns(ts) AS entry,
        returned_at(ts, dur_ns) AS back,
        arg0, arg1, arg2, arg3,
        ret,
        kind = 'syscall' AND errno IS NULL AND ret IS NOT NULL AS done,
        errno,
        fd,
        path,
        path2,
        addr,
        hex(data) AS pair
    FROM replayed
    WHERE
        kind <> 'signal'
        AND (kind <> 'syscall' OR is_rare(syscall))
        AND CASE
            WHEN kind <> 'syscall' THEN true
            WHEN syscall IN ('fcntl', 'fcntl64') THEN arg1 IN (0, 2, 1030)
            WHEN syscall = 'ioctl' THEN arg1 IN (21584, 21585)
            ELSE true
        END
),

makers(name, what, cloexec_arg, cloexec_bit) AS (
    -- What readlink shows of the descriptors that a call makes; [?] is an inode number that is not known. cloexec_arg -1:
    -- always, -2: never, -3: not known.
    VALUES
        ('epoll_create', 'anon_inode:[eventpoll]', -2, 0),
        ('epoll_create1', 'anon_inode:[eventpoll]', 0, 524288),
        ('eventfd', 'anon_inode:[eventfd]', -2, 0),
        ('eventfd2', 'anon_inode:[eventfd]', 1, 524288),
        ('timerfd_create', 'anon_inode:[timerfd]', 1, 524288),
        ('signalfd', 'anon_inode:[signalfd]', -2, 0),
        ('signalfd4', 'anon_inode:[signalfd]', 3, 524288),
        ('inotify_init', 'anon_inode:inotify', -2, 0),
        ('inotify_init1', 'anon_inode:inotify', 0, 524288),
        ('fanotify_init', 'anon_inode:[fanotify]', 0, 1),
        ('userfaultfd', 'anon_inode:[userfaultfd]', 0, 524288),
        ('perf_event_open', 'anon_inode:[perf_event]', -3, 0),
        ('io_uring_setup', 'anon_inode:[io_uring]', -1, 0),
        ('pidfd_open', 'anon_inode:[pidfd]', -1, 0),
        ('pidfd_getfd', NULL, -1, 0),
        ('bpf', NULL, -1, 0),
        ('mq_open', NULL, -1, 0),
        ('landlock_create_ruleset', 'anon_inode:[landlock-ruleset]', -1, 0),
        ('fsopen', 'anon_inode:[fscontext]', 1, 1),
        ('fspick', 'anon_inode:[fscontext]', 2, 1),
        ('fsmount', NULL, 1, 1),
        ('open_tree', NULL, 2, 524288),
        ('open_tree_attr', NULL, 2, 524288),
        ('open_by_handle_at', NULL, 2, 524288),
        ('memfd_create', '/memfd:', 1, 1),
        ('memfd_secret', '/secretmem (deleted)', 0, 524288)
),
losses_of_state AS (
    SELECT
        entry,
        back,
        (getvariable('state_lost') OR syscall IS NULL OR syscall IN ('chdir', 'fchdir', 'chroot', 'other'))::INTEGER AS moved
    FROM changes
    WHERE
        kind = 'loss'
        -- of a call that makes or ends descriptors, of one without a name, or of any if rows of state were lost too
        AND (
            getvariable('state_lost')
            OR coalesce(syscall, 'other') = 'other'
            OR starts_with(syscall, 'syscall_')
            OR syscall IN (SELECT name FROM makers)
            OR syscall IN (
                'open', 'openat', 'openat2', 'creat', 'close', 'close_range', 'dup', 'dup2', 'dup3', 'pipe', 'pipe2',
                'socket', 'socketpair', 'socketcall', 'accept', 'accept4', 'fcntl', 'fcntl64', 'chdir', 'fchdir',
                'chroot', 'unshare'
            )
        )
),
rows AS (
    -- by far the most, so these come straight from the file
    SELECT
        -- an open of /dev/fd/3 may find a pipe or a socket, whose name is no path
        CASE WHEN syscall = 'close' THEN 4 WHEN NOT starts_with(path2, '/') THEN 1 ELSE 0 END AS op,
        CASE syscall WHEN 'close' THEN epoch_ns(ts) ELSE returned_at(ts, dur_ns) END AS time_ns,
        on_host(host, pid) AS process,
        on_host(host, tid) AS thread,
        CASE syscall WHEN 'close' THEN arg0 & 4294967295 ELSE ret END AS fd,
        CASE WHEN syscall IN ('openat', 'openat2') THEN low_int(arg0) ELSE -100 END AS other,
        CASE syscall
            WHEN 'close' THEN 0
            WHEN 'openat' THEN arg2 >> 19 & 1
            WHEN 'open' THEN arg1 >> 19 & 1
            WHEN 'creat' THEN 0
            ELSE 2
        END AS mode,
        -- O_TMPFILE makes a file without a name: the kernel's is /tmp/#1234
        CASE
            WHEN CASE syscall WHEN 'openat' THEN arg2 WHEN 'open' THEN arg1 ELSE 0 END & 4194304 = 0 THEN coalesce(path2, path)
            ELSE path2 || ' (deleted)'
        END AS text,
        NULL AS addr
    FROM replayed
    WHERE
        kind = 'syscall'
        AND is_bulk(syscall)
        AND CASE syscall WHEN 'close' THEN errno IS DISTINCT FROM 'EBADF' ELSE errno IS NULL AND ret IS NOT NULL END
    UNION ALL
    SELECT
        1, back, process, thread, ret, NULL,
        CASE cloexec_arg
            WHEN -1 THEN 1
            WHEN -2 THEN 0
            WHEN 0 THEN (arg0 & cloexec_bit <> 0)::INTEGER
            WHEN 1 THEN (arg1 & cloexec_bit <> 0)::INTEGER
            WHEN 2 THEN (arg2 & cloexec_bit <> 0)::INTEGER
            WHEN 3 THEN (arg3 & cloexec_bit <> 0)::INTEGER
            ELSE 2
        END,
        CASE
            WHEN path2 IS NOT NULL THEN path2
            WHEN syscall = 'memfd_create' THEN what || path || ' (deleted)'
            WHEN syscall = 'bpf' THEN
                CASE arg0 WHEN 0 THEN 'anon_inode:bpf-map' WHEN 5 THEN 'anon_inode:bpf-prog' WHEN 18 THEN 'anon_inode:btf' END
            ELSE what
        END,
        NULL
    FROM changes
    JOIN makers ON name = syscall
    WHERE done AND (syscall <> 'bpf' OR arg0 IN (0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33))
    UNION ALL
    SELECT 2, back, process, thread, ret, NULL, arg1 >> 19 & 1, coalesce(path2, 'socket:[?]'), NULL
    FROM changes
    WHERE done AND syscall = 'socket'
    UNION ALL
    -- i386: the arguments lie in memory
    SELECT CASE arg0 WHEN 1 THEN 2 ELSE 3 END, back, process, thread, ret, NULL, 2, 'socket:[?]', NULL
    FROM changes
    WHERE done AND syscall = 'socketcall' AND arg0 IN (1, 5, 18)
    UNION ALL
    SELECT
        3, back, process, thread, ret, arg0 & 4294967295,
        CASE syscall WHEN 'accept4' THEN arg3 >> 19 & 1 ELSE 0 END, coalesce(path2, 'socket:[?]'), addr
    FROM changes
    WHERE done AND syscall IN ('accept', 'accept4')
    UNION ALL
    -- The two descriptors lie in memory, little-endian; the collector gives them as data.
    SELECT
        CASE syscall WHEN 'socketpair' THEN 2 ELSE 1 END, back, process, thread,
        ('0x' || substr(pair, place + 6, 2) || substr(pair, place + 4, 2) || substr(pair, place + 2, 2) || substr(pair, place, 2))::BIGINT,
        NULL,
        CASE syscall WHEN 'pipe' THEN 0 WHEN 'pipe2' THEN arg1 >> 19 & 1 ELSE arg1 >> 19 & 1 END,
        CASE syscall WHEN 'socketpair' THEN coalesce(split_part(path2, ' ', (place + 7) // 8), 'socket:[?]') ELSE coalesce(path2, 'pipe:[?]') END,
        NULL
    FROM changes, (VALUES (1), (9)) AS places(place)
    WHERE done AND syscall IN ('pipe', 'pipe2', 'socketpair') AND length(pair) >= 16
    UNION ALL
    SELECT 4, entry, process, thread, arg1 & 4294967295, NULL, NULL, NULL, NULL
    FROM changes
    WHERE done AND syscall IN ('dup2', 'dup3') AND arg0 <> arg1
    UNION ALL
    SELECT
        5, back, process, thread, ret, arg0 & 4294967295,
        CASE
            WHEN syscall = 'dup3' THEN arg2 >> 19 & 1
            WHEN syscall IN ('fcntl', 'fcntl64') THEN (arg1 = 1030)::INTEGER
            ELSE 0
        END,
        NULL, NULL
    FROM changes
    WHERE
        done
        AND (
            syscall IN ('dup', 'dup3')
            OR (syscall = 'dup2' AND arg0 <> arg1)
            OR (syscall IN ('fcntl', 'fcntl64') AND arg1 IN (0, 1030))
        )
    UNION ALL
    SELECT
        6, back, process, thread, arg0 & 4294967295, NULL,
        CASE WHEN syscall = 'ioctl' THEN arg1 - 21584 ELSE arg2 & 1 END, NULL, NULL
    FROM changes
    WHERE done AND (syscall = 'ioctl' OR (syscall IN ('fcntl', 'fcntl64') AND arg1 = 2))
    UNION ALL
    SELECT 7, back, process, thread, -100, NULL, NULL, CASE syscall WHEN 'chdir' THEN coalesce(path2, path) END, NULL
    FROM changes
    WHERE done AND syscall = 'chdir'
    UNION ALL
    SELECT 8, back, process, thread, -100, arg0 & 4294967295, NULL, NULL, NULL
    FROM changes
    WHERE done AND syscall = 'fchdir'
    UNION ALL
    SELECT 9, entry, process, thread, arg0 & 4294967295, arg1 & 4294967295, arg2, NULL, NULL
    FROM changes
    WHERE kind = 'syscall' AND syscall = 'close_range' AND errno IS NULL
    UNION ALL
    SELECT CASE syscall WHEN 'connect' THEN 10 ELSE 11 END, back, process, thread, arg0 & 4294967295, NULL, NULL, 'socket:[?]', addr
    FROM changes
    WHERE kind = 'syscall' AND syscall IN ('connect', 'bind') AND (done OR (syscall = 'connect' AND errno IN ('EINPROGRESS', 'EINTR', 'EALREADY')))
    UNION ALL
    SELECT 12, back, process, thread, NULL, NULL, (arg0 >> 10 & 1) | (arg0 >> 8 & 2) | (arg0 >> 16 & 2), NULL, NULL
    FROM changes
    WHERE done AND syscall = 'unshare'
    UNION ALL
    SELECT 13, entry, process, thread, parent, process - process % 8388608 + (arg0 & 4294967295), coalesce(arg1, CASE WHEN process = thread THEN 0 ELSE 15 END), NULL, NULL
    FROM changes
    WHERE kind = 'fork'
    UNION ALL
    SELECT 14, entry, process, thread, NULL, process - process % 8388608 + (arg0 & 4294967295), NULL, NULL, NULL
    FROM changes
    WHERE kind = 'exec'
    UNION ALL
    SELECT 15, entry, process, thread, NULL, NULL, coalesce(arg0, (process = thread)::BIGINT), NULL, NULL
    FROM changes
    WHERE kind = 'exit'
    UNION ALL
    SELECT 16, entry, process, thread, -100, NULL, NULL, path2, NULL
    FROM changes
    WHERE kind = 'process'
    UNION ALL
    SELECT 17, entry, process, thread, fd, NULL, coalesce(arg0 >> 19 & 1, 2), path, NULL
    FROM changes
    WHERE kind = 'fd'
    UNION ALL
    -- A loss, once where its interval begins, once where it ends. mode 1: working directories may have changed.
    SELECT DISTINCT 18, CASE edge WHEN 0 THEN entry ELSE coalesce(try(back + 1), back) END, 0, 0, NULL, back, moved, NULL, NULL
    FROM losses_of_state, (VALUES (0), (1)) AS edges(edge)
)
-- As narrow as can be, since a large capture has tens of millions of them.
SELECT
    op::UTINYINT AS op,
    time_ns,
    as_number(process) AS process,
    as_number(thread) AS thread,
    as_number(coalesce(fd, -1)) AS fd,
    coalesce(other, -1) AS other,
    (coalesce(mode, 0) & 255)::UTINYINT AS mode,
    text,
    addr
FROM rows
