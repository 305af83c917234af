"""`ClientSession`, the chain of interceptors, and requests without a session."""
