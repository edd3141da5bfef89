-- Calls that failed: with which error, in which call, how often.
-- --by path,error shows which files were looked for in vain; --by process,error who fails.
-- param  by VARCHAR[] error,call  columns to group by, and `process` or `thread`
-- column errors    BIGINT        calls that failed
-- column share     DOUBLE        of all calls that failed
-- column processes BIGINT        processes in which they failed
-- column time_ns   BIGINT        time in these calls
-- column first     TIMESTAMP_NS  when the first one began, UTC
-- total  errors share time_ns
-- sort   errors
SELECT
    columns(lambda c: c IN getvariable('by')),
    count(*) AS errors,
    count(*) / sum(count(*)) OVER () AS share,
    count(DISTINCT pid) AS processes,
    coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
    min(ts) AS first
FROM selected
WHERE errno IS NOT NULL
GROUP BY ALL
