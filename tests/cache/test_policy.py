"""Properties of the policy, which has neither I/O nor a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from httptrace.cache.entry import Entry, Span
from httptrace.cache.fields import delta_seconds, directives_in, http_date
from httptrace.cache.policy import Refuse, Send, Use, after_error, decide, request_directives
from httptrace.cache.ranges import combined
from httptrace.cache.storing import why_not_stored

NOW = 1_800_000_000.0
SECONDS = st.integers(0, 10_000)


def entry(asked: float = NOW, answered: float = NOW, status: int = 200, **fields: str) -> Entry:
    """A stored response."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    return Entry("http://a/", status, "OK", "1.1", raw, asked, answered, {})


def decided(stored: Entry, now: float, **fields: str) -> Use | Send | Refuse:
    """What a GET is answered with."""
    headers = CIMultiDict({name.replace("_", "-"): value for name, value in fields.items()})
    return decide("GET", headers, request_directives(headers), [stored], now)


@given(lifetime=SECONDS, age=SECONDS, passed=SECONDS, delay=st.integers(0, 100))
def test_fresh_while_age_is_below_lifetime(
    lifetime: int, age: int, passed: int, delay: int
) -> None:
    """A response is used exactly while its received age, delay and time here are its lifetime."""
    stored = entry(NOW, NOW + delay, Cache_Control=f"max-age={lifetime}", Age=str(age))
    decision = decided(stored, NOW + delay + passed)
    assert isinstance(decision, Use) == (age + delay + passed < lifetime)


@given(lifetime=SECONDS, passed=SECONDS, stale=SECONDS)
def test_max_stale(lifetime: int, passed: int, stale: int) -> None:
    """max-stale allows what is stale for no longer, unless must-revalidate forbids it."""
    late = passed - lifetime
    stored = entry(Cache_Control=f"max-age={lifetime}")
    decision = decided(stored, NOW + passed, Cache_Control=f"max-stale={stale}")
    assert isinstance(decision, Use) == (late < 0 or late <= stale)
    strict = entry(Cache_Control=f"max-age={lifetime}, must-revalidate")
    decision = decided(strict, NOW + passed, Cache_Control=f"max-stale={stale}")
    assert isinstance(decision, Use) == (late < 0)


@given(lifetime=SECONDS, passed=SECONDS, least=SECONDS)
def test_min_fresh(lifetime: int, passed: int, least: int) -> None:
    """min-fresh wants that many seconds more."""
    decision = decided(
        entry(Cache_Control=f"max-age={lifetime}"), NOW + passed, Cache_Control=f"min-fresh={least}"
    )
    assert isinstance(decision, Use) == (lifetime - passed >= max(least, 1))


@given(lifetime=SECONDS, passed=SECONDS, window=SECONDS)
def test_stale_if_error(lifetime: int, passed: int, window: int) -> None:
    """After an error a response is used up to stale-if-error beyond its lifetime."""
    stored = entry(Cache_Control=f"max-age={lifetime}, stale-if-error={window}")
    use = after_error(Send("asked", stored), {}, NOW + passed, "the origin failed")
    assert (use is not None) == (passed - lifetime <= window)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_any_cache_control_is_read(text: str) -> None:
    """No Cache-Control raises, and names are lower-case tokens without white space around them."""
    for name in directives_in([text]):
        assert name == name.strip().lower() != ""


@given(st.integers(0, 2**40))
def test_dates_round_trip(seconds: int) -> None:
    """Every date that is written as HTTP writes it is read as the same second."""
    from email.utils import formatdate

    seconds %= 253402300800  # the year 10000
    assert http_date(formatdate(seconds, usegmt=True)) == seconds


@given(st.text(max_size=40))
def test_any_date_is_read(text: str) -> None:
    """What is no date is None and raises nothing."""
    assert http_date(text) is None


@pytest.mark.parametrize("text", ["-1", "+5", "1.0", "1a", "", " 1", "١"])
def test_seconds_are_digits(text: str) -> None:
    """Numbers of seconds are ASCII digits alone."""
    assert delta_seconds(text) is None


@given(st.binary(min_size=1, max_size=60), st.data())
def test_combined_parts_are_the_whole(whole: bytes, data: st.DataObject) -> None:
    """Two parts that touch give the bytes between their ends; others give nothing."""
    total = len(whole)

    def part() -> tuple[Span, bytes]:
        first = data.draw(st.integers(0, total - 1))
        last = data.draw(st.integers(first, total - 1))
        return Span(first, last, total), whole[first : last + 1]

    (one, one_body), (two, two_body) = part(), part()
    old, new = entry(status=206, ETag='"a"'), entry(status=206, ETag='"a"')
    old.span, new.span = one, two
    found = combined(old, one_body, new, two_body)
    if one.first > two.last + 1 or two.first > one.last + 1:
        assert found is None
    else:
        first, last = min(one.first, two.first), max(one.last, two.last)
        assert found == (Span(first, last, total), whole[first : last + 1])


@pytest.mark.parametrize(
    ("method", "request_field", "status", "fields", "why"),
    [
        ("GET", "", 200, {"Cache_Control": "max-age=5"}, None),
        ("POST", "", 200, {"Cache_Control": "max-age=5"}, "responses to POST are not stored"),
        ("GET", "no-store", 200, {"Cache_Control": "max-age=5"}, "the request has no-store"),
        ("GET", "", 200, {"Cache_Control": "no-store"}, "the response has no-store"),
        ("GET", "", 200, {"Cache_Control": "no-store, must-understand, max-age=5"}, None),
        (
            *("GET", "", 299, {"Cache_Control": "must-understand, max-age=5"}),
            "the response has must-understand, and 299 is not understood",
        ),
        ("GET", "", 299, {"ETag": '"a"'}, "a 299 does not say for how long it is fresh"),
        ("GET", "", 200, {"Vary": "a, *", "ETag": '"a"'}, "the response has Vary: *"),
        ("GET", "", 200, {}, "it is not fresh and has no validator"),
        ("GET", "", 200, {"ETag": '"a"'}, None),
    ],
)
def test_what_is_stored(
    method: str, request_field: str, status: int, fields: dict[str, str], why: str | None
) -> None:
    """Each rule of RFC 9111 §3 is told in words."""
    stored = entry(status=status, **fields)
    assert why_not_stored(method, directives_in([request_field]), stored) == why
