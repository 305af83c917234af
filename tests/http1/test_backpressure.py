"""The socket is not read while the caller does not read the body, and read again afterwards."""

from __future__ import annotations

import pytest

from httptrace.errors import ClientConnectionResetError, ServerDisconnectedError

from .feeding import PAUSE_ABOVE, Fed

PIECE = b"x" * (PAUSE_ABOVE // 4)


def head(size: int) -> bytes:
    """The head of a response with a body of this size."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


def full(more: int) -> Fed:
    """A connection that received more than may be buffered, and will receive `more` bytes."""
    fed = Fed().feed(head(len(PIECE) * 5 + more), *[PIECE] * 5)
    assert not fed.wire.reading
    return fed


def test_reading_stops_and_goes_on() -> None:
    """Above the limit reading is paused; when the data is taken it is resumed."""
    fed = full(2)
    assert fed.exchange.take() == PIECE * 5
    assert fed.wire.reading
    assert fed.feed(b"ok").result.kept


def test_small_bodies_do_not_stop() -> None:
    """Up to the limit nothing is paused."""
    fed = Fed().feed(head(len(PIECE) * 4 + 1), *[PIECE] * 4)
    assert fed.wire.reading


def test_reader_of_everything_does_not_stop() -> None:
    """A caller that waits for the whole body has no limit."""
    fed = Fed()
    fed.exchange.waits_for_end = True
    fed.feed(head(len(PIECE) * 5 + 1), *[PIECE] * 5)
    assert fed.wire.reading


@pytest.mark.parametrize("chunked", [False, True])
def test_paused_connection_does_not_go_idle(chunked: bool) -> None:
    """If the end of the body arrives with the bytes that pause reading, reading is resumed."""
    fed = Fed()
    if chunked:
        fed.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        fed.feed(b"%x\r\n" % (len(PIECE) * 5), *[PIECE] * 4, PIECE + b"\r\n0\r\n\r\n")
    else:
        fed.feed(head(len(PIECE) * 5), *[PIECE] * 5)
    assert fed.exchange.complete and fed.idle
    assert fed.wire.reading
    assert fed.reuse()
    fed.request()
    assert fed.feed(head(2) + b"ok").result.body == b"ok"


def test_close_while_paused() -> None:
    """A connection that is closed while paused is not resumed, and its data can still be taken."""
    fed = full(2)
    fed.lost(ConnectionResetError(104, "reset"))
    assert fed.exchange.error is not None
    assert fed.exchange.take() == PIECE * 5


def test_request_on_a_closed_connection() -> None:
    """A request on a connection that was closed meanwhile fails at once, and writes nothing."""
    fed = Fed().feed(head(2) + b"ok")
    assert fed.reuse()
    fed.eof()  # the connection is granted, but the request was not sent yet
    assert fed.connection.closed
    written = bytes(fed.wire.written)
    fed.request()
    assert isinstance(fed.exchange.error, ServerDisconnectedError)
    assert fed.wire.written == written
    with pytest.raises(ClientConnectionResetError):
        fed.connection.send_body(b"more")
    fed.check_places()
