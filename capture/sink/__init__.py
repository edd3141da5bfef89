"""Where the rows of a capture go."""
