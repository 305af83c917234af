"""The response that a program gets."""
