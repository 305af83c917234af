"""One call of a session and its attempts on the wire."""
