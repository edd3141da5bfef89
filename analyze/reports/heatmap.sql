-- How latency moved: calls by when they began and by how long they took, the cells of a heat map.
-- Cells without calls are left out, and so are calls without a duration. The fullest come first; -n 0 shows all.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- param  interval DURATION NULL  width of a cell in time, as 100ms; by default about 40 of them
-- param  steps INTEGER 1  cells to a power of two of duration
-- column at       TIMESTAMP_NS  when the interval begins, UTC
-- column least_ns BIGINT        durations from this one
-- column below_ns BIGINT        to just below this one
-- column calls    BIGINT        calls in the cell
-- total  calls
-- sort   calls at least_ns

-- (The width stands here twice, so that it is a constant to DuckDB, which divides by constants faster.)
WITH cells AS (
    SELECT
        columns(lambda c: c IN getvariable('by')),
        epoch_ns(ts)
        // coalesce(
            getvariable('interval'), round_interval((getvariable('span_end') - getvariable('span_start')) / 40)
        ) AS slot,
        floor(log2(greatest(dur_ns, 1)) * getvariable('steps'))::INTEGER AS step,
        count(*) AS calls
    FROM selected
    WHERE dur_ns IS NOT NULL
    GROUP BY ALL
)

SELECT
    * EXCLUDE (slot, step, calls),
    make_timestamp_ns(
        slot * coalesce(
            getvariable('interval'), round_interval((getvariable('span_end') - getvariable('span_start')) / 40)
        )
    ) AS at,
    CASE WHEN step = 0 THEN 0 ELSE ceil(pow(2, step / getvariable('steps'))) END::BIGINT AS least_ns,
    ceil(pow(2, (step + 1) / getvariable('steps')))::BIGINT AS below_ns,
    calls
FROM cells
