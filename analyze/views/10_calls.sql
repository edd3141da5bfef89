-- System calls, one row each: what `selected`, and so every report, is made of.
CREATE TEMP VIEW calls AS
SELECT *
FROM events
WHERE kind = 'syscall' AND flags & 32 = 0
