"""Responses as RFC 9112 frames them, in one piece, in two, and byte by byte."""

from __future__ import annotations

from typing import Any

import pytest

from httptrace.errors import ClientPayloadError, ServerDisconnectedError

from .feeding import Fed, Result, Told, every_split, received

OK = (200, "OK", "1.1")


def same_at_every_split(data: bytes, **options: Any) -> Result:
    """The result, which is the same however the bytes are split."""
    whole = received([data], **options)
    for pieces in every_split(data):
        assert received(pieces, **options) == whole, pieces
    return whole


def response(head: str, body: bytes = b"") -> bytes:
    """A response of a status line and fields, one a line."""
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def test_content_length() -> None:
    """A body of Content-Length bytes is read, and the connection is kept."""
    result = same_at_every_split(response("HTTP/1.1 200 OK\nContent-Length: 5\nX: y", b"hello"))
    headers = [(b"Content-Length", b"5"), (b"X", b"y")]
    assert result == (*OK, headers, b"hello", [], True, None, True)


def test_empty_body() -> None:
    """A Content-Length of 0 ends the response with its head."""
    result = same_at_every_split(response("HTTP/1.1 200 OK\nContent-Length: 0"))
    assert result.complete and result.kept and result.body == b""


def test_no_reason() -> None:
    """A status line without a reason phrase is allowed (RFC 9112 §4)."""
    result = same_at_every_split(response("HTTP/1.1 200 \nContent-Length: 0"))
    assert result[:3] == (200, "", "1.1") and result.kept


def test_reason_and_values_that_are_not_ascii() -> None:
    """Bytes above 127 in the reason phrase and in values are kept."""
    result = same_at_every_split(response("HTTP/1.1 404 Nö!\nX: \xff\xe9\nContent-Length: 0"))
    assert result[:2] == (404, "Nö!")
    assert result.headers[0] == (b"X", b"\xff\xe9")


def test_space_around_values() -> None:
    """Spaces and tabs around a value do not belong to it, those inside do (RFC 9110 §5.5)."""
    fields = "A:  \t b \t c \t\nB:\nContent-Length:0"
    result = same_at_every_split(response(f"HTTP/1.1 200 OK\n{fields}"))
    assert result.headers == [(b"A", b"b \t c"), (b"B", b""), (b"Content-Length", b"0")]


def test_chunked() -> None:
    """Chunks, their extensions and trailers are read (RFC 9112 §7.1)."""
    body = b'5;a=b;c="d e"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 15\r\nY: z\r\n\r\n'
    result = same_at_every_split(response("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", body))
    assert result.body == b"hello0123456789"
    assert result.trailers == [(b"X-Sum", b"15"), (b"Y", b"z")]
    assert result.complete and result.kept


def test_chunked_without_data() -> None:
    """A body with only the last chunk is empty."""
    data = response("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked", b"0\r\n\r\n")
    result = same_at_every_split(data)
    assert result.complete and result.kept and result.body == b""


def test_close_delimited() -> None:
    """Without a length the body lasts until the connection ends (RFC 9112 §6.3)."""
    data = response("HTTP/1.1 200 OK\nX: y", b"as long as it lasts")
    assert not received([data]).complete
    result = same_at_every_split(data, end=True)
    assert result.body == b"as long as it lasts"
    assert result.complete and not result.kept


def test_close_delimited_without_body() -> None:
    """If the connection ends right after such a head, the body is empty."""
    result = same_at_every_split(response("HTTP/1.1 200 OK\nX: y"), end=True)
    assert result.complete and not result.kept and result.body == b""


def test_coding_that_is_not_chunked_lasts_until_close() -> None:
    """A transfer coding that does not end in chunked lasts until the end (RFC 9112 §6.3)."""
    data = response("HTTP/1.1 200 OK\nTransfer-Encoding: gzip", b"packed")
    result = same_at_every_split(data, end=True)
    assert result.complete and not result.kept and result.body == b"packed"


@pytest.mark.parametrize(
    "fields", ["", "\nContent-Length: 100", "\nTransfer-Encoding: chunked", "\nContent-Length: 0"]
)
def test_head(fields: str) -> None:
    """The response to HEAD has no body whatever its fields say, and the connection is kept."""
    data = response(f"HTTP/1.1 200 OK\nX: y{fields}")
    result = same_at_every_split(data, method="HEAD")
    assert result.complete and result.kept and result.body == b""


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("fields", ["", "\nContent-Length: 100", "\nTransfer-Encoding: chunked"])
def test_statuses_without_body(status: int, fields: str) -> None:
    """204 and 304 have no body whatever their fields say (RFC 9110 §6.4.1)."""
    result = same_at_every_split(response(f"HTTP/1.1 {status} Nothing\nX: y{fields}"))
    assert result.status == status and result.complete and result.kept and result.body == b""


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_next_response_after_one_without_body(method: str) -> None:
    """After a response whose announced body never comes, the next one is parsed correctly."""
    status = 200 if method == "HEAD" else 304
    fed = Fed(method=method)
    fed.feed(response(f"HTTP/1.1 {status} OK\nContent-Length: 100"))
    assert fed.result.kept and fed.reuse()
    fed.request("GET")
    fed.feed(response("HTTP/1.1 200 OK\nContent-Length: 2", b"ok"))
    assert fed.result.body == b"ok" and fed.result.kept


def test_informational() -> None:
    """1xx before the response are events and otherwise ignored, also with fields."""
    hints = response("HTTP/1.1 103 Early Hints\nLink: </a>\nLink: </b>")
    data = response("HTTP/1.1 100 Continue") + hints + hints
    data += response("HTTP/1.1 200 OK\nContent-Length: 2", b"ok")
    result = same_at_every_split(data)
    assert result[:3] == OK and result.body == b"ok" and result.kept
    assert result.headers == [(b"Content-Length", b"2")]
    told = Told()
    received([data], trace=told)
    informational = [m[1] for m in told.moments if m[0] == "TraceResponseInformationalParams"]
    assert informational == [100, 103, 103]


def test_first_byte_is_told_once() -> None:
    """However the bytes are split, each event of receiving occurs once and in order."""
    data = response("HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"0\r\nT: v\r\n\r\n")
    for pieces in every_split(data):
        told = Told()
        received(pieces, trace=told)
        assert [moment[0] for moment in told.moments] == [
            "TraceResponseFirstByteParams",
            "TraceResponseHeadersReceivedParams",
            "TraceResponseBodyEndParams",
            "TraceResponseTrailersParams",
            "TraceConnectionReleasedParams",
        ]


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "Close", False),
        ("1.1", "keep-alive", True),
        ("1.1", "x, close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
        ("1.0", "Keep-Alive", True),
        ("1.0", "close", False),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 304])
def test_keep_alive(version: str, connection: str, kept: bool, method: str, status: int) -> None:
    """A connection is kept as RFC 9112 §9.3 says: by version and Connection options."""
    field = f"\nConnection: {connection}" if connection else ""
    data = response(f"HTTP/{version} {status} OK\nContent-Length: 0{field}")
    result = same_at_every_split(data, method=method)
    assert result.complete and result.version == version
    assert result.kept is kept


def test_http10_body_until_close() -> None:
    """An HTTP/1.0 server ends its body by closing."""
    data = response("HTTP/1.0 200 OK\nServer: old", b"body")
    result = same_at_every_split(data, end=True)
    assert result.complete and result.body == b"body" and not result.kept


HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r\n",
    ],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("broken", [False, True])
def test_truncated_at_every_byte(rest: bytes, broken: bool) -> None:
    """A truncated response fails: as disconnected in the head, as incomplete in the body."""
    data = HEAD + rest
    head = data.index(b"\r\n\r\n") + 4
    for at in range(len(data)):
        fed = Fed().feed(data[:at])
        fed.lost(ConnectionResetError(104, "reset")) if broken else fed.eof()
        result = fed.result
        assert not result.complete and not result.kept
        if at >= head:
            assert result.error is ClientPayloadError
        elif broken:
            assert isinstance(fed.exchange.error, OSError)
        else:
            assert result.error is ServerDisconnectedError


def test_reset_ends_no_body() -> None:
    """A reset is not a valid end of a body that lasts until the connection closes."""
    fed = Fed().feed(HEAD + b"\r\nbody").lost(ConnectionResetError(104, "reset"))
    assert fed.result.error is ClientPayloadError
