"""From a host's name to an open stream: resolvers, DNS cache, dialling, TLS."""
