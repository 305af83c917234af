"""`explain`: why the requests of a block of code took long, all together."""

from __future__ import annotations

import json

import pytest

import httptrace
from httptrace.trace.record import ClosedBefore, QueueFacts

from ..built import MS, Attempt, kernel, timeline_of


def waited(ms: float, host: str = "a.example", ahead: int = 0) -> httptrace.Timeline:
    """A request that waited so long for the pool, and 20 ms for the server."""
    one = Attempt({"queue": ms, "wait": 20}, url=f"http://{host}/", kernel=kernel(min_rtt_ns=MS))
    one.queued, one.pool_wait_ns = QueueFacts("limit", 10, ahead), int(ms * MS)
    return timeline_of(one)


def test_the_same_finding_is_counted() -> None:
    """One finding has the sum, the number of requests, the hosts, and the worst case's evidence."""
    timelines = [waited(20), waited(60, "b.example", ahead=7), waited(40)]
    (one,) = httptrace.explain(timelines).findings
    assert (one.code, one.seconds, one.count) == ("pool_wait", 0.12, 3)
    assert one.hosts == ("a.example", "b.example")
    assert "7 requests waited before" in one.evidence
    assert str(one).startswith("120 ms pool_wait in 3 requests: all 10 connections ")


def test_other_causes_are_other_findings() -> None:
    """Two lines of the program that leave bodies unread are two findings, the worse one first."""

    def left_at(line: int, ms: float) -> httptrace.Timeline:
        closed = ClosedBefore("unread body", f"/srv/orders.py:{line} in fetch")
        return timeline_of(Attempt({"connect": ms, "wait": 1}, closed_before=closed))

    found = httptrace.explain([left_at(3, 10), left_at(9, 50), left_at(3, 10)]).findings
    assert [(one.where, one.count) for one in found] == [
        ("/srv/orders.py:9 in fetch", 1),
        ("/srv/orders.py:3 in fetch", 2),
    ]


def test_one_request_with_several_hops_counts_once() -> None:
    """The count is of requests, and the seconds are of all their hops."""
    closed = ClosedBefore("evicted")
    first = Attempt({"connect": 30, "wait": 1}, closed_before=closed, status=302, connection=1)
    second = Attempt({"connect": 30, "wait": 1}, closed_before=closed, start=31, connection=2)
    timelines = [timeline_of(first, second), waited(0)]
    one = next(o for o in httptrace.explain(timelines).findings if o.code == "no_reuse")
    assert (one.count, one.seconds) == (1, 0.06)


def test_small_matters_are_left_out() -> None:
    """What cost less than a twentieth of all requests is not told; many small ones add up."""
    other = timeline_of(Attempt({"wait": 20}, kernel=kernel(min_rtt_ns=MS)))
    assert httptrace.explain([waited(1), *[other] * 20]).findings == ()
    (one,) = httptrace.explain([waited(1.5)] * 100).findings
    assert (one.code, one.count) == ("pool_wait", 100)


def test_text() -> None:
    """Its text says what was lost, in how many requests, what was seen and what to do."""
    explanation = httptrace.explain([waited(20), waited(60, "b.example", ahead=7)])
    assert str(explanation).splitlines() == [
        "2 requests took 120 ms together. Why:",
        "",
        "pool_wait: 80 ms in 2 of 2 requests, to a.example, b.example",
        "  At worst: all 10 connections were in use (limit=10), and 7 requests waited",
        "  before this one.",
        "  → Raise the connector's limit, or free connections sooner: read bodies at",
        "    once, look at slow responses.",
    ]
    assert max(map(len, explanation.text(50).splitlines()[3:])) <= 50


def test_text_of_one_request() -> None:
    """Of one timeline it explains the findings that the timeline has."""
    timeline = waited(100)
    explanation = httptrace.explain(timeline)
    assert explanation == httptrace.explain([timeline])
    assert explanation.findings == timeline.why
    assert str(explanation).splitlines()[:3] == [
        "The request took 120 ms. Why:",
        "",
        "pool_wait: 100 ms, to a.example",
    ]


def test_line_of_the_program() -> None:
    """The line of the program that caused it stands by itself, in full."""
    closed = ClosedBefore("unread body", "/srv/orders.py:3 in fetch")
    timeline = timeline_of(Attempt({"connect": 30, "wait": 1}, closed_before=closed))
    assert "  /srv/orders.py:3 in fetch" in str(httptrace.explain(timeline)).splitlines()


def test_nothing_to_explain() -> None:
    """Quick requests have no findings, and no requests have none either."""
    quick = timeline_of(Attempt({"queue": 1, "wait": 1}))
    assert str(httptrace.explain(quick)) == "The request took 2.0 ms. Nothing stands out."
    assert str(httptrace.explain([])) == "No request has ended."


def test_json() -> None:
    """The explanation as a dict can be written as JSON."""
    explanation = httptrace.explain([waited(20), waited(60)])
    assert json.loads(json.dumps(explanation.to_dict())) == {
        "requests": 2,
        "seconds": 0.12,
        "findings": [one.to_dict() for one in explanation.findings],
    }


@pytest.mark.parametrize("wrong", [None, 3, "why", [None], httptrace.Recording])
def test_bad_input(wrong: object) -> None:
    """What is neither a recording nor timelines is refused with its value."""
    with pytest.raises(TypeError, match=r"explain\(\) takes a Recording, a Timeline or several, "):
        httptrace.explain(wrong)  # type: ignore[arg-type]
