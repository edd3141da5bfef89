-- Every system call: how often, how often in vain, and how long it took.
-- strace -c and more: wall-clock time from entry to return, exact percentiles, the share of the time of all calls.
-- A call without a duration (its entry or its return was not seen) counts, but adds no time.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- column calls   BIGINT  calls
-- column errors  BIGINT  those that failed
-- column time_ns BIGINT  time in the calls, all together
-- column share   DOUBLE  of the time of all calls
-- column mean_ns BIGINT  mean duration
-- column p50_ns  BIGINT  half of the calls took no longer
-- column p99_ns  BIGINT  99 of 100 took no longer
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
        quantile_disc(dur_ns, [0.5, 0.99]) AS percentiles,
        max(dur_ns) AS max_ns
    FROM selected
    GROUP BY ALL
)
SELECT
    * EXCLUDE (time_ns, timed, percentiles, max_ns),
    time_ns,
    time_ns / sum(time_ns) OVER () AS share,
    time_ns // nullif(timed, 0) AS mean_ns,
    percentiles[1] AS p50_ns,
    percentiles[2] AS p99_ns,
    max_ns
FROM grouped
