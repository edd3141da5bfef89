-- System calls, one row each: what `selected`, and so every report, is made of.
CREATE TEMP VIEW calls AS
SELECT
    *,
    -- which way data went, for the calls whose result is a number of bytes (a map, since DuckDB looks each name up once)
    map {
        'read': 'read', 'pread64': 'read', 'readv': 'read', 'preadv': 'read', 'preadv2': 'read', 'recv': 'read',
        'recvfrom': 'read', 'recvmsg': 'read', 'write': 'write', 'pwrite64': 'write', 'writev': 'write',
        'pwritev': 'write', 'pwritev2': 'write', 'send': 'write', 'sendto': 'write', 'sendmsg': 'write',
        'sendfile': 'write', 'sendfile64': 'write', 'copy_file_range': 'write', 'splice': 'write', 'tee': 'write',
        'vmsplice': 'write'
    }[syscall] AS direction,
    -- bytes moved; NULL for calls that move none, and where they failed
    CASE WHEN direction IS NOT NULL AND ret >= 0 THEN ret END AS bytes
FROM events
WHERE kind = 'syscall' AND flags & 32 = 0
