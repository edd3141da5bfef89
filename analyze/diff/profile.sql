-- Calls of a capture, counted: by thread's name, call, error, file, peer, and latency.
-- Time on the run queue is no latency of the call's: it says how busy the machine was.
SELECT
    comm,
    syscall,
    errno,
    file,
    peer,
    -- eighths of powers of two of ns; NULL where the duration is not known
    floor(8 * log2(greatest(dur_ns - coalesce(runq_ns, 0), 1)))::INTEGER AS bin,
    count(*) AS calls,
    coalesce(sum(greatest(dur_ns - coalesce(runq_ns, 0), 0)), 0)::BIGINT AS time_ns,
    coalesce(max(dur_ns - coalesce(runq_ns, 0)), 0)::BIGINT AS longest_ns
FROM selected
GROUP BY ALL
