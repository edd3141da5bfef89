"""From rows to text or files: one module a format."""
