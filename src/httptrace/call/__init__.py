"""One request of a session, with every attempt to send it."""
