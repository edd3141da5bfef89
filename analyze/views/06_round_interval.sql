-- The next of 1, 2, 5, 10, 20, ... ns that is not shorter: an interval that people read easily.
CREATE TEMP MACRO round_interval(ns) AS (
    pow(10, floor(log10(greatest(1, ns))))::BIGINT
    * CASE
        WHEN greatest(1, ns) <= pow(10, floor(log10(greatest(1, ns)))) THEN 1
        WHEN ns <= 2 * pow(10, floor(log10(ns))) THEN 2
        WHEN ns <= 5 * pow(10, floor(log10(ns))) THEN 5
        ELSE 10
    END
);
