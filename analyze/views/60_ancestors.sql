-- Every ancestor of every process, the parent included, with each name it had.
CREATE TEMP VIEW ancestors AS
WITH RECURSIVE above AS (
    SELECT host, pid, ppid AS ancestor
    FROM parents
    UNION
    SELECT above.host, above.pid, parents.ppid
    FROM above
    JOIN parents ON parents.host = above.host AND parents.pid = above.ancestor
)
SELECT
    above.host,
    above.pid,
    above.ancestor,
    process_names.name
FROM above
LEFT JOIN process_names ON process_names.host = above.host AND process_names.pid = above.ancestor
