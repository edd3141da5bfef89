-- Every name that a process had, by its own rows and those of its calls: of all its threads, at any time.
CREATE TEMP VIEW process_names AS
SELECT DISTINCT
    host,
    pid,
    comm AS name
FROM events
WHERE kind IN ('syscall', 'process', 'exec')
