-- The calls that took longest, one by one.
-- What a call was about stands in `about`: the file, pipe or socket behind its descriptor, the path or the peer; `before`
-- is the call that its thread made last before this one.
-- column ts      TIMESTAMP_NS  when it began, UTC
-- column dur_ns  BIGINT        how long it took
-- column runq_ns BIGINT        the part of it spent waiting for a CPU
-- column syscall VARCHAR       system call
-- column pid     INTEGER       process
-- column tid     INTEGER       thread
-- column comm    VARCHAR       name of the thread
-- column fd      INTEGER       descriptor
-- column about   VARCHAR       path, file or other end
-- column ret     BIGINT        result
-- column errno   VARCHAR       error, if it failed
-- column before  VARCHAR       the thread's previous call, and its error if it failed
-- column host    VARCHAR       host
-- sort   dur_ns ts tid
WITH slow AS (
    SELECT *
    FROM selected
    WHERE dur_ns >= (
        SELECT min(dur_ns)
        FROM (
            SELECT dur_ns
            FROM selected
            WHERE dur_ns IS NOT NULL
            ORDER BY dur_ns DESC
            LIMIT getvariable('rows')
        )
    )
),

earlier AS (
    SELECT host, pid, tid, ts, syscall || coalesce(' ' || errno, '') AS before
    FROM bare_calls
    WHERE tid IN (SELECT tid FROM slow)
)

SELECT
    slow.ts,
    dur_ns,
    runq_ns,
    syscall,
    slow.pid,
    slow.tid,
    comm,
    fd,
    CASE
        WHEN path <> '' THEN coalesce(file, path)
        ELSE coalesce(peer, file, addr)
    END AS about,
    ret,
    errno,
    before,
    slow.host
FROM slow
ASOF LEFT JOIN earlier ON slow.host = earlier.host AND slow.pid = earlier.pid AND slow.tid = earlier.tid
    AND slow.ts > earlier.ts
