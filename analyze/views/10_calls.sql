-- System calls, one row each: what `selected`, and so every report, is made of. All columns of `events`, and:
-- column capture VARCHAR the capture file of the row (`file` in the view events)
-- column file    VARCHAR what the call is about, absolute: of a call with a path argument that path, else what stands
--                        behind its descriptor, as readlink shows it: /etc/hosts, pipe:[?], socket:[4711],
--                        anon_inode:[eventpoll]; NULL where that is not known
-- column peer    VARCHAR address at the other end of the socket, given in the call or known from connect or accept
-- column bytes   BIGINT  bytes that the call read or wrote; NULL for calls that do neither, and for failed ones
-- column direction VARCHAR whether these came or went: read, write; NULL where bytes are, and where they do both
-- `file` and `peer` come from the replay (analyze/replay), and cost nothing where they are not used.
CREATE TEMP VIEW calls AS
WITH sorted_out AS (
    SELECT
        *,
        on_host(host, pid) AS process_key,
        on_host(host, tid) AS thread_key,
        -- What a call makes is there from its return, what it uses at its entry.
        epoch_ns(ts) + CASE WHEN makes_descriptor(syscall) THEN coalesce(dur_ns, 0) ELSE 0 END AS looked_up_at,
        errno IS NULL AND syscall IN ('openat', 'open', 'openat2', 'creat') AS opened,
        coalesce(CASE WHEN syscall IN ('symlink', 'symlinkat') THEN path2 ELSE path END, '/') AS path_argument,
        path IS NOT NULL AND (begins_with_dirfd(syscall) OR takes_path(syscall)) AS has_path
    FROM events
    WHERE kind = 'syscall' AND flags & 32 = 0
),
placed AS (
    SELECT
        *,
        CASE
            WHEN opened OR NOT has_path THEN fd
            WHEN starts_with(path_argument, '/') THEN NULL
            WHEN begins_with_dirfd(syscall) THEN low_int(arg0)
            WHEN syscall = 'symlinkat' THEN low_int(arg1)
            ELSE -100
        END AS looked_up
    FROM sorted_out
),
named AS (
    SELECT
        *,
        CASE
            WHEN looked_up IS NOT NULL THEN descriptor_name(process_key, thread_key, looked_up, looked_up_at)
        END AS descriptor_name,
        CASE
            WHEN fd IS NOT NULL THEN descriptor_peer(process_key, thread_key, fd, looked_up_at)
        END AS descriptor_peer
    FROM placed
)
SELECT
    * EXCLUDE (
        file, process_key, thread_key, looked_up, looked_up_at, opened, path_argument, has_path,
        descriptor_name, descriptor_peer
    ),
    file AS capture,
    CASE
        -- an O_TMPFILE has no name
        WHEN opened AND descriptor_name IS NULL AND CASE syscall WHEN 'open' THEN arg1 ELSE arg2 END & 4194304 = 0
            THEN absolute_path(NULL, nullif(path, ''))
        WHEN opened OR NOT has_path THEN descriptor_name
        WHEN path_argument = '' AND errno = 'ENOENT' THEN NULL
        ELSE absolute_path(descriptor_name, path_argument)
    END AS file,
    CASE
        WHEN syscall IN ('bind', 'getsockname') THEN NULL
        WHEN addr IS NOT NULL AND addr NOT IN ('unix:', 'unix:@') THEN addr
        ELSE descriptor_peer
    END AS peer,
    CASE WHEN errno IS NULL AND (reads_bytes(syscall) OR writes_bytes(syscall)) THEN ret END AS bytes,
    CASE
        WHEN bytes IS NULL OR (reads_bytes(syscall) AND writes_bytes(syscall)) THEN NULL
        WHEN reads_bytes(syscall) THEN 'read'
        ELSE 'write'
    END AS direction
FROM named
