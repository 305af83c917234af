"""Findings about the time before a request had a connection, and connections that were not kept."""

from __future__ import annotations

from traceback import FrameSummary, StackSummary

import pytest

from httptrace.trace.loop_lag import LoopBlock
from httptrace.trace.record import (
    AddressTry,
    ClosedBefore,
    DnsFacts,
    Phase,
    QueueFacts,
    TlsFacts,
)

from ..built import MS, TLS, Attempt
from .finding import found

SITE = "/srv/shop/orders.py:12 in fetch"


def test_pool_wait() -> None:
    """A request waited for the pool: the finding names the limit, and how many waited before."""
    waited = Attempt({"queue": 60, "send": 1, "wait": 5}, queued=QueueFacts("limit", 10, 37))
    waited.pool_wait_ns = 55 * MS
    one = found(waited)["pool_wait"]
    assert one.seconds == 0.055
    assert one.evidence == (
        "all 10 connections were in use (limit=10), and 37 requests waited before this one"
    )
    assert "limit" in one.advice


def test_pool_wait_is_not_all_of_the_queue() -> None:
    """What the program did before and after its turn is not the pool's."""
    waited = Attempt({"queue": 60, "wait": 5}, queued=QueueFacts("limit_per_host", 1, 0))
    waited.pool_wait_ns = 2 * MS
    findings = found(waited)
    assert findings["pool_wait"].seconds == 0.002
    assert "was in use (limit_per_host=1), and no request waited" in findings["pool_wait"].evidence
    assert findings["client_slow"].seconds == 0.058
    assert "pool_wait" not in found(Attempt({"queue": 60, "wait": 5}))


def test_client_slow() -> None:
    """The program itself kept the request for a while; a few milliseconds are usual."""
    assert found(Attempt({"queue": 80, "wait": 5}))["client_slow"].seconds == 0.08
    assert "client_slow" not in found(Attempt({"queue": 20, "wait": 5}))


def test_a_held_loop_is_not_a_slow_program() -> None:
    """What is known to have held the event loop is `loop_blocked`, and the line is named."""
    stack = StackSummary.from_list([FrameSummary("/srv/shop/report.py", 8, "render", line="x")])
    block = LoopBlock(11 * MS, 60 * MS, stack)
    held = Attempt({"queue": 90, "wait": 5}, blocks=(block,))
    findings = found(held)
    assert findings["loop_blocked"].seconds == 0.06
    assert findings["loop_blocked"].where == "/srv/shop/report.py:8 in render"
    assert findings["client_slow"].seconds == 0.03


@pytest.mark.parametrize(
    ("closed", "evidence", "advice"),
    [
        (ClosedBefore("server close"), "the server closed the last connection after its", "keep"),
        (ClosedBefore("server close", None, 5.0), "after 5.00 s without a request", "the server"),
        (ClosedBefore("idle timeout", None, 15.0), "after 15.0 s without", "keepalive_timeout"),
        (ClosedBefore("client close"), "Connection: close", "header"),
        (ClosedBefore("force_close"), "force_close=True", "force_close"),
        (ClosedBefore("max age"), "max_connection_age", "max_connection_age"),
        (ClosedBefore("evicted"), "room for another host", "limit"),
        (ClosedBefore("unread body", SITE), "let go at orders.py:12 in fetch before", "read the"),
        (ClosedBefore("unread body"), "let go before its body was read", "read the body"),
        (ClosedBefore("connector closed", SITE), "session was closed at orders.py:12", "one Cl"),
        (ClosedBefore("connector closed"), "session was closed, and its", "one ClientSession"),
        (ClosedBefore("timeout"), "a timeout ended", "timeout"),
        (ClosedBefore("cancelled"), "was cancelled", "cancels"),
        (ClosedBefore("malformed response"), "malformed response", "on_connection_closed"),
    ],
    ids=lambda one: one.reason if isinstance(one, ClosedBefore) else "",
)
def test_no_reuse(closed: ClosedBefore, evidence: str, advice: str) -> None:
    """A new connection replaced one that ended: the finding says why, and what to do about that."""
    one = found(Attempt({"queue": 1, "connect": 30, "wait": 5}, closed_before=closed))["no_reuse"]
    assert one.seconds == 0.03
    assert evidence in one.evidence
    assert advice in one.advice
    assert one.where == closed.call_site


@pytest.mark.parametrize("why", ["first", "busy", "none idle", "force_close"])
def test_a_connection_that_was_needed(why: str) -> None:
    """A connection that replaces none is no fault, whatever the connector does later."""
    new = Attempt({"queue": 1, "connect": 30, "tls": 50, "wait": 5}, why_not_reused=why, tls=TLS)
    assert not found(new).keys() & {"no_reuse", "tls_each_time"}


def test_no_reuse_without_a_connection() -> None:
    """If no connection was made, nothing was lost by that."""
    closed = ClosedBefore("server close")
    failed = Attempt({"queue": 1, "connect": 30}, closed_before=closed, connection=None, status=0)
    assert "no_reuse" not in found(failed)


def test_no_reuse_leaves_dead_addresses_out() -> None:
    """What dead addresses cost is a finding of its own."""
    tries = (
        AddressTry("192.0.2.1:80", 2 * MS, 290 * MS, "had not answered when another one did"),
        AddressTry("192.0.2.2:80", 252 * MS, 290 * MS, None),
    )
    new = Attempt({"queue": 1, "connect": 288}, closed_before=ClosedBefore("server close"))
    new.addresses_tried = tries
    findings = found(new)
    assert (findings["dead_address"].seconds, findings["no_reuse"].seconds) == (0.25, 0.038)


def test_a_session_for_each_request() -> None:
    """What DNS had said is gone with the session as well: that is no fault of the name server."""
    phases: dict[Phase, float] = {"queue": 1, "dns": 50, "connect": 30, "wait": 5}
    new = Attempt(phases, dns=DnsFacts("example.org", "look-up", None))
    new.closed_before = ClosedBefore("connector closed", SITE)
    findings = found(new)
    assert findings["no_reuse"].seconds == 0.08
    assert "dns_slow" not in findings
    new.closed_before = ClosedBefore("server close")
    assert found(new)["no_reuse"].seconds == 0.03
    assert found(new)["dns_slow"].seconds == 0.05


def test_tls_each_time() -> None:
    """Where the handshake took most of what the new connection cost, the finding is about that."""
    closed = ClosedBefore("connector closed", SITE)
    new = Attempt({"queue": 1, "connect": 30, "tls": 50, "wait": 5}, closed_before=closed, tls=TLS)
    findings = found(new)
    assert "no_reuse" not in findings
    one = findings["tls_each_time"]
    assert (one.seconds, one.where) == (0.08, SITE)
    assert one.evidence == (
        "another TLS handshake (50 ms): an earlier session was closed at orders.py:12 in fetch, "
        "and its connections with it"
    )


def test_tls_each_time_nearly() -> None:
    """Where connecting took longer, it is `no_reuse`; one finding has the whole cost."""
    facts = TlsFacts("TLSv1.3", "any", None, True, None, None)
    new = Attempt({"connect": 60, "tls": 50}, closed_before=ClosedBefore("evicted"), tls=facts)
    findings = found(new)
    assert "tls_each_time" not in findings
    assert findings["no_reuse"].seconds == 0.11
