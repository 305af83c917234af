"""What a client accepts beyond the grammar (RFC 9112), and what stays refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from httptrace.errors import ClientPayloadError, ClientResponseError
from httptrace.headers.limits import HeadLimits

from .feeding import Fed, Told, every_split, received
from .leniency import ACCEPTED, CHUNKED, HELLO, OK, REFUSED_BODIES, REFUSED_HEADS
from .test_two_parsers import cut


@pytest.mark.parametrize("row", ACCEPTED)
def test_accepted(row: str) -> None:
    """The response means what it says, however it arrives, and the connection is kept."""
    for data, meaning in ACCEPTED[row]:
        expected = received([meaning])
        assert expected.complete and expected.kept
        for pieces in every_split(data):
            assert received(pieces) == expected, pieces


@pytest.mark.parametrize("row", ACCEPTED)
def test_accepted_again_and_again(row: str) -> None:
    """Each response on a kept connection is read afresh, before and after such a one."""
    for data, meaning in ACCEPTED[row]:
        expected = received([meaning])
        fed = Fed()
        for pieces in every_split(data):
            for response in (pieces, (HELLO,), (HELLO[:20], HELLO[20:])):
                fed.feed(*response)
                assert fed.result == (received([HELLO]) if response is not pieces else expected)
                assert fed.reuse()
                fed.request()


@pytest.mark.parametrize("row", ACCEPTED)
def test_bytes_after_it(row: str) -> None:
    """Bytes after such a response are no response to anybody: the connection is closed."""
    for data, meaning in ACCEPTED[row]:
        expected = received([meaning + b"H"])
        assert expected.complete and not expected.kept
        for pieces in every_split(data + b"H"):
            if len(pieces[-1]) > 1:  # else the response is complete before they arrive
                assert received(pieces) == expected, pieces
        fed = Fed().feed(data, b"H")
        assert fed.connection.closed and not fed.idle


@pytest.mark.parametrize("row", ACCEPTED)
def test_the_moments(row: str) -> None:
    """The same moments are told, once each and in the same order, as if nothing were special."""
    for data, meaning in ACCEPTED[row]:
        expected = Told()
        received([meaning[:1], meaning[1:]], trace=expected)
        for pieces in every_split(data):
            told = Told()
            received(pieces, trace=told)
            assert heads(told) == heads(expected), pieces


def heads(told: Told) -> list[tuple[Any, ...]]:
    """All moments but those of the body's pieces, which depend on how it arrives."""
    return [moment for moment in told.moments if moment[0] != "TraceResponseChunkReceivedParams"]


def test_a_head_without_a_body() -> None:
    """The response to HEAD has no body, and the next response follows its empty line."""
    data = b"HTTP/1.1 200 OK\nContent-Length: 5\nX: a\n b\n\n"
    for pieces in every_split(data):
        fed = Fed(method="HEAD").feed(*pieces)
        assert fed.result.complete and fed.result.kept, pieces
        assert fed.result.headers == [(b"Content-Length", b"5"), (b"X", b"a b")]
        assert fed.reuse()
        fed.request("GET")
        assert fed.feed(*pieces, b"hello").result.body == b"hello"


def test_until_close() -> None:
    """A body that lasts until the connection ends begins after the empty line."""
    for pieces in every_split(b"HTTP/1.0 200 OK\nServer: old\n\n\n\nbody\n\n"):
        result = received(pieces, end=True)
        assert (result.body, result.complete, result.error) == (b"\n\nbody\n\n", True, None)


@pytest.mark.parametrize("row", REFUSED_HEADS)
def test_refused_heads(row: str) -> None:
    """The response is an error however it arrives, and the connection is closed."""
    for data in REFUSED_HEADS[row]:
        for pieces in every_split(data):
            result = received(pieces)
            assert result.error is ClientResponseError, pieces
            assert not result.complete and not result.kept and result.body == b""


@pytest.mark.parametrize("row", REFUSED_BODIES)
def test_refused_bodies(row: str) -> None:
    """The body ends with an error however it arrives, and the connection is closed."""
    for data in REFUSED_BODIES[row]:
        for pieces in every_split(data):
            result = received(pieces)
            assert result.error is ClientPayloadError, pieces
            assert not result.complete and not result.kept
            assert b"hello".startswith(result.body[:5])


def test_the_error_names_it() -> None:
    """What is refused beyond llhttp is named in the error."""
    for data, text in (
        (
            REFUSED_HEADS["a folded Content-Length or Transfer-Encoding"][0],
            "a folded Content-Length",
        ),
        (REFUSED_HEADS["white space before the first field"][0], "white space before the first"),
    ):
        assert text in str(Fed().feed(data).exchange.error)


# --- limits ---------------------------------------------------------------------------------------

SMALL = HeadLimits.of(line=100, field=50, fields=5)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 " + b"O" * 101 + b"\n",
        b"HTTP/1.1 200 OK\nX: " + b"v" * 50 + b"\n",
        b"HTTP/1.1 200 OK\nX: " + b"v\n " * 26 + b"\n",
        OK + b"X: " + b"v\r\n\t" * 26 + b"\r\n",
        OK + b"X: y\n" * 6,
    ],
    ids=["line", "value", "folded", "folded with tabs", "count"],
)
def test_too_large(head: bytes) -> None:
    """A rewritten head has the same limits as every other, and they count what it becomes."""
    for pieces in every_split(head + b"\n"):
        result = received(pieces, limits=SMALL)
        assert result.error is ClientResponseError, pieces
    error = str(Fed(limits=SMALL).feed(head + b"\n").exchange.error)
    assert "over" in error or "more than" in error


def test_just_small_enough() -> None:
    """The end of a fold and its blanks do not count: a field is as long as its value."""
    head = OK + b"X: " + b"v\r\n            " * 24 + b"v\r\n" + b"Content-Length: 0\n\n"
    for pieces in every_split(head):
        assert received(pieces, limits=SMALL).complete, pieces


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (OK + b"X: y", b"\r\n " * 10),
        (OK + b"X: y\r\n", b" \r\n" * 10),
        (OK + b"X: y", b"\n " * 4096),
        (OK + b"X: y\r\n ", b" " * 50),
        (b"", b"\n" * 50),
        (CHUNKED + b"5", b" " * 500),
        (CHUNKED + b"5", b"\t" * 100_000),
        (CHUNKED + b"5 ;", b"a = ; " * 100),
        (CHUNKED + b"0\r\nX: y", b"\r\n "),
        (CHUNKED + b"0\r\nX: y", b"\r\n " * 50_000),
    ],
)
def test_endless(start: bytes, again: bytes) -> None:
    """What is rewritten ends with an error as well, while it is small."""
    fed, sent = Fed().feed(start), 0
    while not fed.connection.closed:
        fed.feed(again)
        sent += len(again)
        assert sent < 2_000_000, "it listens for ever"
    assert fed.exchange.error is not None and not fed.idle


# --- chunks of every kind -------------------------------------------------------------------------

DATA = st.text("\r\n05 ;ax", min_size=1, max_size=12).map(str.encode)
BLANKS = st.sampled_from([b"", b"", b" ", b"\t", b"   "])
EXTENSION = st.sampled_from([b"", b"", b";a", b"; a=b", b' ;a = "b c"'])


@st.composite
def chunked(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A chunked body, with blanks here and there, and the data of its chunks."""
    chunks = draw(st.lists(DATA, max_size=5))
    body = b""
    for data in chunks:
        body += b"%x" % len(data) + draw(BLANKS) + draw(EXTENSION) + b"\r\n" + data + b"\r\n"
    body += b"00"[: draw(st.integers(1, 2))] + draw(BLANKS) + draw(EXTENSION) + b"\r\n"
    fold = draw(st.sampled_from([b" ", b"\r\n ", b"\r\n\t\r\n "]))
    return body + draw(st.sampled_from([b"", b"T: a%bb\r\n" % fold])) + b"\r\n", chunks


@settings(max_examples=300, deadline=None)
@given(chunked(), st.lists(st.integers(0, 300), max_size=6), st.booleans(), st.booleans())
@example((b"5\r\n0 \r\n5\r\n2 \r\n\r\n\r\n0\r\n\r\n", [b"0 \r\n5", b"\r\n"]), [50, 57], False, True)
def test_chunks_of_every_kind(
    case: tuple[bytes, list[bytes]], places: list[int], alone: bool, reads: bool
) -> None:
    """The data of chunks is what was sent, whatever looks like a chunk in it, and when it is read.

    `alone`: the head comes first. `reads`: the program reads between the pieces.
    """
    body, chunks = case
    taken: list[bytes] = []
    fed = Fed()
    pieces = [CHUNKED, *cut(body, places)] if alone else cut(CHUNKED + body, places)
    for piece in pieces:
        fed.feed(piece)
        if reads:
            taken += fed.exchange.chunks
            fed.exchange.chunks = []
    taken += fed.exchange.chunks
    assert fed.exchange.complete and fed.exchange.error is None and fed.idle
    assert b"".join(taken) == b"".join(chunks)
    assert marks(taken) == chunks
    trailers = fed.exchange.raw_trailers
    assert trailers == ([(b"T", b"a b")] if b"T: " in body.rpartition(b"0")[2] else None)


def marks(pieces: list[bytes]) -> list[bytes]:
    """The data between the marks of chunk ends; the mark of the last chunk is not counted."""
    found, data = [], b""
    for piece in pieces:
        if piece:
            data += piece
        else:
            found.append(data)
            data = b""
    return found[:-1] if found and not found[-1] else found
