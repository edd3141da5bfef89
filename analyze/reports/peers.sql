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
WITH known AS (
    SELECT *, peer IS NOT NULL AS has_peer
    FROM selected
)

-- (as in files: a condition would find each peer twice)
SELECT
    columns(lambda c: c IN getvariable('by')),
    count(*) FILTER (has_peer) AS calls,
    count(errno) FILTER (has_peer) AS errors,
    count(*) FILTER (
        has_peer AND syscall = 'connect' AND (errno IS NULL OR errno = 'EINPROGRESS')
    ) AS connects,
    count(*) FILTER (
        has_peer AND syscall = 'connect' AND errno IS NOT NULL AND errno <> 'EINPROGRESS'
    ) AS refused,
    count(*) FILTER (has_peer AND syscall IN ('accept', 'accept4') AND errno IS NULL) AS accepts,
    coalesce(sum(bytes) FILTER (has_peer AND direction = 'read'), 0)::BIGINT AS received_bytes,
    coalesce(sum(bytes) FILTER (has_peer AND direction = 'write'), 0)::BIGINT AS sent_bytes,
    coalesce(sum(dur_ns) FILTER (has_peer), 0)::BIGINT AS time_ns
FROM known
GROUP BY ALL
HAVING count(*) FILTER (has_peer) > 0
