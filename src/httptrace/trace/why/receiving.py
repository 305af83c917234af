"""Findings about receiving a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Finding, duration, number, size

if TYPE_CHECKING:
    from ..hop import Hop

_SLOW_NS = 20_000_000
"""Receiving that takes no longer is not slow."""
_LARGE = 100_000
"""Bytes of a body that is worth compressing."""
_TRICKLE = 50_000
"""At fewer bytes in a second it is the server that sends slowly, not the size of the body."""
_SAVED = 0.75
"""The part of a text that compressing saves, about."""
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "image/svg")
_STREAMS = ("text/event-stream", "application/x-ndjson", "application/jsonl")
"""Media types of bodies that last by intention."""
_WINDOWS = 8
"""A body of fewer windows is over before the window has grown."""


def _network_ns(hop: Hop) -> int:
    """How long receiving took because of the network and the server."""
    received_ns = hop.phases_ns.get("receive", 0)
    if hop.status == 101 or hop.content_type in _STREAMS:
        return 0
    return max(0, received_ns - hop.held_back_ns - hop.receive_late_ns)


def slow_reader(hop: Hop) -> Finding | None:
    """The program read the body later than it could have."""
    if not hop.held_back_ns or hop.status == 101:
        return None
    return Finding(
        "slow_reader",
        hop.held_back_ns / 1e9,
        hop.attempt,
        f"the body waited {duration(hop.held_back_ns / 1e9)} for the program to read it",
        "read the whole body first and work on it afterwards, or in another task",
    )


def small_receive_window(hop: Hop) -> Finding | None:
    """This machine's receive window, not the network, was the limit of the rate."""
    network_ns, rtt_ns = _network_ns(hop), hop.min_rtt_ns
    window = None if hop.tcp_later is None else hop.tcp_later.rcv_wnd
    if not network_ns or not rtt_ns or not window or hop.body_received < _WINDOWS * window:
        return None
    if hop.held_back_ns > network_ns:  # the reader keeps the window small
        return None
    most, rate = window * 1e9 / rtt_ns, hop.body_received * 1e9 / network_ns
    if not 0.7 < rate / most < 1.3:
        return None
    return Finding(
        "small_window",
        network_ns / 1e9,
        hop.attempt,
        f"{size(rate)}/s: a window of {size(window)} in a round trip of "
        f"{duration(rtt_ns / 1e9)} allows {size(most)}/s",
        "raise the receive buffer of this machine (net.ipv4.tcp_rmem), or leave SO_RCVBUF alone",
    )


def uncompressed_large_body(hop: Hop) -> Finding | None:
    """A large text came without a content coding."""
    network_ns = _network_ns(hop)
    if hop.content_encoding or hop.body_received < _LARGE or not network_ns:
        return None
    if not hop.content_type.startswith(_TEXT) and not hop.content_type.endswith(("+json", "+xml")):
        return None
    if hop.body_received * 1e9 / network_ns < _TRICKLE:
        return None
    advice = "let the server compress it, or ask for less"
    if not hop.accepts_coding:
        advice = "ask for compression: the request had no Accept-Encoding"
    return Finding(
        "uncompressed_large_body",
        _SAVED * network_ns / 1e9,
        hop.attempt,
        f"{size(hop.body_received)} of {hop.content_type} came uncompressed in "
        f"{duration(network_ns / 1e9)}",
        advice,
    )


def download_slow(hop: Hop) -> Finding | None:
    """The body took long to come."""
    network_ns = _network_ns(hop)
    if network_ns <= _SLOW_NS or not hop.body_received:
        return None
    text = f"{size(hop.body_received)} came in {duration(network_ns / 1e9)}: "
    text += f"{size(hop.body_received * 1e9 / network_ns)}/s"
    disordered = hop.out_of_order[1]
    if disordered:
        text += f"; {number(disordered, 'segment')} came out of order, as after a loss"
    return Finding(
        "download_slow",
        network_ns / 1e9,
        hop.attempt,
        text,
        "the server or the network sends slowly: look at both, or ask for less",
    )


RULES = (slow_reader, small_receive_window, uncompressed_large_body, download_slow)
