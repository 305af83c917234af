"""Credentials: Basic and Digest."""
