-- Who is whose parent, as far as it was seen: from the snapshot at the start, forks and program starts.
CREATE TEMP VIEW parents AS
SELECT DISTINCT
    host,
    pid,
    ppid
FROM events
WHERE kind IN ('process', 'fork', 'exec') AND ppid IS NOT NULL AND ppid <> pid AND (kind <> 'fork' OR tid = pid)
