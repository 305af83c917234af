"""Findings about waiting for a response: the server, or our own event loop."""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING

from .blocking import culprit, held_in_all_ns, held_ns
from .finding import Finding, duration, in_short

if TYPE_CHECKING:
    from ..hop import Hop

_SLOW_NS = 20_000_000
"""A server that responds sooner is not slow."""


def loop_blocked(hop: Hop) -> Finding | None:
    """Received data, or the request, waited because the event loop did something else."""
    late_ns, held_up_ns = hop.loop_late_ns, held_in_all_ns(hop)
    if not late_ns + held_up_ns:
        return None
    told = []
    if late_ns:
        told.append(f"received data lay unread for {duration(late_ns / 1e9)}")
    if held_up_ns:
        told.append(f"the request was held up for {duration(held_up_ns / 1e9)}")
    evidence = f"{' and '.join(told)}: the event loop was busy"
    advice = "learn which line held the loop: httptrace.loop_lag(threshold=0.02)"
    where = culprit(hop)
    if where is not None:
        evidence += f" in {in_short(where)}"
        advice = "move this work to a thread (httptrace.run_in_thread) or to a process"
    lost = (late_ns + held_up_ns) / 1e9
    return Finding("loop_blocked", lost, hop.attempt, evidence, advice, where)


def server_slow(hop: Hop) -> Finding | None:
    """The server took long to respond."""
    waited_ns = hop.phases_ns.get("wait", 0)
    if not hop.status:
        return _no_response(hop, waited_ns)
    server_ns = waited_ns if hop.server_ns is None else hop.server_ns
    if hop.tcp is None:
        server_ns = max(0, server_ns - held_ns(hop, "wait"))
    if server_ns <= _SLOW_NS:
        return None
    took = duration(server_ns / 1e9)
    others = _not_told_apart(hop)
    if others:
        evidence = f"the first byte came after {took}; {others} may have a part in that"
    else:
        evidence = f"the server took about {took}"
    return Finding(
        "server_slow",
        server_ns / 1e9,
        hop.attempt,
        evidence + _said(hop),
        "look at the server; with propagate= its logs can have the id of the request",
    )


def _no_response(hop: Hop, waited_ns: int) -> Finding | None:
    """The request was given up, or is still waiting."""
    given_up = hop.exception
    if hop.spans_ns[-1][0] != "wait" or waited_ns <= _SLOW_NS:
        return None
    if given_up is not None and not isinstance(given_up, TimeoutError | CancelledError):
        return None
    name, limit = getattr(given_up, "timeout", None), getattr(given_up, "limit", None)
    until = f" ({name}={limit:g})" if name and limit else ""
    return Finding(
        "server_slow",
        waited_ns / 1e9,
        hop.attempt,
        f"no response came for {duration(waited_ns / 1e9)}{until}",
        "look at the server; with propagate= its logs can have the id of the request",
    )


def _not_told_apart(hop: Hop) -> str:
    """What else may have taken a part of the wait."""
    others = []
    if hop.proxy is not None:
        others.append("the proxy and the network behind it")
    if hop.min_rtt_ns is None and not (hop.address or "").startswith("/"):
        others.append("the network")
    if hop.tcp is None:  # nobody knows how long the response lay there
        others.append("a busy event loop")
    if hop.out_of_order[0]:
        others.append("a loss on the way back")
    if hop.send_until == "accepted":
        others.append("the upload")
    return " and ".join(others)


def _said(hop: Hop) -> str:
    """The longest time that the server tells of itself."""
    timed = [one for one in hop.server_timing if one.duration]
    if not timed:
        return ""
    longest = max(timed, key=lambda one: one.duration or 0.0)
    text = f"; it says: {longest.name} {duration(longest.duration or 0.0)}"
    return "".join(sign if sign.isprintable() else "?" for sign in text)


RULES = (loop_blocked, server_slow)
