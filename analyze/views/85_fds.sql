-- What stood behind the descriptors of each process, and from when to when, as the replay found it.
CREATE TEMP VIEW fds AS
SELECT
    host,
    pid,
    fd,
    make_timestamp_ns(since_ns) AS since,   -- NULL: since before the capture
    make_timestamp_ns(until_ns) AS until,   -- when it was closed or became something else; NULL: never seen
    file,
    peer                                    -- the last address at the other end of a socket
FROM descriptor_lives
