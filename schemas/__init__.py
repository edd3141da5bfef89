"""What both sides agree on: the record, the table, the names. Imports neither `capture` nor `analyze`."""
