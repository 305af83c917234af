"""The Server-Timing header: its grammar, what is left out, and `ClientResponse.server_timing`."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import httptrace
from httptrace.headers.server_timing import ServerTiming, parse_server_timing
from httptrace.testing import ScriptedServer, responding, response_bytes

# --- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "metrics"),
    [
        ("", []),
        ("miss", [("miss", None, "")]),
        ("db;dur=53", [("db", 0.053, "")]),
        ("db;dur=53, app;dur=47.2", [("db", 0.053, ""), ("app", 0.0472, "")]),
        ('cache;desc="Cache Read";dur=23.2', [("cache", 0.0232, "Cache Read")]),
        ("cache;desc=read", [("cache", None, "read")]),
        ("\tdb \t; \tdur \t= \t53 \t, \t", [("db", 0.053, "")]),
        ('db;DUR="53";Desc=x', [("db", 0.053, "x")]),
        ('db;desc="a, \\"b\\"; \\\\c";dur=1', [("db", 0.001, 'a, "b"; \\c')]),
        ('db;desc=" x "', [("db", None, " x ")]),
        ("db;dur=0", [("db", 0.0, "")]),
        ("a;dur=.5,b;dur=3.", [("a", 0.0005, ""), ("b", 0.003, "")]),
        ("a;dur=+1,b;dur=1e2", [("a", 0.001, ""), ("b", 0.1, "")]),
    ],
)
def test_grammar(field: str, metrics: list[tuple[str, float | None, str]]) -> None:
    """Names, durations as seconds, and descriptions are read as the standard writes them."""
    assert list(parse_server_timing([field])) == metrics


@pytest.mark.parametrize(
    ("field", "metrics"),
    [
        ("db;dur=1;dur=2;desc=a;desc=b", [("db", 0.001, "a")]),
        ("db;dur;dur=2", [("db", None, "")]),
        ("db;dur=x;dur=2", [("db", None, "")]),
        ("db;start=1;dur=2;unit=ms", [("db", 0.002, "")]),
        ("db;dur=12.5ms", [("db", 0.0125, "")]),
        ("db;dur=-1, x;dur=nan, y;dur=inf, z;dur=1e999", [(n, None, "") for n in ("db", *"xyz")]),
        ("d b;dur=1, @;dur=2, ;dur=3, =, ok", [("ok", None, "")]),
        (",, a ,,b,", [("a", None, ""), ("b", None, "")]),
        ("db;;dur=1;", [("db", 0.001, "")]),
        ('db;desc="a"junk;dur=1', [("db", 0.001, "a")]),
        ('db;desc=a"b,c";dur=1', [("db", 0.001, 'a"b,c"')]),
        ('db;desc="open, a;dur=2', [("db", None, "open, a;dur=2")]),
        ('db;desc="a\\"', [("db", None, 'a"')]),
        ('db;desc="a\\', [("db", None, "a")]),
    ],
)
def test_what_is_malformed(field: str, metrics: list[tuple[str, float | None, str]]) -> None:
    """The first of repeated parameters counts, also if it is broken; the rest is left out."""
    assert list(parse_server_timing([field])) == metrics


def test_several_fields() -> None:
    """The metrics of several fields stand in their order, and a quote does not reach the next."""
    fields = ['a;desc="x', "b", "c;dur=1, d"]
    assert [metric.name for metric in parse_server_timing(fields)] == ["a", "b", "c", "d"]


def test_many_metrics() -> None:
    """Of more than a hundred metrics the first hundred are kept."""
    metrics = parse_server_timing([",".join(f"m{number}" for number in range(60))] * 2)
    assert len(metrics) == 100
    assert metrics[-1].name == "m39"


@pytest.mark.parametrize(
    "piece", ['"', ";", ",", "a;", 'a;b="\\', "a,", " ", 'a;desc="\\', 'a;="', "a;dur=9", '\\"']
)
def test_long_fields(piece: str) -> None:
    """The time that a field takes grows with its length, not with its square."""
    parse_server_timing([piece * 100])
    began = process_time()
    parse_server_timing([piece * 100_000])
    assert process_time() - began < 2


# --- any metric, and any text -------------------------------------------------------------------

TOKENS = st.text("!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz", min_size=1)
SPACE = st.text(" \t", max_size=2)
DESCRIPTIONS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")
)
MILLISECONDS = st.none() | st.floats(0, 1e9).map(lambda value: round(value, 6))


@st.composite
def fields(draw: st.DrawFn) -> tuple[str, list[ServerTiming]]:
    """A field by the grammar, and what it says."""
    texts, metrics = [], []
    for _ in range(draw(st.integers(0, 5))):
        name, text, dur = draw(TOKENS), draw(DESCRIPTIONS), draw(MILLISECONDS)
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        pieces = [f'desc="{quoted}"', *([] if dur is None else [f"dur={dur:.6f}"])]
        unknown = f"x-{draw(TOKENS)}={draw(TOKENS)}"
        pieces = draw(st.permutations([*pieces, unknown]))
        spaced = f"{draw(SPACE)};{draw(SPACE)}".join([name, *pieces])
        texts.append(spaced)
        metrics.append(ServerTiming(name, None if dur is None else float(f"{dur:.6f}e-3"), text))
    return f"{draw(SPACE)},{draw(SPACE)}".join(texts), metrics


@given(fields())
def test_any_metrics(made: tuple[str, list[ServerTiming]]) -> None:
    """Whatever the grammar allows is read as it was meant."""
    field, metrics = made
    assert list(parse_server_timing([field])) == metrics


@given(st.lists(st.text('ab1.=;, \t"\\dures-+\x00é\udc80', max_size=40), max_size=3))
def test_any_text(values: list[str]) -> None:
    """Whatever a server sends gives metrics with names and finite durations, and no error."""
    for metric in parse_server_timing(values):
        assert metric.name.isascii() and metric.name and not set(metric.name) & set(' ,;="\\')
        assert metric.duration is None or 0 <= metric.duration < float("inf")


# --- of a response ------------------------------------------------------------------------------


async def test_of_a_response() -> None:
    """A response has the metrics of all its Server-Timing fields; () if there are none."""
    timed = [("Server-Timing", "db;dur=53"), ("server-timing", 'cache;desc="hit"')]
    server = ScriptedServer(responding(response_bytes(200, b"", *timed), response_bytes(200)))
    async with server, httptrace.ClientSession() as session:
        async with session.get(server.url) as response:
            assert response.server_timing == (("db", 0.053, ""), ("cache", None, "hit"))
        async with session.get(server.url) as response:
            assert response.server_timing == ()


async def test_of_trailers() -> None:
    """What a server says in the trailers is there once the body has been read."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer-Timing: head;dur=1\r\n\r\n"
    body = b"2\r\nok\r\n0\r\nServer-Timing: total;dur=250\r\n\r\n"
    async with (
        ScriptedServer(head + body) as server,
        httptrace.ClientSession() as session,
        session.get(server.url) as response,
    ):
        await response.read()
        assert response.server_timing == (("head", 0.001, ""), ("total", 0.25, ""))
