-- The other ends of sockets: connections, bytes, time.
-- The address is the one given in the call, or that of the connection behind its descriptor.
-- param  by VARCHAR[] peer  columns to group by, and `process` or `thread`
-- column calls          BIGINT  calls on such sockets
-- column errors         BIGINT  those that failed
-- column connects       BIGINT  connections begun from here
-- column refused        BIGINT  attempts that failed at once
-- column accepts        BIGINT  connections that came in
-- column received_bytes BIGINT  received
-- column sent_bytes     BIGINT  sent
-- column time_ns        BIGINT  time in all these calls
-- total  calls errors connects refused accepts received_bytes sent_bytes time_ns
-- sort   time_ns
WITH counted AS (
    SELECT
        columns(
            lambda c: c IN ('given', 'far_end') OR (c <> 'peer' AND c IN getvariable('by'))
        ),
        count(*) AS calls,
        count(errno) AS errors,
        count(*) FILTER (
            syscall = 'connect' AND (errno IS NULL OR errno = 'EINPROGRESS')
        ) AS connects,
        count(*) FILTER (
            syscall = 'connect' AND errno IS NOT NULL AND errno <> 'EINPROGRESS'
        ) AS refused,
        count(*) FILTER (syscall IN ('accept', 'accept4') AND errno IS NULL) AS accepts,
        coalesce(sum(bytes) FILTER (direction = 'read'), 0) AS received_bytes,
        coalesce(sum(bytes) FILTER (direction = 'write'), 0) AS sent_bytes,
        coalesce(sum(dur_ns), 0) AS time_ns
    FROM numbered
    GROUP BY ALL
),

named AS MATERIALIZED (
    SELECT *, coalesce(given, descriptor_text(far_end)) AS peer
    FROM counted
)

SELECT
    columns(lambda c: c IN getvariable('by')),
    sum(calls)::BIGINT AS calls,
    sum(errors)::BIGINT AS errors,
    sum(connects)::BIGINT AS connects,
    sum(refused)::BIGINT AS refused,
    sum(accepts)::BIGINT AS accepts,
    sum(received_bytes)::BIGINT AS received_bytes,
    sum(sent_bytes)::BIGINT AS sent_bytes,
    sum(time_ns)::BIGINT AS time_ns
FROM named
WHERE peer IS NOT NULL
GROUP BY ALL
