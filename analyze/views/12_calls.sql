-- System calls, one row each: what `selected`, and so every report, is made of. All columns of `events`, and:
-- column capture VARCHAR the capture file of the row (in the view events: `file`)
-- column file    VARCHAR what the call is about, absolute: of a call with a path argument that path, else what stands
--                        behind its descriptor, as readlink shows it: /etc/hosts, pipe:[?], socket:[4711],
--                        anon_inode:[eventpoll]; NULL where that is not known
-- column peer    VARCHAR address at the other end of the socket, given in the call or known from connect or accept
-- column bytes   BIGINT  bytes that the call moved; NULL for calls that move none, and where they failed
-- column direction VARCHAR which way they went: read or write
-- `file` and `peer` come from the replay (analyze/replay), and cost nothing where they are not used.
CREATE TEMP VIEW calls AS
SELECT * EXCLUDE (thing, below, given, far_end)
FROM numbered_calls
