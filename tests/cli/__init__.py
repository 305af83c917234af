"""Tests of the command, each of which runs it in a process of its own."""
