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
WITH counted AS (
    SELECT
        columns(
            lambda c: c IN ('thing', 'below') OR (c <> 'file' AND c IN getvariable('by'))
        ),
        count(*) AS calls,
        count(errno) AS errors,
        count(*) FILTER (
            errno IS NULL AND syscall IN ('open', 'openat', 'openat2', 'creat')
        ) AS opens,
        count(*) FILTER (direction = 'read') AS reads,
        count(*) FILTER (direction = 'write') AS writes,
        coalesce(sum(bytes) FILTER (direction = 'read'), 0) AS read_bytes,
        coalesce(sum(bytes) FILTER (direction = 'write'), 0) AS written_bytes,
        coalesce(sum(dur_ns), 0) AS time_ns
    FROM numbered
    GROUP BY ALL
),

named AS (
    SELECT *, descriptor_text(thing) AS name
    FROM counted
),

placed AS MATERIALIZED (
    SELECT *, CASE WHEN below IS NULL THEN name ELSE absolute_path(name, below) END AS file
    FROM named
)

SELECT
    columns(lambda c: c IN getvariable('by')),
    sum(calls)::BIGINT AS calls,
    sum(errors)::BIGINT AS errors,
    sum(opens)::BIGINT AS opens,
    sum(reads)::BIGINT AS reads,
    sum(writes)::BIGINT AS writes,
    sum(read_bytes)::BIGINT AS read_bytes,
    sum(written_bytes)::BIGINT AS written_bytes,
    sum(time_ns)::BIGINT AS time_ns
FROM placed
WHERE NOT starts_with(file, 'socket:')
GROUP BY ALL
