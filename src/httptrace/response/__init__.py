"""The response, and what it shows."""
