"""Header fields: as bytes, as text, and what their values mean."""
