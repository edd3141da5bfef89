-- The calls that took longest, one by one.
-- What they were about stands in `about`: a path, or the address of a peer.
-- column ts      TIMESTAMP_NS  when it began, UTC
-- column dur_ns  BIGINT        how long it took
-- column runq_ns BIGINT        the part of it spent waiting for a CPU
-- column syscall VARCHAR       system call
-- column pid     INTEGER       process
-- column tid     INTEGER       thread
-- column comm    VARCHAR       name of the thread
-- column fd      INTEGER       descriptor
-- column about   VARCHAR       path or address
-- column ret     BIGINT        result
-- column errno   VARCHAR       error, if it failed
-- sort   dur_ns ts tid
SELECT
    ts,
    dur_ns,
    runq_ns,
    syscall,
    pid,
    tid,
    comm,
    fd,
    coalesce(path, addr) AS about,
    ret,
    errno
FROM selected
WHERE dur_ns IS NOT NULL
