-- Reads and writes: how many, how large, how many of them tiny, sequential or not.
-- `sequential` is known for calls that name their position (pread, pwrite and kin): the share that began where the
-- thread's last one on the descriptor had ended. I/O through mmap and io_uring is not made of system calls.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- param  tiny INTEGER 64  bytes that are few
-- column calls      BIGINT  calls that moved bytes
-- column bytes      BIGINT  bytes moved
-- column p50_bytes  BIGINT  half of the calls moved no more
-- column p99_bytes  BIGINT  99 of 100 moved no more
-- column tiny_share DOUBLE  calls that moved few
-- column sequential_share DOUBLE  calls that went on where the last had ended
-- column time_ns    BIGINT  time in the calls
-- column sizes      MAP(TINYINT,UBIGINT)  calls by the power of two at or below their bytes
-- total  calls bytes time_ns
-- sort   bytes
WITH positioned AS (
    SELECT
        *,
        CASE WHEN syscall IN ('pread64', 'pwrite64', 'preadv', 'pwritev', 'preadv2', 'pwritev2') THEN arg3 END AS position
    FROM selected
    WHERE bytes > 0
),

followed AS (
    SELECT *, NULL::BIGINT AS expected
    FROM positioned
    WHERE position IS NULL
    UNION ALL
    SELECT *, lag(position + bytes) OVER (PARTITION BY host, tid, fd, direction ORDER BY ts) AS expected
    FROM positioned
    WHERE position IS NOT NULL
),

grouped AS (
    SELECT
        columns(lambda c: c IN getvariable('by')),
        count(*) AS calls,
        sum(bytes)::BIGINT AS bytes,
        quantile_disc(bytes, [0.5, 0.99]) AS percentiles,
        count(*) FILTER (bytes <= getvariable('tiny')) / count(*) AS tiny_share,
        avg(CASE WHEN expected IS NOT NULL THEN (position = expected)::TINYINT END) AS sequential_share,
        coalesce(sum(dur_ns), 0)::BIGINT AS time_ns,
        histogram(floor(log2(bytes))::TINYINT) AS sizes
    FROM followed
    GROUP BY ALL
)

SELECT
    * EXCLUDE (percentiles, tiny_share, sequential_share, time_ns, sizes),
    percentiles[1] AS p50_bytes,
    percentiles[2] AS p99_bytes,
    tiny_share,
    sequential_share,
    time_ns,
    sizes
FROM grouped
