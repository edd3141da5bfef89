-- Who ran: each process with its calls, its parent, how long it lived and how it ended.
-- column pid     INTEGER  process
-- column process VARCHAR  what its main thread was called last
-- column ppid    INTEGER  parent
-- column threads BIGINT   threads that made calls
-- column calls   BIGINT   calls
-- column errors  BIGINT   those that failed
-- column time_ns BIGINT   time in calls, all threads together
-- column runq_ns BIGINT   the part of it spent waiting for a CPU
-- column life_ns BIGINT   from its start to its end; NULL unless both were seen
-- column ended   VARCHAR  exit code or signal; NULL while it lives
-- column cmdline VARCHAR  command line
-- column host    VARCHAR  host
-- total  calls errors time_ns runq_ns
-- sort   calls host pid
WITH named AS (
    SELECT host, pid, comm, max(ts) AS latest, max(CASE WHEN tid = pid THEN ts END) AS main
    FROM selected
    GROUP BY ALL
),

names AS (
    SELECT host, pid, coalesce(max_by(comm, main), max_by(comm, latest)) AS process
    FROM named
    GROUP BY ALL
),

counted AS (
    SELECT
        host,
        pid,
        count(DISTINCT tid) AS threads,
        count(*) AS calls,
        count(errno) AS errors,
        coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
        coalesce(sum(runq_ns), 0)::BIGINT AS runq_ns
    FROM selected
    GROUP BY ALL
)

SELECT
    pid,
    process,
    ppid,
    threads,
    calls,
    errors,
    time_ns,
    runq_ns,
    epoch_ns(ended) - epoch_ns(started) AS life_ns,
    CASE
        WHEN status & 127 = 0 THEN 'exit ' || (status >> 8 & 255)
        ELSE 'signal ' || (status & 127)
    END AS ended,
    cmdline,
    host
FROM counted
JOIN names USING (host, pid)
LEFT JOIN pids USING (host, pid)
