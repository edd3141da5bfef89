-- The same thing over and over: one call on one path many times, searches that always fail, tiny reads and writes.
-- What would be cheaper once: cache the result, keep the file open, use a buffer.
-- param  least INTEGER 10  how often is often
-- param  tiny INTEGER 64  bytes that are few for a read or write
-- column pattern VARCHAR  what is repeated
-- column pid     INTEGER  process
-- column comm    VARCHAR  name of the thread
-- column syscall VARCHAR  system call
-- column about   VARCHAR  path, or the descriptor
-- column calls   BIGINT   how often
-- column errors  BIGINT   how often in vain
-- column bytes   BIGINT   read or written
-- column time_ns BIGINT   time in these calls
-- column host    VARCHAR  host
-- total  calls errors time_ns
-- sort   calls host pid syscall about comm
SELECT
    CASE
        WHEN count(errno) = count(*) THEN 'always fails'
        ELSE 'same path'
    END AS pattern,
    pid,
    comm,
    syscall,
    path AS about,
    count(*) AS calls,
    count(errno) AS errors,
    coalesce(sum(bytes), 0)::BIGINT AS bytes,
    coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
    host
FROM selected
WHERE path <> ''  -- with an empty one, as in fstat, the call is about a descriptor, not the same each time
GROUP BY host, pid, comm, syscall, path
HAVING count(*) >= getvariable('least')
UNION ALL
SELECT
    CASE direction
        WHEN 'read' THEN 'tiny reads'
        ELSE 'tiny writes'
    END AS pattern,
    pid,
    comm,
    syscall,
    'descriptor ' || fd AS about,
    count(*) AS calls,
    0 AS errors,
    sum(bytes)::BIGINT AS bytes,
    coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
    host
FROM selected
WHERE bytes BETWEEN 1 AND getvariable('tiny') AND fd IS NOT NULL
GROUP BY host, pid, comm, syscall, direction, fd
HAVING count(*) >= getvariable('least')
