-- The next of 1, 2, 5, 10, 20, 50, ... at or above a number of ns: a length of intervals that people can read.
CREATE TEMP MACRO round_up(ns) AS
    pow(10, floor(log10(greatest(1, ns))))::BIGINT
    * CASE
        WHEN greatest(1, ns) / pow(10, floor(log10(greatest(1, ns)))) <= 1 THEN 1
        WHEN greatest(1, ns) / pow(10, floor(log10(greatest(1, ns)))) <= 2 THEN 2
        WHEN greatest(1, ns) / pow(10, floor(log10(greatest(1, ns)))) <= 5 THEN 5
        ELSE 10
    END;
