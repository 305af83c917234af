"""The quick and the thorough parser make the same of the same response."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from .feeding import Result, received

TOKEN = st.text("abcXYZ09!#$%&'*+-.^_`|~", min_size=1, max_size=8).map(str.encode)
OWS = st.sampled_from([b"", b" ", b"\t", b"  \t"])
# Anything that a value may have, and now and then what it may not.
VALUE = st.one_of(
    st.binary(max_size=12).map(lambda raw: bytes(b for b in raw if b not in b"\r\n\0")),
    st.sampled_from([b"", b"close", b"keep-alive", b"upgrade", b"chunked"]),
    st.sampled_from([b"a\x00", b"a\rb", b"\n b"]),
)
LINE_END = st.sampled_from([b"\r\n"] * 30 + [b"\n", b"\r\r\n", b"\r"])


@st.composite
def fields(draw: st.DrawFn) -> bytes:
    """Some header lines, most of them right."""
    lines = b""
    for _ in range(draw(st.integers(0, 4))):
        name = draw(TOKEN | st.sampled_from([b"Connection", b"Set-Cookie", b"Upgrade", b"A b"]))
        lines += name + b":" + draw(OWS) + draw(VALUE) + draw(OWS) + draw(LINE_END)
    return lines


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A response, right or nearly so."""
    status = draw(st.sampled_from([b"200", b"204", b"304", b"301", b"404", b"100", b"101", b"103"]))
    reason = draw(st.sampled_from([b" OK", b" ", b"", b" N\xc3\xb6!", b" a  b"]))
    version = draw(st.sampled_from([b"1.1"] * 5 + [b"1.0", b"2.0", b"0.9"]))
    body = draw(st.binary(max_size=20))
    head = b"HTTP/" + version + b" " + status + reason + draw(LINE_END) + draw(fields())
    kind = draw(st.sampled_from(["length", "chunked", "close", "both", "wrong"]))
    if kind in ("length", "both"):
        head += b"Content-Length: %d\r\n" % len(body)
    if kind == "wrong":
        head += b"Content-Length: " + draw(VALUE) + b"\r\n"
    if kind in ("chunked", "both"):
        head += b"Transfer-Encoding: chunked\r\n"
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        body = chunk + b"0\r\n" + draw(fields()) + b"\r\n"
    extra = draw(st.sampled_from([b""] * 5 + [b"\r\n", b"H"]))
    return head + draw(fields()) + b"\r\n" + body + extra


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The bytes in pieces."""
    marks = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(marks)]


def judged(result: Result) -> tuple[object, ...]:
    """What does not depend on when bytes came: how far a response got that failed does."""
    if result.error is not None:
        return (result.error,)
    return result._replace(kept=False)


@settings(max_examples=200, deadline=None)
@given(
    data=responses(),
    places=st.lists(st.integers(0, 200), max_size=4),
    method=st.sampled_from(["GET", "HEAD"]),
    end=st.booleans(),
)
@example(b"HTTP/1.1 200 OK\r\nA: \tb\t\r\nContent-Length: 0\r\n\r\n", [1], "GET", False)
@example(b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", [1], "GET", False)
@example(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", [1], "GET", False)
def test_same_however_it_arrives(data: bytes, places: list[int], method: str, end: bool) -> None:
    """The same bytes give the same status, headers and body wherever they are cut."""
    whole = received([data], method=method, end=end)
    assert judged(received(cut(data, places), method=method, end=end)) == judged(whole)
    # One byte alone first: the head is not whole, and the thorough parser reads all the rest.
    assert judged(received([data[:1], data[1:]], method=method, end=end)) == judged(whole)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=3))
@example(b"HTTP/1.1 200 OK\r\n\r\n", [])
def test_noise_never_raises(data: bytes, places: list[int]) -> None:
    """Whatever comes, the exchange has an end or waits for more; nothing is thrown at the loop."""
    result = received(cut(data, places), end=True)
    assert result.complete or result.error is not None
    assert not result.kept
