-- Calls that were seen but are not in the capture: how many, of which call, on which CPU, in which interval, and why.
CREATE TEMP VIEW losses AS
SELECT
    ts,                -- when the interval began
    dur_ns,            -- and how long it was, ns
    cpu,
    syscall,           -- NULL where it is not known which
    weight AS calls,   -- how many
    CASE arg0
        WHEN 0 THEN 'ring_full'
        WHEN 1 THEN 'table_full'
        WHEN 2 THEN 'recursion'
        WHEN 3 THEN 'writer'
        WHEN 4 THEN 'limit'
        WHEN 5 THEN 'damaged'
    END AS cause,
    file,
    host
FROM events
WHERE kind = 'loss'
