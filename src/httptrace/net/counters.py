"""Counters of dialers."""

from __future__ import annotations


class DialCounters:
    """Counts look-ups, connection attempts, tunnels and TLS handshakes."""

    __slots__ = (
        "dns_cache_hits",
        "dns_coalesced",
        "dns_failed",
        "dns_look_ups",
        "sockets_connected",
        "sockets_failed",
        "sockets_lost",
        "tls_failed",
        "tls_handshakes",
        "tunnels",
        "tunnels_failed",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    dns_cache_hits: int
    """requests whose addresses were in the cache"""
    dns_look_ups: int
    """look-ups started"""
    dns_coalesced: int
    """requests that joined another request's look-up"""
    dns_failed: int
    """requests whose look-up failed or that were cancelled while they waited for it"""
    sockets_connected: int
    """connection attempts whose socket was used"""
    sockets_failed: int
    """connection attempts that failed or were cancelled"""
    sockets_lost: int
    """connection attempts that were cancelled because another one succeeded (RFC 8305)"""
    tunnels: int
    """tunnels that were opened"""
    tunnels_failed: int
    """tunnels that proxies refused or that were cancelled"""
    tls_handshakes: int
    """TLS handshakes that were completed"""
    tls_failed: int
    """TLS handshakes that failed or were cancelled"""

    def as_dict(self) -> dict[str, int]:
        """The counters by name."""
        return {name: getattr(self, name) for name in self.__slots__}
