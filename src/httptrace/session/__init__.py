"""Sessions: what programs make requests with."""
