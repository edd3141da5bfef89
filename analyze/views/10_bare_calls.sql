-- System calls, one row each, all that is known of them without the replay.
CREATE TEMP VIEW bare_calls AS
SELECT
    * EXCLUDE (file),
    -- (a map, since DuckDB looks each name up once)
    map {
        'read': 'read', 'pread64': 'read', 'readv': 'read', 'preadv': 'read', 'preadv2': 'read', 'recv': 'read',
        'recvfrom': 'read', 'recvmsg': 'read', 'write': 'write', 'pwrite64': 'write', 'writev': 'write',
        'pwritev': 'write', 'pwritev2': 'write', 'send': 'write', 'sendto': 'write', 'sendmsg': 'write',
        'sendfile': 'write', 'sendfile64': 'write', 'copy_file_range': 'write', 'splice': 'write', 'tee': 'write',
        'vmsplice': 'write'
    }[syscall] AS direction,
    CASE WHEN ret >= 0 AND direction IS NOT NULL THEN ret END AS bytes,
    file AS capture
FROM events
WHERE kind = 'syscall' AND flags & 32 = 0
