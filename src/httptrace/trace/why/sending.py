"""Findings about sending a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Finding, duration, number, size

if TYPE_CHECKING:
    from ..hop import Hop

_SLOW_NS = 20_000_000
"""Sending that takes no longer is not slow."""
_LONG_COOKIES = 4_000
"""Bytes of a Cookie header that is worth a thought; servers refuse heads of 8 kB and more."""
_TOO_LONG = (400, 413, 431, 494)
"""Statuses with which servers refuse long headers (RFC 6585 §5; 494 is nginx's)."""
_AT_ONCE = 14_600
"""Bytes that a new connection can send in its first round trip (RFC 6928 §2)."""
_FIRST_RTO_NS = 1_000_000_000
"""After how long the first packet of a connection is sent again (RFC 6298 §2)."""
_PATIENCE_NS = 990_000_000
"""A wait for 100 Continue that is as long has ended without it."""


def retransmits(hop: Hop) -> Finding | None:
    """Segments of the request were lost on the way and sent again."""
    count = hop.retransmitted
    if not count:
        return None
    lost_ns = _connecting_again_ns(hop) + _sending_again_ns(hop, count) + hop.resent_ns
    return Finding(
        "retransmits",
        lost_ns / 1e9,
        hop.attempt,
        f"{number(count, 'segment')} {'was' if count == 1 else 'were'} lost on the way to "
        f"{'the server' if hop.proxy is None else 'the proxy'} and sent again",
        "look at the network in between: a bad link, a full queue, a firewall that drops packets",
    )


def _connecting_again_ns(hop: Hop) -> int:
    """What the loss of a connection's first packets cost: each waits for a timeout."""
    alive = [one for one in hop.addresses_tried if one.failure is None]
    if hop.reused or not alive:
        return 0
    took_ns = alive[-1].end_ns - alive[-1].start_ns
    return took_ns - (hop.min_rtt_ns or 0) if took_ns >= _FIRST_RTO_NS else 0


def _sending_again_ns(hop: Hop, count: int) -> int:
    """What losses in an upload cost: a round trip each, at least."""
    if hop.body_sent <= _AT_ONCE:
        return 0
    return min(_network_ns(hop), count * (hop.min_rtt_ns or 0))


def _network_ns(hop: Hop) -> int:
    """How long sending waited for the network and the server."""
    sent_ns = hop.phases_ns.get("send", 0)
    return max(0, sent_ns - hop.continue_wait_ns - hop.providing_ns)


def small_send_window(hop: Hop) -> Finding | None:
    """The server's receive window, not the network, was the limit of an upload."""
    if hop.tcp is None or hop.body_sent <= _AT_ONCE or (hop.reused and hop.tcp_before is None):
        return None
    limited_ns, busy_ns = hop.tcp.rwnd_limited_ns or 0, hop.tcp.busy_ns or 0
    if hop.tcp_before is not None:
        limited_ns -= hop.tcp_before.rwnd_limited_ns or 0
        busy_ns -= hop.tcp_before.busy_ns or 0
    if not busy_ns or limited_ns * 2 < busy_ns:
        return None
    return Finding(
        "small_window",
        min(limited_ns, _network_ns(hop)) / 1e9,
        hop.attempt,
        f"the server's receive window was full for {duration(limited_ns / 1e9)} of "
        f"{duration(busy_ns / 1e9)} of sending",
        "let the server read faster, or raise its receive buffer",
    )


def upload_slow(hop: Hop) -> Finding | None:
    """Sending the body took long, and not because of the program."""
    network_ns = _network_ns(hop)
    if hop.body_sent <= _AT_ONCE or network_ns <= _SLOW_NS:
        return None
    return Finding(
        "upload_slow",
        network_ns / 1e9,
        hop.attempt,
        f"{size(hop.body_sent)} left in {duration(network_ns / 1e9)}: "
        f"{size(hop.body_sent * 1e9 / network_ns)}/s",
        "send less or compress it (compress=True), or look at the network and the server",
    )


def slow_writer(hop: Hop) -> Finding | None:
    """The body came slowly from the program itself."""
    if not hop.providing_ns:
        return None
    return Finding(
        "slow_writer",
        hop.providing_ns / 1e9,
        hop.attempt,
        f"sending waited {duration(hop.providing_ns / 1e9)} for the program to provide the body",
        "make the body before the request, or provide it in larger pieces",
    )


def expect_100_wait(hop: Hop) -> Finding | None:
    """The body waited for 100 Continue."""
    if not hop.continue_wait_ns or not hop.body_sent:  # the wait may have saved an upload
        return None
    waited = duration(hop.continue_wait_ns / 1e9)
    never = hop.continue_wait_ns >= _PATIENCE_NS
    return Finding(
        "expect_100_wait",
        hop.continue_wait_ns / 1e9,
        hop.attempt,
        f"the body waited {waited} for 100 Continue{', which did not come' if never else ''}",
        "leave expect100 out for this server",
    )


def big_cookie_header(hop: Hop) -> Finding | None:
    """The Cookie header is so long that it needs round trips of its own, or is refused."""
    if hop.cookie_bytes < _LONG_COOKIES:
        return None
    refused = hop.status in _TOO_LONG
    window = _AT_ONCE
    if hop.reused and hop.tcp is not None:
        window = max(window, hop.tcp.snd_cwnd * hop.tcp.snd_mss)
    trips = min(hop.cookie_bytes, hop.bytes_sent - hop.body_sent) // window
    lost_ns = hop.total_ns if refused else trips * (hop.min_rtt_ns or 0)
    seen = f", and the server responded with {hop.status}" if refused else ""
    return Finding(
        "big_cookie_header",
        lost_ns / 1e9,
        hop.attempt,
        f"the Cookie header has {size(hop.cookie_bytes)}{seen}",
        "clear cookies that are not needed (session.cookie_jar.clear), or use a DummyCookieJar",
    )


RULES = (
    *(retransmits, small_send_window, upload_slow, slow_writer),
    *(expect_100_wait, big_cookie_header),
)
