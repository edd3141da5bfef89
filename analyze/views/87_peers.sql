-- Addresses at the other end of sockets, over all processes: what `calls.peer` names.
CREATE TEMP VIEW peers AS
SELECT
    host,
    peer,
    count(*) AS calls,
    count(errno) AS errors,
    count(*) FILTER (syscall = 'connect' AND errno IS NULL OR errno = 'EINPROGRESS') AS connects,
    count(*) FILTER (syscall IN ('accept', 'accept4') AND errno IS NULL) AS accepts,
    count(DISTINCT pid) AS processes,
    coalesce(sum(bytes) FILTER (direction = 'read'), 0)::BIGINT AS received_bytes,
    coalesce(sum(bytes) FILTER (direction = 'write'), 0)::BIGINT AS sent_bytes,
    coalesce(sum(dur_ns), 0)::BIGINT AS time_ns
FROM calls
WHERE peer IS NOT NULL
GROUP BY ALL
