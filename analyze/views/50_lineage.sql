-- Every parent of every process, with each name it had.
CREATE TEMP VIEW lineage AS
SELECT
    parents.host,
    parents.pid,
    parents.ppid,
    process_names.name AS parent
FROM parents
LEFT JOIN process_names ON process_names.host = parents.host AND process_names.pid = parents.ppid
