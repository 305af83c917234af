"""Fixtures for the whole suite; load with `pytest_plugins`."""
