-- Programs that processes ran: those of the snapshot at the start, and those that began later.
CREATE TEMP VIEW programs AS
SELECT
    host,
    pid,
    ts,
    kind,     -- 'process' in the snapshot, 'exec' when it began
    path,
    cmdline
FROM events
WHERE kind IN ('process', 'exec')
