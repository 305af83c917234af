"""Header fields: serializing, parsing, and media types."""
