-- Signals by number, of Linux on x86 and arm.
CREATE TEMP MACRO signal_name(number) AS
    CASE
        WHEN number BETWEEN 1 AND 31 THEN [
            'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGUSR1',
            'SIGSEGV', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGSTKFLT', 'SIGCHLD', 'SIGCONT', 'SIGSTOP',
            'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH',
            'SIGIO', 'SIGPWR', 'SIGSYS'
        ][number]
        WHEN number > 31 THEN 'SIGRT_' || (number - 32)
    END;

-- The container that a control group belongs to, by the names that docker, containerd, podman, cri-o (the first 12 digits
-- of its id), lxc and systemd's machines (its name) give it; NULL where there is none.
CREATE TEMP MACRO container_of(cgroup) AS coalesce(
    nullif(regexp_extract(cgroup, '([0-9a-f]{12})[0-9a-f]{52}', 1), ''),
    nullif(regexp_extract(cgroup, '/lxc(?:\.payload)?[./]([^/]+)', 1), ''),
    nullif(regexp_extract(cgroup, '/machine-([^/]+)\.scope', 1), '')
);

-- Processes, one row each: a pid that was used twice is two. Threads count for their process.
-- column start    TIMESTAMP_NS NULL where it was there before the capture and the snapshot did not find it
-- column finish   TIMESTAMP_NS NULL where it was not seen to end
-- column ppid     INTEGER      the process that made it
-- column comm     VARCHAR      what its main thread was called last
-- column exe      VARCHAR      program that it ran last, as given; NULL if it began in the capture and ran no program
-- column status   BIGINT       as wait() gives it: exit_code and exit_signal are made of it
-- column calls, errors, time_ns BIGINT its system calls, those that failed, time in them
-- column container VARCHAR     id or name, from the control group
CREATE TEMP VIEW processes AS
WITH changes AS MATERIALIZED (
    SELECT host, pid, kind, ts, ppid, arg0, ret, path, cmdline
    FROM events
    WHERE kind IN ('process', 'exec') OR (kind = 'fork' AND tid = pid) OR (kind = 'exit' AND arg0 = 1)
),

born AS (
    SELECT host, pid, ts AS since
    FROM changes
    WHERE kind = 'fork'
),

-- Of each pid: what was seen of it, other than its births.
seen AS (
    SELECT host, pid, min(ts) AS first_seen
    FROM events
    WHERE kind NOT IN ('fork', 'loss', 'fd') OR (kind = 'fork' AND tid <> pid)
    GROUP BY ALL
),

lives AS MATERIALIZED (
    SELECT host, pid, since, lead(since) OVER (PARTITION BY host, pid ORDER BY since) AS until
    FROM (
        FROM born
        UNION ALL
        SELECT seen.host, seen.pid, make_timestamp_ns(0)
        FROM seen
        LEFT JOIN (SELECT host, pid, min(since) AS first_born FROM born GROUP BY ALL) USING (host, pid)
        WHERE first_born IS NULL OR first_seen < first_born
    )
),

described AS (
    SELECT
        lives.host,
        lives.pid,
        lives.since,
        coalesce(
            min(ts) FILTER (kind = 'fork'), min(make_timestamp_ns(arg0)) FILTER (kind = 'process')
        ) AS start,
        min(ts) FILTER (kind = 'exit') AS finish,
        coalesce(min(ppid) FILTER (kind = 'fork'), min_by(ppid, ts) FILTER (kind <> 'fork')) AS ppid,
        max_by(path, ts) FILTER (kind IN ('process', 'exec')) AS exe,
        max_by(cmdline, ts) FILTER (kind IN ('process', 'exec')) AS cmdline,
        min_by(ret, ts) FILTER (kind = 'exit') AS status
    FROM lives
    JOIN changes ON changes.host = lives.host AND changes.pid = lives.pid
        AND changes.ts >= lives.since AND (lives.until IS NULL OR changes.ts < lives.until)
    GROUP BY ALL
),

active AS (
    SELECT
        lives.host,
        lives.pid,
        lives.since,
        coalesce(max_by(comm, ts) FILTER (events.tid = events.pid), max_by(comm, ts)) AS comm,
        count(*) FILTER (kind = 'syscall' AND flags & 32 = 0) AS calls,
        count(errno) FILTER (kind = 'syscall' AND flags & 32 = 0) AS errors,
        coalesce(sum(dur_ns) FILTER (kind = 'syscall' AND flags & 32 = 0), 0)::BIGINT AS time_ns,
        max_by(uid, ts) AS uid,
        max_by(cgroup, ts) AS cgroup
    FROM lives
    JOIN events ON events.host = lives.host AND events.pid = lives.pid
        AND events.ts >= lives.since AND (lives.until IS NULL OR events.ts < lives.until)
    WHERE kind NOT IN ('loss', 'fd')
    GROUP BY ALL
)

SELECT
    host,
    pid,
    start,
    finish,
    ppid,
    comm,
    exe,
    cmdline,
    status,
    CASE WHEN status & 127 = 0 THEN status >> 8 & 255 END::INTEGER AS exit_code,
    signal_name(nullif(status & 127, 0)) AS exit_signal,
    calls,
    errors,
    time_ns,
    uid,
    cgroup,
    container_of(cgroup) AS container
FROM active
LEFT JOIN described USING (host, pid, since)
