"""Cookies: the jar, its policy, its files."""
