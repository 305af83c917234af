"""From the arguments of a request to its head and body."""
