"""Servers that the tests talk to, and the fixtures that start them."""
