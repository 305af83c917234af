"""From a host name to an open connection: resolvers, DNS cache, sockets, TLS, proxy tunnels."""
