-- Where threads waited: in which calls, how long for the event and how long for a CPU.
-- Only calls that took at least 10 µs, or what --least says: shorter ones hardly waited. The time waiting for a CPU is
-- the kernel's own figure of how long the thread was runnable; what is left went to the event and the work itself.
-- param  by VARCHAR[] syscall  columns to group by, and `process` or `thread`
-- param  least DURATION 10us  shortest call that counts
-- column calls   BIGINT  calls of at least that length
-- column wait_ns BIGINT  time in them, without the wait for a CPU
-- column runq_ns BIGINT  time in them waiting for a CPU
-- column share   DOUBLE  of the wait of all
-- column p50_ns  BIGINT  half of these calls took no longer
-- column p99_ns  BIGINT  99 of 100 took no longer
-- column max_ns  BIGINT  the longest
-- total  calls wait_ns runq_ns share
-- sort   wait_ns
WITH grouped AS (
    SELECT
        columns(lambda c: c IN getvariable('by')),
        count(*) AS calls,
        sum(dur_ns - coalesce(runq_ns, 0))::BIGINT AS wait_ns,
        coalesce(sum(runq_ns), 0)::BIGINT AS runq_ns,
        quantile_disc(dur_ns, [0.5, 0.99]) AS percentiles,
        max(dur_ns) AS max_ns
    FROM selected
    WHERE dur_ns >= getvariable('least')
    GROUP BY ALL
)

SELECT
    * EXCLUDE (percentiles, max_ns),
    wait_ns / sum(wait_ns) OVER () AS share,
    percentiles[1] AS p50_ns,
    percentiles[2] AS p99_ns,
    max_ns
FROM grouped
