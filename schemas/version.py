"""Versions of the tool and of the capture file.

SCHEMA_VERSION is MAJOR.MINOR. MINOR rises when a column, a kind, a flag or a metadata key is added: older files
stay readable and older readers ignore what they do not know. MAJOR would rise if a column were removed, renamed
or given another meaning; a reader refuses a file whose MAJOR it does not know and names both versions.
"""

TOOL_VERSION = "0.1.0"
SCHEMA_VERSION = "1.0"
