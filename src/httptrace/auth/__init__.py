"""Basic and Digest authentication."""
