-- Calls of a capture, counted twice: by latency, and by what failed and what was used.
-- Time on the run queue is no latency of the call's: it says how busy the machine was.
WITH measured AS (
    SELECT
        * EXCLUDE (file),
        coalesce(file, path) AS file,  -- as given, where it is not known from where it was relative
        greatest(dur_ns - coalesce(runq_ns, 0), 1) AS took_ns,
        -- eighths of powers of two of ns; NULL where the duration is not known
        floor(8 * log2(greatest(dur_ns - coalesce(runq_ns, 0), 1)))::INTEGER AS bin,
        -- what a transfer waits for others on
        coalesce(regexp_matches(selected.file, '^(pipe:|socket:|anon_inode:|/dev/tty|/dev/pts)'), false) AS slow
    FROM selected
)

SELECT
    comm,
    syscall,
    slow,
    bin,
    errno,
    file,
    peer,
    grouping(file) = 1 AS by_latency,
    count(*) AS calls,
    coalesce(sum(took_ns), 0)::BIGINT AS time_ns,
    coalesce(max(took_ns), 0)::BIGINT AS longest_ns
FROM measured
GROUP BY GROUPING SETS ((comm, syscall, slow, bin), (comm, syscall, errno, file, peer))
