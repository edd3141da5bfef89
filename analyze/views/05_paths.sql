-- Times, arguments as numbers, and paths: what the views after this one are written with.
-- When a call returned, ns since the epoch; an absurd duration, beyond the end of time, counts as none.
CREATE TEMP MACRO returned_at(ts, dur_ns) AS coalesce(try(epoch_ns(ts) + dur_ns), epoch_ns(ts));

-- The low 32 bits of an argument, signed: a descriptor as the kernel takes it.
CREATE TEMP MACRO low_int(argument) AS (xor(argument & 4294967295, 2147483648) - 2147483648)::INTEGER;

-- An absolute path without `.`, `..` and double slashes. Links are not followed: only the kernel knows where they led.
CREATE TEMP MACRO clean_path(path) AS
    CASE
        WHEN contains(path, '//') OR contains(path, '/.') OR ends_with(path, '/') THEN
            coalesce(
                nullif(
                    list_reduce(
                        string_split(path, '/'),
                        lambda above, name: CASE name
                            WHEN '' THEN above
                            WHEN '.' THEN above
                            WHEN '..' THEN regexp_replace(above, '/[^/]*$', '')
                            ELSE above || '/' || name
                        END,
                        ''
                    ),
                    ''
                ),
                '/'
            )
        ELSE path
    END;

-- A path argument seen from the root: `directory` is where it starts if it is relative, NULL if that is not known.
CREATE TEMP MACRO absolute_path(directory, path) AS
    CASE
        WHEN starts_with(path, '/') THEN clean_path(path)
        WHEN path = '' THEN directory
        WHEN starts_with(directory, '/') THEN clean_path(directory || '/' || path)
    END;
