"""A private HTTP cache (RFC 9111): the policy, which has no I/O and no clock, and the stores."""
