"""`analyze show`: the rows of a capture, printed as strace prints, or written as they are."""
