"""`timeline.why`: which findings are told, and in which order."""

from __future__ import annotations

import dataclasses
import json

import pytest

import httptrace
from httptrace.trace.record import DnsFacts, QueueFacts
from httptrace.trace.why.finding import duration, number, size

from ..built import FIRST, MS, TLS, Attempt, kernel, timeline_of


def busy() -> Attempt:
    """A request with five findings: 300, 250, 200, 150 and 100 ms of 1000."""
    one = Attempt(
        {"queue": 300, "dns": 150, "send": 0, "wait": 300, "receive": 250},
        queued=QueueFacts("limit", 10, 2),
        dns=DnsFacts("example.org", "look-up", None),
        kernel=kernel(min_rtt_ns=0),
        body_received=400_000,
        wait_late_ns=100 * MS,
        url="https://example.org:8443/a",
    )
    one.pool_wait_ns = 300 * MS
    return one


def test_the_most_expensive_three() -> None:
    """At most three findings are told, the most expensive one first; each names its host."""
    why = timeline_of(busy()).why
    assert [(one.code, one.seconds) for one in why] == [
        ("pool_wait", 0.3),
        ("download_slow", 0.25),
        ("server_slow", 0.2),
    ]
    assert {one.hosts for one in why} == {("example.org:8443",)}


def test_small_matters_are_left_out() -> None:
    """What costs less than a tenth of the request, or than a millisecond, is not told."""
    tenth = Attempt({"queue": 100, "wait": 900}, queued=QueueFacts("limit", 1, 0))
    tenth.pool_wait_ns = 100 * MS
    assert [one.code for one in timeline_of(tenth).why] == ["server_slow", "pool_wait"]
    tenth.pool_wait_ns = 99 * MS
    assert [one.code for one in timeline_of(tenth).why] == ["server_slow"]
    quick = Attempt({"queue": 0.9}, queued=QueueFacts("limit", 1, 0))
    quick.pool_wait_ns = int(0.9 * MS)
    assert timeline_of(quick).why == ()


def test_of_each_hop() -> None:
    """A finding says in which hop the time was lost."""
    redirect = Attempt(FIRST, status=302, url="http://one.example/")
    slow = Attempt({"queue": 1, "wait": 500}, start=100, url="http://two.example/", connection=2)
    first, second = timeline_of(redirect, slow).why
    assert (first.code, first.hop, first.hosts) == ("server_slow", 2, ("two.example",))
    assert (second.code, second.hop, second.hosts) == ("redirect_chain", 1, ("one.example",))


def test_finding() -> None:
    """A finding is a value: it cannot be changed, is one line of text, and a dict for JSON."""
    (one, *_) = timeline_of(busy()).why
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.seconds = 0.0  # type: ignore[misc]
    assert not hasattr(one, "__dict__")
    assert str(one) == (
        "300 ms pool_wait: all 10 connections were in use (limit=10), and 2 requests waited before "
        "this one"
    )
    assert json.loads(json.dumps(one.to_dict())) == {
        "code": "pool_wait",
        "seconds": 0.3,
        "hop": 1,
        "evidence": one.evidence,
        "advice": one.advice,
        "where": None,
        "hosts": ["example.org:8443"],
        "count": 1,
    }
    assert isinstance(one, httptrace.Finding)


def test_in_json() -> None:
    """The timeline as a dict has the findings."""
    timeline = timeline_of(busy())
    assert timeline.to_dict()["why"] == [one.to_dict() for one in timeline.why]
    assert timeline_of(Attempt({"queue": 1, "wait": 1})).to_dict()["why"] == []


def test_no_secrets() -> None:
    """Neither credentials nor queries come into a finding."""
    url = "https://ann:s3cret@example.org/orders?token=s3cret"
    moved = Attempt(FIRST, status=301, url=url, tls=TLS)
    slow = Attempt({"queue": 50, "wait": 500}, start=100, url=url, proxy="http://p:s3cret@proxy")
    text = json.dumps(timeline_of(moved, slow).to_dict()["why"])
    assert "redirect_chain" in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 µs"),
        (0.000_42, "420 µs"),
        (0.000_999_9, "1.0 ms"),
        (0.004_25, "4.2 ms"),
        (0.009_96, "10 ms"),
        (0.31, "310 ms"),
        (0.999_6, "1.00 s"),
        (3.456, "3.46 s"),
        (9.996, "10.0 s"),
        (75.0, "75.0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """Times have two or three digits, and the unit that suits them."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (9_940, "9.9 kB"), (9_960, "10 kB"), (999_600, "1.0 MB")],
)
def test_sizes(count: float, text: str) -> None:
    """Sizes have two or three digits, and the unit that suits them."""
    assert size(count) == text


def test_numbers() -> None:
    """Things are counted as people do."""
    assert [number(n, "request") for n in (0, 1, 2)] == ["no request", "1 request", "2 requests"]
