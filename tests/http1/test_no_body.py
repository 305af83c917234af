"""Responses that have no body by what they are, and servers that send one all the same."""

from __future__ import annotations

import pytest

from httptrace.errors import ClientResponseError

from .feeding import Fed, every_split, received

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = b"2\r\nno\r\n0\r\nT: v\r\n\r\n"


@pytest.mark.parametrize(("method", "status"), [("HEAD", b"200"), ("GET", b"204"), ("GET", b"304")])
@pytest.mark.parametrize(
    "extra", [CHUNKS[:1], CHUNKS[:3], CHUNKS, b"0\r\n", b"0\r\n\r\n", b"0\r\nT: v\r\n\r\n"]
)
def test_chunks_of_no_body(method: str, status: bytes, extra: bytes) -> None:
    """Chunks, or the beginning of one, belong to nobody: the connection is not used again."""
    head = b"HTTP/1.1 " + status + b" OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for pieces in every_split(head):
        assert received(pieces, method=method).kept, pieces
    for pieces in every_split(head + extra):
        fed = Fed(method=method).feed(*pieces)
        assert fed.exchange.complete and not fed.exchange.chunks, pieces
        assert fed.connection.closed and not fed.idle, pieces
        fed.check_places()


@pytest.mark.parametrize(
    "field", [b"Content-Length: 2", b"content-length: 0002", b"Transfer-Encoding: chunked"]
)
@pytest.mark.parametrize("status", [b"100", b"103", b"199"])
def test_informational_with_a_body(field: bytes, status: bytes) -> None:
    """A 1xx that announces a body is refused: what follows would be taken for that body."""
    body = CHUNKS if b"chunked" in field else b"no"
    data = b"HTTP/1.1 " + status + b" x\r\n" + field + b"\r\n\r\n" + body + OK
    for pieces in every_split(data):
        result = received(pieces)
        assert result.error is ClientResponseError, pieces
        assert not result.kept and not result.body and not result.headers


def test_informational_with_a_length_of_nothing() -> None:
    """A 1xx that says it has no body says nothing new."""
    data = b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" + OK
    for pieces in every_split(data):
        result = received(pieces)
        assert result.kept and result.body == b"ok", pieces


@pytest.mark.parametrize("status", [b"000", b"001", b"099"])
def test_statuses_below_100(status: bytes) -> None:
    """A status below 100 is none (RFC 9110 §15)."""
    for pieces in every_split(b"HTTP/1.1 " + status + b" OK\r\nContent-Length: 0\r\n\r\n"):
        assert received(pieces).error is ClientResponseError, pieces


@pytest.mark.parametrize(
    "fields",
    [
        b"HTTP/1.0 200 OK\r\nConnection: x: keep-alive\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alives\r\n",
        b"HTTP/2.0 200 OK\r\n",
    ],
)
def test_connections_that_are_not_kept(fields: bytes) -> None:
    """To be kept, a connection of another version than 1.1 needs the option itself."""
    for pieces in every_split(fields + b"Content-Length: 0\r\n\r\n"):
        for method in ("GET", "HEAD"):
            result = received(pieces, method=method)
            assert result.complete and not result.kept, pieces
