"""What a dialer counts; keeping it costs nothing that can be measured."""

from __future__ import annotations


class DialCounters:
    """How often names were looked up, addresses tried and TLS sessions made."""

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
    """requests whose addresses were known"""
    dns_look_ups: int
    """look-ups begun"""
    dns_coalesced: int
    """requests that joined a look-up of another one"""
    dns_failed: int
    """requests whose look-up failed or was not waited for"""
    sockets_connected: int
    """addresses that answered and were used"""
    sockets_failed: int
    """addresses that failed or were given up"""
    sockets_lost: int
    """addresses that were slower than another (RFC 8305)"""
    tunnels: int
    """tunnels that proxies made"""
    tunnels_failed: int
    """tunnels that proxies refused or that were given up"""
    tls_handshakes: int
    """handshakes completed"""
    tls_failed: int
    """handshakes that failed or were given up"""

    def as_dict(self) -> dict[str, int]:
        """Name and count."""
        return {name: getattr(self, name) for name in self.__slots__}
