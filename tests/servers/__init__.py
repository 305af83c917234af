"""Servers for the tests, and the fixtures that start them."""
