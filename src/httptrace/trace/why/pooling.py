"""Findings about the time before a request had a connection, and connections that were not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .blocking import held_in_queue_ns, held_ns
from .connecting import dead_ns, lost_its_session
from .finding import Finding, duration, in_short, number

if TYPE_CHECKING:
    from ..hop import Hop
    from ..record import ClosedBefore

_SLOW_NS = 20_000_000
"""A program that takes no longer before a request is sent is not slow."""
_CLOSED = {
    "client close": (
        "the request before asked the server to close its connection (Connection: close)",
        "leave the header Connection: close out",
    ),
    "max age": (
        "the last connection had reached max_connection_age",
        "raise the connector's max_connection_age",
    ),
    "evicted": (
        "the last connection was closed to make room for another host (limit)",
        "raise the connector's limit",
    ),
    "force_close": (
        "force_close=True closes each connection after its response",
        "leave the connector's force_close out",
    ),
    "connector closed": (
        "an earlier session was closed{at}, and its connections with it",
        "use one ClientSession for all requests of the program",
    ),
    "unread body": (
        "a response was let go{at} before its body was read, which closes the connection",
        "read the body to its end, or request HEAD if it is not wanted",
    ),
    "timeout": (
        "a timeout ended the request before, which closes the connection",
        "look at the request that ran into the timeout",
    ),
    "cancelled": (
        "the request before was cancelled, which closes the connection",
        "look at what cancels requests",
    ),
}
"""For the reason why the connection was closed that a new one replaces: evidence and advice. "{at}"
is for the line of the program."""


def pool_wait(hop: Hop) -> Finding | None:
    """The request waited because a limit of the pool was reached."""
    if hop.queued is None or not hop.pool_wait_ns:
        return None
    limit, value, ahead = hop.queued
    used = "the only connection was" if value == 1 else f"all {value} connections were"
    used += f" in use ({limit}={value})"
    return Finding(
        "pool_wait",
        hop.pool_wait_ns / 1e9,
        hop.attempt,
        f"{used}, and {number(ahead, 'request')} waited before this one",
        f"raise the connector's {limit}, or free connections sooner: read bodies at once, look at "
        "slow responses",
    )


def client_slow(hop: Hop) -> Finding | None:
    """The program itself took its time before the request was sent."""
    own_ns = hop.phases_ns.get("queue", 0) - hop.pool_wait_ns - held_in_queue_ns(hop)
    if own_ns <= _SLOW_NS:
        return None
    return Finding(
        "client_slow",
        own_ns / 1e9,
        hop.attempt,
        f"{duration(own_ns / 1e9)} passed in the program before the request was sent: in "
        "middlewares, callbacks, or a busy event loop",
        "look at middlewares and TraceConfig callbacks; watch the loop with "
        "httptrace.loop_lag(threshold=0.02)",
    )


def no_reuse(hop: Hop) -> Finding | None:
    """A new connection replaced one that could have been kept."""
    lost_ns, tls_ns = _connecting_ns(hop)
    closed = hop.closed_before
    if closed is None or not lost_ns or tls_ns * 2 >= lost_ns:
        return None
    evidence, advice = _why_closed(closed)
    return Finding("no_reuse", lost_ns / 1e9, hop.attempt, evidence, advice, closed.call_site)


def tls_each_time(hop: Hop) -> Finding | None:
    """The same, where the TLS handshake took most of the time."""
    lost_ns, tls_ns = _connecting_ns(hop)
    closed = hop.closed_before
    if closed is None or not tls_ns or tls_ns * 2 < lost_ns:
        return None
    evidence, advice = _why_closed(closed)
    text = f"another TLS handshake ({duration(tls_ns / 1e9)}): {evidence}"
    return Finding("tls_each_time", lost_ns / 1e9, hop.attempt, text, advice, closed.call_site)


def _connecting_ns(hop: Hop) -> tuple[int, int]:
    """What a new connection cost, without dead addresses, and how much of that was TLS.

    DNS is a part of it if the answers that were known are gone as well.
    """
    if hop.reused or hop.connection_id is None:
        return 0, 0
    dns_ns = hop.phases_ns.get("dns", 0) - held_ns(hop, "dns") if lost_its_session(hop) else 0
    tls_ns = hop.phases_ns.get("tls", 0) - held_ns(hop, "tls")
    connect_ns = hop.phases_ns.get("connect", 0) - held_ns(hop, "connect") - dead_ns(hop)
    return dns_ns + max(0, connect_ns) + tls_ns, tls_ns


def _why_closed(closed: ClosedBefore) -> tuple[str, str]:
    reason, site, idle = closed
    after = "" if idle is None else f"after {duration(idle)} without a request"
    if reason == "server close" and after:
        return (
            f"the server had closed the last connection {after}",
            "let the server keep idle connections for longer",
        )
    if reason == "server close":
        return (
            "the server closed the last connection after its response",
            "let the server keep connections open (HTTP keep-alive)",
        )
    if reason == "idle timeout":
        return (
            f"the last connection was closed {after} (keepalive_timeout)",
            "raise the connector's keepalive_timeout, up to what the server allows",
        )
    if reason in _CLOSED:
        evidence, advice = _CLOSED[reason]
        return evidence.replace("{at}", "" if site is None else f" at {in_short(site)}"), advice
    return (
        f"the last connection was closed ({reason})",
        "look at the requests before, or listen to on_connection_closed",
    )


RULES = (pool_wait, no_reuse, tls_each_time, client_slow)
