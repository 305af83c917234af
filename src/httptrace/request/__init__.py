"""Preparing a request: from its arguments to its head and body."""
