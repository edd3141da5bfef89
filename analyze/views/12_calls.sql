-- System calls, one row each: what `selected`, and so every report, is made of. All columns of `events`, and:
-- column capture VARCHAR the capture file of the row (in the view events: `file`)
-- column file    VARCHAR what the call is about, absolute: of a call with a path argument that path, else what stands
--                        behind its descriptor, as readlink shows it: /etc/hosts, pipe:[?], socket:[4711],
--                        anon_inode:[eventpoll]; NULL where that is not known
-- column peer    VARCHAR address at the other end of the socket, given in the call or known from connect or accept
-- column bytes   BIGINT  bytes that the call moved; NULL for calls that move none, and where they failed
-- column direction VARCHAR which way they went: read or write
-- `file` and `peer` come from the replay (analyze/replay), and cost nothing where they are not used.
CREATE TEMP VIEW calls AS
WITH sorted_out AS (
    SELECT
        *,
        call_bits(syscall) AS bits,
        errno IS NULL AND syscall IN ('openat', 'open', 'openat2', 'creat') AS opened,
        path IS NOT NULL AND bits & 3 <> 0 AS has_path,
        CASE WHEN syscall IN ('symlink', 'symlinkat') THEN path2 ELSE path END AS path_argument
    FROM bare_calls
),

placed AS (
    SELECT
        *,
        on_host(host, pid) AS process,
        on_host(host, tid) AS thread,
        -- what a call makes is there from its return; what it uses is at its entry, when close takes it away
        epoch_ns(ts)
        + CASE WHEN bits & 4 <> 0 THEN coalesce(dur_ns, 0) WHEN syscall = 'close' THEN -1 ELSE 0 END AS seen_at,
        CASE
            WHEN opened OR NOT has_path THEN fd
            WHEN starts_with(path_argument, '/') THEN NULL
            WHEN bits & 1 <> 0 THEN low_int(arg0)
            WHEN syscall = 'symlinkat' THEN low_int(arg1)
            ELSE -100  -- the working directory
        END AS place
    FROM sorted_out
),

named AS (
    SELECT
        *,
        CASE WHEN place IS NOT NULL THEN descriptor_name(process, thread, place, seen_at) END AS name,
        CASE WHEN fd IS NOT NULL THEN descriptor_peer(process, thread, fd, seen_at) END AS other_end
    FROM placed
)

SELECT
    * EXCLUDE (bits, opened, has_path, path_argument, process, thread, seen_at, place, name, other_end),
    CASE
        -- not even then is a file of O_TMPFILE called as the directory that it is in
        WHEN opened AND name IS NULL AND CASE syscall WHEN 'open' THEN arg1 ELSE arg2 END & 4194304 = 0
            THEN absolute_path(NULL, nullif(path, ''))
        WHEN opened OR NOT has_path THEN name
        WHEN path_argument = '' AND errno = 'ENOENT' THEN NULL
        ELSE absolute_path(name, path_argument)
    END AS file,
    CASE
        WHEN syscall IN ('bind', 'getsockname') THEN NULL
        WHEN addr NOT IN ('unix:', 'unix:@') THEN addr
        ELSE other_end
    END AS peer
FROM named
