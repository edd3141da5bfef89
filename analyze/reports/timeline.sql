-- What happened when: calls, errors, bytes and latency in each interval.
-- Intervals without calls are shown too. Where calls were lost, `lost` says up to how many, and the percentile is of
-- the others.
-- param  interval DURATION NULL  length of an interval, as 100ms; by default about 40 of them
-- param  limit INTEGER 0  intervals shown
-- column at      TIMESTAMP_NS  when the interval begins, UTC
-- column calls   BIGINT        calls that began in it
-- column errors  BIGINT        those that failed
-- column bytes   BIGINT        read and written
-- column time_ns BIGINT        time in the calls
-- column p50_ns  BIGINT        half of the calls took no longer
-- column p99_ns  BIGINT        99 of 100 took no longer
-- column max_ns  BIGINT        the longest
-- column lost    BIGINT        calls lost in the interval or around it, at most
-- total  calls errors bytes time_ns

-- (The width stands here twice, so that it is a constant to DuckDB, which divides by constants faster.)
WITH counted AS (
    SELECT
        epoch_ns(ts)
        // coalesce(
            getvariable('interval'), round_interval((getvariable('span_end') - getvariable('span_start')) / 40)
        ) AS slot,
        count(*) AS calls,
        count(errno) AS errors,
        coalesce(sum(bytes), 0)::BIGINT AS bytes,
        coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
        quantile_disc(dur_ns, [0.5, 0.99]) AS percentiles,
        max(dur_ns) AS max_ns
    FROM selected
    GROUP BY slot
),

slots AS (
    SELECT
        unnest(
            CASE
                WHEN max(counted.slot) - min(counted.slot) < 1000000 THEN range(min(counted.slot), max(counted.slot) + 1)
                ELSE error((max(counted.slot) - min(counted.slot)) || ' intervals are too many; give a longer --interval')
            END
        ) AS slot,
        coalesce(
            getvariable('interval'), round_interval((getvariable('span_end') - getvariable('span_start')) / 40)
        ) AS width
    FROM counted
),

lost AS (
    SELECT slot, sum(losses.calls)::BIGINT AS lost
    FROM slots
    JOIN losses ON epoch_ns(losses.ts) < (slot + 1) * width
        AND returned_at(losses.ts, losses.dur_ns) >= slot * width
    GROUP BY slot
)

SELECT
    make_timestamp_ns(slot * width) AS at,
    coalesce(calls, 0) AS calls,
    coalesce(errors, 0) AS errors,
    coalesce(bytes, 0) AS bytes,
    coalesce(time_ns, 0) AS time_ns,
    percentiles[1] AS p50_ns,
    percentiles[2] AS p99_ns,
    max_ns,
    lost
FROM slots
LEFT JOIN counted USING (slot)
LEFT JOIN lost USING (slot)
ORDER BY slot
