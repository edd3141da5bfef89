-- Files and what was done with them: opens, reads, writes, bytes, time.
-- A file is what a call is about: of a call with a path that path, absolute; else what stands behind its descriptor,
-- pipes and anonymous inodes included, as far as the capture tells. I/O through mmap and io_uring is not seen.
-- param  by VARCHAR[] file  columns to group by, and `process` or `thread`
-- column calls         BIGINT  calls about it
-- column errors        BIGINT  those that failed
-- column opens         BIGINT  times it was opened
-- column reads         BIGINT  calls that read
-- column writes        BIGINT  calls that wrote
-- column read_bytes    BIGINT  read
-- column written_bytes BIGINT  written
-- column time_ns       BIGINT  time in all these calls
-- total  calls errors opens reads writes read_bytes written_bytes time_ns
-- sort   time_ns
WITH known AS (
    SELECT *, file IS NOT NULL AND NOT starts_with(file, 'socket:') AS is_file
    FROM selected
)

-- (Where `is_file` were a condition, DuckDB would find each name twice: for the condition, and for the group.)
SELECT
    columns(lambda c: c IN getvariable('by')),
    count(*) FILTER (is_file) AS calls,
    count(errno) FILTER (is_file) AS errors,
    count(*) FILTER (
        is_file AND errno IS NULL AND syscall IN ('open', 'openat', 'openat2', 'creat')
    ) AS opens,
    count(*) FILTER (is_file AND direction = 'read') AS reads,
    count(*) FILTER (is_file AND direction = 'write') AS writes,
    coalesce(sum(bytes) FILTER (is_file AND direction = 'read'), 0)::BIGINT AS read_bytes,
    coalesce(sum(bytes) FILTER (is_file AND direction = 'write'), 0)::BIGINT AS written_bytes,
    coalesce(sum(dur_ns) FILTER (is_file), 0)::BIGINT AS time_ns
FROM known
GROUP BY ALL
HAVING count(*) FILTER (is_file) > 0
