-- How long calls took: exact percentiles, and a histogram in powers of two.
-- Of the groups that took most time. Calls without a duration are left out.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- column calls     BIGINT  calls with a duration
-- column time_ns   BIGINT  time in the calls, all together
-- column p50_ns    BIGINT  half of the calls took no longer
-- column p90_ns    BIGINT  9 of 10 took no longer
-- column p99_ns    BIGINT  99 of 100
-- column p999_ns   BIGINT  999 of 1,000
-- column max_ns    BIGINT  the longest
-- column histogram MAP(TINYINT,UBIGINT)  calls by the power of two at or below their duration in ns
-- sort   time_ns
WITH grouped AS (
    SELECT
        columns(lambda c: c IN getvariable('by')),
        count(*) AS calls,
        sum(dur_ns)::BIGINT AS time_ns,
        quantile_disc(dur_ns, [0.5, 0.9, 0.99, 0.999]) AS percentiles,
        max(dur_ns) AS max_ns,
        histogram(CASE WHEN dur_ns < 1 THEN 0 ELSE floor(log2(dur_ns)) END::TINYINT) AS histogram
    FROM selected
    WHERE dur_ns IS NOT NULL
    GROUP BY ALL
)
SELECT
    * EXCLUDE (percentiles, max_ns, histogram),
    percentiles[1] AS p50_ns,
    percentiles[2] AS p90_ns,
    percentiles[3] AS p99_ns,
    percentiles[4] AS p999_ns,
    max_ns,
    histogram
FROM grouped
