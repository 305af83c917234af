"""Findings about making a connection: DNS, addresses, proxies, TLS, and the distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .blocking import held_ns
from .finding import Finding, duration, number

if TYPE_CHECKING:
    from ..hop import Hop
    from ..record import AddressTry

_SLOW_NS = 20_000_000
"""A look-up, tunnel or round trip that takes no longer is nothing to complain of."""
_TLS_SLOW_NS = 100_000_000
"""A handshake may take so much longer than the network needs: the first one of a process reads the
system's certificates."""
_AGAIN = 300.0
"""Seconds after which it is no wonder that a host is looked up again."""


def dns_slow(hop: Hop) -> Finding | None:
    """Looking up the host took long."""
    dns_ns = hop.phases_ns.get("dns", 0) - held_ns(hop, "dns")
    if hop.dns is None or hop.dns.source == "cache" or dns_ns <= _SLOW_NS:
        return None
    if lost_its_session(hop):
        return None
    shared = ", which another request had begun," if hop.dns.source == "shared look-up" else ""
    return Finding(
        "dns_slow",
        dns_ns / 1e9,
        hop.attempt,
        f"the look-up of {hop.dns.host}{shared} took {duration(dns_ns / 1e9)}",
        "look at the name servers (/etc/resolv.conf), or keep answers for longer (ttl_dns_cache)",
    )


def dns_not_cached(hop: Hop) -> Finding | None:
    """A host was looked up again that had been looked up shortly before."""
    dns = hop.dns
    if dns is None or dns.source != "look-up" or dns.age is None or dns.age > _AGAIN:
        return None
    return Finding(
        "dns_not_cached",
        (hop.phases_ns.get("dns", 0) - held_ns(hop, "dns")) / 1e9,
        hop.attempt,
        f"the host {dns.host} was looked up again, {duration(dns.age)} after the last time",
        "raise the connector's ttl_dns_cache, and leave use_dns_cache on",
    )


def lost_its_session(hop: Hop) -> bool:
    """Whether an earlier session had a connection, and what DNS had said: that is to blame."""
    return hop.closed_before is not None and hop.closed_before.reason == "connector closed"


def dead_address(hop: Hop) -> Finding | None:
    """Addresses that did not answer were tried before the one that did."""
    lost_ns, dead, alive = _lost_on_dead(hop)
    if not lost_ns:
        return None
    told = ", ".join(f"{one.address} {one.failure}" for one in dead[:3])
    more = f", and {len(dead) - 3} more" if len(dead) > 3 else ""
    if alive is None:
        advice = "see whether the server runs and whether a firewall drops the packets"
    elif all("[" in one.address for one in dead) and "[" not in alive.address:
        advice = "mend IPv6 to this host, or use TCPConnector(family=socket.AF_INET)"
    else:
        advice = "mend the DNS entry of the host, or the server at this address"
    return Finding("dead_address", lost_ns / 1e9, hop.attempt, f"{told}{more}", advice)


def dead_ns(hop: Hop) -> int:
    """How long addresses were tried that did not answer, before the one that did."""
    return _lost_on_dead(hop)[0]


def _lost_on_dead(hop: Hop) -> tuple[int, list[AddressTry], AddressTry | None]:
    alive = next((one for one in hop.addresses_tried if one.failure is None), None)
    dead = [
        one
        for one in hop.addresses_tried
        if one.failure is not None and (alive is None or one.start_ns < alive.start_ns)
    ]
    if not dead:
        return 0, [], alive
    until_ns = max(one.end_ns for one in dead) if alive is None else alive.start_ns
    return max(0, until_ns - min(one.start_ns for one in dead)), dead, alive


def proxy_slow(hop: Hop) -> Finding | None:
    """The proxy took long to open the tunnel."""
    if hop.proxy is None or hop.reused:
        return None
    connecting = [
        end_ns - start_ns for phase, start_ns, end_ns in hop.spans_ns if phase == "connect"
    ]
    trips = 2 if hop.proxy.scheme.startswith("socks5") else 1
    rtt_ns = hop.min_rtt_ns or 0
    lost_ns = sum(max(0, ns - trips * rtt_ns) for ns in connecting[1::2])  # after the sockets
    lost_ns -= held_ns(hop, "connect")
    if lost_ns <= _SLOW_NS:
        return None
    near = f", a round trip to it {duration(rtt_ns / 1e9)}" if rtt_ns else ""
    return Finding(
        "proxy_slow",
        lost_ns / 1e9,
        hop.attempt,
        f"the tunnel through the proxy {hop.proxy.host} took "
        f"{duration(sum(connecting[1::2]) / 1e9)}{near}",
        "look at the proxy and its way to the server, or leave it out for this host (no_proxy)",
    )


def tls_slow(hop: Hop) -> Finding | None:
    """The TLS handshake took much longer than the network needs."""
    rtt_ns = hop.min_rtt_ns
    if hop.reused or hop.proxy is not None or hop.tls is None or rtt_ns is None:
        return None
    tls_ns = hop.phases_ns.get("tls", 0) - held_ns(hop, "tls")
    lost_ns = tls_ns - _handshake_trips(hop) * rtt_ns
    if lost_ns < _TLS_SLOW_NS:
        return None
    return Finding(
        "tls_slow",
        lost_ns / 1e9,
        hop.attempt,
        f"the TLS handshake took {duration(tls_ns / 1e9)}, a round trip {duration(rtt_ns / 1e9)}",
        "look at the load of the server, and of this machine",
    )


def far_server(hop: Hop) -> Finding | None:
    """The server, or the proxy, is far away: round trips took much of the time."""
    rtt_ns = hop.min_rtt_ns
    if rtt_ns is None or rtt_ns <= _SLOW_NS or not hop.status:
        return None
    trips = 1
    if not hop.reused and hop.closed_before is None:  # else the new connection is to blame
        tunnel = hop.proxy is not None and hop.tls is not None
        trips += 1 + tunnel + (0 if hop.tls is None else _handshake_trips(hop))
    what = "the server" if hop.proxy is None else f"the proxy {hop.proxy.host}"
    nearer = "a server" if hop.proxy is None else "a proxy"
    return Finding(
        "far_server",
        trips * rtt_ns / 1e9,
        hop.attempt,
        f"a round trip to {what} takes {duration(rtt_ns / 1e9)}; "
        f"{number(trips, 'round trip')} came before the first byte",
        f"use {nearer} that is nearer, keep connections open, send requests side by side",
    )


def _handshake_trips(hop: Hop) -> int:
    """Round trips of the TLS handshake (RFC 8446 §2, RFC 5246 §7.3)."""
    if hop.tls is None:
        return 0
    return 1 if hop.tls.version == "TLSv1.3" or hop.tls.session_reused else 2


RULES = (dns_slow, dns_not_cached, dead_address, proxy_slow, tls_slow, far_server)
