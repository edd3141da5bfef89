-- What became of pids: one row for each host and pid (a pid that was used twice is one row here; see processes).
CREATE TEMP VIEW pids AS
SELECT
    host,
    pid,
    max(ppid) FILTER (kind IN ('process', 'fork', 'exec')) AS ppid,
    -- NULL where it ran before the capture
    min(ts) FILTER (kind = 'fork' AND pid = tid) AS started,
    max(ts) FILTER (kind = 'exit' AND arg0 = 1) AS ended,
    -- as the parent's wait() sees it: 256 times the exit code, or the signal; NULL while it lives
    max_by(ret, ts) FILTER (kind = 'exit' AND arg0 = 1) AS status,
    max_by(cmdline, ts) FILTER (kind IN ('process', 'exec')) AS cmdline
FROM events
WHERE kind IN ('process', 'fork', 'exec', 'exit')
GROUP BY host, pid
