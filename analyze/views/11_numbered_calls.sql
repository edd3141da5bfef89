-- Calls with what `file` and `peer` are made of, for reports that group by them: numbers are compared faster than
-- texts, and few groups are made into texts faster than all calls.
-- column thing   INTEGER number of the name behind the descriptor or directory of the call
-- column below   VARCHAR path that starts there, or at the root; NULL where `thing` is all
-- column given   VARCHAR address in the call itself
-- column far_end INTEGER number of the address that its socket is known to be connected to
CREATE TEMP VIEW numbered_calls AS
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
        CASE
            WHEN bits & 4 <> 0 THEN returned_at(ts, dur_ns)
            WHEN syscall = 'close' THEN returned_at(ts, -1)
            ELSE epoch_ns(ts)
        END AS seen_at,
        CASE
            WHEN opened OR NOT has_path THEN fd
            WHEN path_argument IS NULL OR starts_with(path_argument, '/') THEN NULL
            WHEN path_argument = '' AND errno = 'ENOENT' THEN NULL
            WHEN bits & 1 <> 0 THEN low_int(arg0)
            WHEN syscall = 'symlinkat' THEN low_int(arg1)
            ELSE -100  -- the working directory
        END AS place,
        syscall IN ('bind', 'getsockname') AS own_end,
        CASE WHEN addr NOT IN ('unix:', 'unix:@') AND NOT own_end THEN addr END AS given
    FROM sorted_out
),

looked_up AS (
    SELECT
        *,
        CASE WHEN place IS NOT NULL THEN descriptor_name(process, thread, place, seen_at) END AS thing,
        CASE
            WHEN fd IS NOT NULL AND given IS NULL AND NOT own_end THEN descriptor_peer(process, thread, fd, seen_at)
        END AS far_end
    FROM placed
),

based AS (
    SELECT
        *,
        CASE
            WHEN NOT opened THEN CASE WHEN has_path THEN path_argument END
            -- not even where its name is not known is a file of O_TMPFILE called as the directory that it is in
            WHEN thing IS NULL AND CASE syscall WHEN 'open' THEN arg1 ELSE arg2 END & 4194304 = 0 THEN nullif(path, '')
        END AS below
    FROM looked_up
),

named AS (
    SELECT *, descriptor_text(thing) AS name
    FROM based
)

SELECT
    * EXCLUDE (bits, opened, has_path, path_argument, process, thread, seen_at, place, own_end, name),
    CASE WHEN below IS NULL THEN name ELSE absolute_path(name, below) END AS file,
    coalesce(given, descriptor_text(far_end)) AS peer
FROM named
