-- Files, pipes and other things that calls were about, over all processes: what `calls.file` names.
CREATE TEMP VIEW files AS
SELECT
    host,
    file,
    count(*) AS calls,
    count(errno) AS errors,
    count(*) FILTER (errno IS NULL AND syscall IN ('open', 'openat', 'openat2', 'creat')) AS opens,
    count(DISTINCT pid) AS processes,
    coalesce(sum(bytes) FILTER (direction = 'read'), 0)::BIGINT AS read_bytes,
    coalesce(sum(bytes) FILTER (direction = 'write'), 0)::BIGINT AS written_bytes,
    coalesce(sum(dur_ns), 0)::BIGINT AS time_ns
FROM calls
WHERE file IS NOT NULL
GROUP BY ALL
