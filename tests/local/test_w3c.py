from __future__ import annotations

import pytest

from httptrace.local.w3c import RANDOM, SAMPLED, TraceContext, parse_traceparent, parse_tracestate

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def test_a_traceparent_is_read():
    """The example of the specification is parsed into its parts."""
    assert parse_traceparent(GOOD) == (TRACE, SPAN, 1)


def test_a_later_version_may_be_longer():
    """Of a later version the known parts are used (section 4.3)."""
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01-what-the-future-brings") == (TRACE, SPAN, 1)
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01") == (TRACE, SPAN, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD.upper(),
        GOOD + "-x",
        GOOD + "0",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"0-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.x",
        GOOD + "\n",
        "٠0" + GOOD[2:],
        "cc" + GOOD[2:] + "-" + "x" * 1_000_000,
    ],
)
def test_a_wrong_traceparent_is_no_traceparent(text):
    """An invalid header is dropped, and a new trace begins."""
    assert parse_traceparent(text) is None
    context = TraceContext.follow(text, "a=1")
    assert context.trace_id != TRACE
    assert context.parent_id == ""
    assert context.tracestate == ""


def test_following_keeps_the_trace_and_makes_a_span():
    """Trace id, known flags and state are the caller's, the span is new."""
    context = TraceContext.follow(f"00-{TRACE}-{SPAN}-ff", "vendor=1 , other@sys=2")
    assert context.trace_id == TRACE
    assert context.parent_id == SPAN
    assert context.span_id not in ("", SPAN)
    assert context.flags == SAMPLED | RANDOM
    assert context.tracestate == "vendor=1,other@sys=2"
    assert context.traceparent == f"00-{TRACE}-{context.span_id}-03"


def test_the_sampling_decision_of_the_caller_is_kept():
    """A trace that the caller does not record stays unrecorded."""
    assert not TraceContext.follow(f"00-{TRACE}-{SPAN}-00").sampled


def test_a_new_trace_is_valid():
    """A new trace can be parsed by the next service."""
    context = TraceContext.start()
    assert parse_traceparent(context.traceparent) == (context.trace_id, context.span_id, 3)
    assert context.sampled


@pytest.mark.parametrize(
    "text", ["a=1", "a=1,b=2", "1a@b=x", "1=2", "a@@=x", "a-_*/=!~ x", "a=1,,b=2", ""]
)
def test_a_tracestate_is_read(text):
    """Valid members are kept in order, with every key of level 2; empty ones are allowed."""
    assert parse_tracestate(text) == text.replace(",,", ",")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "A=1",
        "@a=1",
        "a" * 257 + "=1",
        "a=1,a=2",
        "a=",
        "a=b=c",
        "a=\x00",
        "a=é",
        "=1",
        "a=" + "x" * 257,
        ",".join(f"k{n}=1" for n in range(33)),
        "a=1," * 10000,
    ],
)
def test_a_wrong_tracestate_is_dropped_as_a_whole(text):
    """One invalid member drops the whole tracestate; the trace itself continues."""
    assert parse_tracestate(text) == ""
    assert TraceContext.follow(GOOD, text).trace_id == TRACE
