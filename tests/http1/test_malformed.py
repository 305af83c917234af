"""Malformed responses: an error, a closed connection, and no byte for the next request."""

from __future__ import annotations

import pytest

from httptrace.errors import ClientPayloadError, ClientResponseError
from httptrace.headers.limits import HeadLimits

from .feeding import Fed, every_split, received

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def refused(data: bytes, **options: HeadLimits) -> Fed:
    """Check that a response is refused however it is split; returns the result of one piece."""
    for pieces in every_split(data):
        result = received(pieces, **options)
        assert not result.complete and not result.kept, pieces
        assert result.error in (ClientResponseError, ClientPayloadError), pieces
    fed = Fed(**options).feed(data)
    assert fed.exchange.error is not None
    return fed


@pytest.mark.parametrize(
    "head",
    [
        "garbage\r\n\r\n",
        "\x00\x01\x02\x03",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "220 mail.example ESMTP\r\n",
        "<html>hello</html>",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1200 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        " HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : c\r\n\r\n",
        "HTTP/1.1 200 OK\r\n A: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\x00: b\r\n\r\n",
    ],
)
def test_garbage(head: str) -> None:
    """A malformed head is refused as a bad response, and nothing of it is kept."""
    fed = refused(head.encode("latin-1"))
    assert isinstance(fed.exchange.error, ClientResponseError)
    assert fed.exchange.error.status == 400


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: five",
        "Content-Length: ",
        "Content-Length:\r\nX: y",
        "Content-Length: 5;",
        "Content-Length: 99999999999999999999999",
        "Content-Length: \u0665",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: identity",
    ],
)
def test_bad_lengths(fields: str) -> None:
    """Conflicting and malformed lengths are refused: other parsers may read them differently."""
    data = f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + b"5\r\nhello\r\n0\r\n\r\n"
    refused(data)


@pytest.mark.parametrize(
    "length", ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5"]
)
def test_same_length_twice(length: str) -> None:
    """A repeated length is either refused or used once (RFC 9112 §6.3), never guessed."""
    results = {
        (result.error, result.body)
        for pieces in every_split(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\nhello".encode())
        for result in [received(pieces)]
    }
    assert results in ({(None, b"hello")}, {(ClientResponseError, b"")})


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\rhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhelloo\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n",
        b"fffffffffffffffff\r\nhello",
        b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
        b"5;a=\n\r\nhello\r\n0\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nA b: c\r\n\r\n",
        b"0\r\nA: b\x00\r\n\r\n",
    ],
)
def test_bad_chunks(body: bytes) -> None:
    """A chunk with a malformed size or end makes the body incomplete (RFC 9112 §7.1)."""
    fed = refused(CHUNKED + body)
    assert isinstance(fed.exchange.error, ClientPayloadError)


# --- too large ------------------------------------------------------------------------------------

SMALL = HeadLimits.of(line=100, field=50, fields=5)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 " + b"O" * 101,
        b"HTTP/1.1 200 OK\r\nX: " + b"v" * 50,
        b"HTTP/1.1 200 OK\r\n" + b"n" * 50 + b": v",
        b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"X: y" for _ in range(6)),
    ],
    ids=["line", "value", "name", "count"],
)
def test_too_large(head: bytes) -> None:
    """A status line, a field or a number of fields over its limit is refused."""
    fed = refused(head + b"\r\n\r\n", limits=SMALL)
    assert isinstance(fed.exchange.error, ClientResponseError)
    assert "over" in str(fed.exchange.error) or "more than" in str(fed.exchange.error)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 " + b"O" * 99,
        b"HTTP/1.1 200 OK\r\nX: " + b"v" * 49,
        b"HTTP/1.1 200 OK\r\n" + b"n" * 49 + b": v",
        b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"X: y" for _ in range(4)),
    ],
    ids=["line", "value", "name", "count"],
)
def test_just_small_enough(head: bytes) -> None:
    """Heads within the limits are accepted however they are split."""
    for pieces in every_split(head + b"\r\nContent-Length: 0\r\n\r\n"):
        assert received(pieces, limits=SMALL).complete, pieces


def test_large_head_and_body_at_once() -> None:
    """A head of many kilobytes within the limits is accepted in one piece and in many."""
    fields = b"".join(b"X-%d: %b\r\n" % (at, b"v" * 1000) for at in range(100))
    data = b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 3\r\n\r\n"
    for size in (1 << 20, 4096, 1460):
        fed = Fed().feed(*(data[at : at + size] for at in range(0, len(data), size)))
        assert fed.exchange.head_ns and fed.exchange.error is None
        assert fed.feed(b"abc").result.complete


def endless(start: bytes, again: bytes, most: int) -> Fed:
    """Feed the same bytes again and again until the connection is closed, up to `most` bytes."""
    fed, sent = Fed().feed(start), 0
    while not fed.connection.closed:
        fed.feed(again)
        sent += len(again)
        assert sent < most, "it listens for ever"
    assert fed.exchange.error is not None and not fed.idle
    fed.check_places()
    return fed


@pytest.mark.parametrize(
    "again",
    [b"X: y\r\n", b"X: " + b"v" * 1000 + b"\r\n", b"v" * 1000],
    ids=["small", "large", "one"],
)
def test_endless_headers(again: bytes) -> None:
    """A head that does not end is refused while it is small."""
    fed = endless(b"HTTP/1.1 200 OK\r\n" + b"X: " * again.isalpha(), again, 2_000_000)
    assert isinstance(fed.exchange.error, ClientResponseError)


def test_endless_status_line() -> None:
    """A status line that does not end is refused while it is small."""
    fed = endless(b"HTTP/1.1 200 ", b"OK" * 500, 2_000_000)
    assert isinstance(fed.exchange.error, ClientResponseError)


def test_endless_informational() -> None:
    """A server that sends nothing but 1xx is refused."""
    fed = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 10_000)
    assert isinstance(fed.exchange.error, ClientResponseError)
    assert "informational" in str(fed.exchange.error)


def test_endless_blank_lines() -> None:
    """A server that sends nothing but line ends is given up."""
    fed = endless(b"", b"\r\n" * 500, 2_000_000)
    assert isinstance(fed.exchange.error, ClientResponseError)


def test_endless_trailers() -> None:
    """Trailers that do not end are given up while they are small."""
    fed = endless(CHUNKED + b"0\r\n", b"X: y\r\n", 2_000_000)
    assert isinstance(fed.exchange.error, ClientPayloadError)


def test_too_many_trailers() -> None:
    """Trailers over the limits are refused."""
    fed = Fed(limits=SMALL).feed(CHUNKED + b"0\r\n" + b"X: y\r\n" * 6 + b"\r\n")
    assert isinstance(fed.exchange.error, ClientPayloadError)
    fed = Fed(limits=SMALL).feed(CHUNKED + b"0\r\nX: " + b"v" * 60 + b"\r\n\r\n")
    assert isinstance(fed.exchange.error, ClientPayloadError)


def test_large_chunk_extension() -> None:
    """A chunk extension over the limit of a line and a field is refused, whatever it brings."""
    fed = endless(CHUNKED + b"5;a=", b"x" * 1000, 20_000)
    assert isinstance(fed.exchange.error, ClientPayloadError)


def test_small_chunks() -> None:
    """Ten thousand chunks of a byte, with small extensions, are a body like any other."""
    data = CHUNKED + b"1;a=b\r\nx\r\n" * 10_000 + b"0\r\n\r\n"
    for size in (1 << 17, 1000):
        fed = Fed().feed(*(data[at : at + size] for at in range(0, len(data), size)))
        assert fed.result.complete and fed.result.kept
        assert fed.result.body == b"x" * 10_000


# --- bytes that belong to nobody ------------------------------------------------------------------


@pytest.mark.parametrize(
    "extra",
    [
        b"x",
        b"H",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nwicked",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"\x00",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
@pytest.mark.parametrize(
    ("data", "method", "body"),
    [
        (OK, "GET", b"ok"),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", "GET", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "GET", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", "GET", b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", b"ok"),
    ],
    ids=["length", "chunked", "204", "304", "head", "close", "1.0"],
)
def test_bytes_after_the_response(data: bytes, method: str, body: bytes, extra: bytes) -> None:
    """The response stands, and the connection is not used again (RFC 9112 §9.2)."""
    everything = data + extra
    cuts = [[everything[:at], everything[at:]] for at in (1, 30, len(data))]
    for pieces in [[everything], *cuts]:
        fed = Fed(method=method).feed(*pieces)
        result = fed.result
        assert result.complete and result.error is None, pieces
        assert result.body == body
        assert not result.kept and fed.connection.closed, pieces


def test_unsolicited_response() -> None:
    """A response that nobody asked for closes the idle connection before anybody gets it."""
    fed = Fed().feed(OK)
    assert fed.idle
    fed.feed(OK)
    assert fed.connection.closed and not fed.idle
    fed.check_places()
    assert fed.pool.stats().closed == {"unexpected data": 1}


def test_end_while_idle() -> None:
    """An idle connection that ends leaves the pool."""
    fed = Fed().feed(OK).eof()
    assert fed.connection.closed and not fed.idle
    fed.check_places()


def test_switching_after_the_response() -> None:
    """A 101 behind a complete response is like any other bytes behind it."""
    fed = Fed().feed(OK + b"HTTP/1.1 101 Now\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc")
    assert fed.result.complete and fed.result.body == b"ok"
    assert fed.pool.stats().closed == {"unexpected data": 1}


def test_switching_protocols() -> None:
    """A 101 that nobody asked for is an error of the server, wherever it is cut."""
    answer = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc"
    for pieces in every_split(answer):
        fed = Fed().feed(*pieces)
        assert fed.connection.closed and not fed.idle
        assert isinstance(fed.exchange.error, ClientResponseError)
        assert "without being asked" in str(fed.exchange.error)
        fed.check_places()
