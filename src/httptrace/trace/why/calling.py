"""Findings about a request as a whole: redirects, repetitions, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Finding, duration, number, size

if TYPE_CHECKING:
    from yarl import URL

    from ..hop import Hop
    from ..record import Phase
    from ..timeline import Timeline

_MOST_SHOWN = 4
"""How many URLs of a chain are shown."""
_STALLED = 0.25
"""If nothing moved in the last part of the limit, of this size, the server had stopped."""
_ALL_BUT_QUEUE: tuple[Phase, ...] = ("dns", "connect", "tls", "send", "wait", "receive")
_AGAIN = {
    "stale connection": "set the connector's keepalive_timeout below the time after which the "
    "server closes idle connections",
    "expectation failed": "leave expect100 out for this server",
}


def redirect_chain(timeline: Timeline) -> Finding | None:
    """Redirects were followed before the response came."""
    followed = [hop for hop in timeline.hops[:-1] if _is_redirect(hop)]
    # what a form's POST is redirected to is not known before
    unneeded = [hop for hop in followed if hop.status != 303 and hop.method in ("GET", "HEAD")]
    if not unneeded:
        return None
    way = [_short(hop.url) for hop in (*followed, timeline.hops[-1])]
    if len(way) > _MOST_SHOWN:
        way[2:-1] = ["…"]
    later = {hop.connection_id for hop in timeline.hops if hop.reused}
    return Finding(
        "redirect_chain",
        sum(_cost_ns(hop, later) for hop in unneeded) / 1e9,
        unneeded[0].attempt,
        f"{number(len(followed), 'redirect')} came first: {' → '.join(way)}",
        "request the last URL at once, if it is always the same",
    )


def _is_redirect(hop: Hop) -> bool:
    return hop.status is not None and 300 <= hop.status < 400 and hop.retry_reason is None


def _cost_ns(hop: Hop, used_again: set[int | None]) -> int:
    """What is saved without the hop: not its time in the queue, nor a connection that serves on."""
    kept = hop.connection_id in used_again
    phases = ("send", "wait", "receive") if kept else _ALL_BUT_QUEUE
    return sum(hop.phases_ns.get(phase, 0) for phase in phases)


def _short(url: URL) -> str:
    """Scheme, host and path: what else is in a URL may be secret, and is long."""
    return f"{url.scheme}://{url.host_port_subcomponent or ''}{url.path}"


def retried(timeline: Timeline) -> Finding | None:
    """The request was sent several times before it succeeded."""
    before = [hop for hop in timeline.hops[:-1] if not _is_redirect(hop)]
    if not before:
        return None
    reasons = [hop.retry_reason or f"status {hop.status}" for hop in before]
    advice = "look at the middleware that sends requests again"
    later = {hop.connection_id for hop in timeline.hops if hop.reused}
    return Finding(
        "retried",
        sum(_cost_ns(hop, later) for hop in before) / 1e9,
        before[0].attempt,
        f"{number(len(before), 'attempt')} came first: {', '.join(dict.fromkeys(reasons))}",
        _AGAIN.get(reasons[0], advice),
    )


def limit_too_close(timeline: Timeline) -> Finding | None:
    """The limit of the whole request ended it while it made progress."""
    hop = timeline.hops[-1]
    limit = getattr(hop.exception, "limit", None)
    phase = hop.spans_ns[-1][0]
    if getattr(hop.exception, "timeout", None) != "total" or not limit:
        return None
    if phase not in ("send", "receive") or hop.status == 101:
        return None
    took_ns, sending = hop.phases_ns[phase], phase == "send"
    done, idle_ns = (
        (hop.body_sent, hop.providing_ns) if sending else (hop.body_received, hop.held_back_ns)
    )
    if not done or not took_ns or hop.silent_ns > _STALLED * limit * 1e9 or idle_ns * 2 > took_ns:
        return None
    rate, what = done * 1e9 / took_ns, "sent" if sending else "received"
    return Finding(
        "limit_too_close",
        timeline.total_ns / 1e9,
        hop.attempt,
        f"the limit total={limit:g} ended it when {size(done)}{_of_all(hop, done, rate)} had been "
        f"{what} at {size(rate)}/s",
        "raise ClientTimeout(total=...), or limit silence (sock_read) in place of the whole",
    )


def _of_all(hop: Hop, done: int, rate: float) -> str:
    """How much there was, and how long that takes."""
    length = hop.content_length
    if hop.spans_ns[-1][0] != "receive" or length is None or length <= done:
        return ""
    return f" of {size(length)}, which takes {duration(length / rate)},"


RULES = (redirect_chain, retried, limit_too_close)
