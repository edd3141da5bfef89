-- Who or what makes most calls, takes most time in them, or fails most.
-- By system call, process, thread, or any column; sorted by time unless -S says calls or errors.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- column calls   BIGINT  calls
-- column errors  BIGINT  those that failed
-- column time_ns BIGINT  time in the calls, all together
-- column share   DOUBLE  of the time of all calls
-- column mean_ns BIGINT  mean duration
-- column max_ns  BIGINT  the longest
-- total  calls errors time_ns share
-- sort   time_ns
WITH grouped AS (
    SELECT
        columns(lambda c: c IN getvariable('by')),
        count(*) AS calls,
        count(errno) AS errors,
        coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
        count(dur_ns) AS timed,
        max(dur_ns) AS max_ns
    FROM selected
    GROUP BY ALL
)
SELECT
    * EXCLUDE (time_ns, timed, max_ns),
    time_ns,
    time_ns / sum(time_ns) OVER () AS share,
    time_ns // nullif(timed, 0) AS mean_ns,
    max_ns
FROM grouped
