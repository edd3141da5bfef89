-- What is missing: calls that were seen but not recorded, by cause, call and CPU.
-- Those whose time is known; the line at the end counts them all. Filters do not apply.
-- column cause   VARCHAR       why
-- column syscall VARCHAR       system call, where it is known
-- column cpu     SMALLINT      CPU
-- column calls   BIGINT        calls lost
-- column first   TIMESTAMP_NS  when the first interval of loss began, UTC
-- column last    TIMESTAMP_NS  when the last one began
-- column within_ns BIGINT      length of all intervals
-- column file    VARCHAR       capture file
-- total  calls
-- sort   calls file cpu cause syscall
SELECT
    cause,
    syscall,
    cpu,
    sum(calls)::BIGINT AS calls,
    min(ts) AS first,
    max(ts) AS last,
    sum(dur_ns)::BIGINT AS within_ns,
    file
FROM losses
GROUP BY ALL
