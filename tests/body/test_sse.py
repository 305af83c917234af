from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptrace.body.sse import EventStreamParser, ServerSentEvent, iter_events
from httptrace.errors import ClientPayloadError


def events(stream: bytes) -> list[ServerSentEvent]:
    return EventStreamParser().feed(stream)


def data(stream: bytes) -> list[str]:
    return [event.data for event in events(stream)]


def test_all_fields() -> None:
    """An event has the data, name, id and retry of its lines."""
    stream = b"event: add\ndata: 1\nid: 7\nretry: 1500\n\n"
    assert events(stream) == [ServerSentEvent("1", "add", "7", 1500)]


def test_examples_of_the_standard() -> None:
    """The examples of WHATWG HTML, section 9.2.6, give the events that it describes."""
    assert data(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]
    stream = (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event"
    )
    assert [(e.data, e.id) for e in events(stream + b"\n\n")] == [
        ("first event", "1"),
        ("second event", ""),
        (" third event", ""),
    ]
    assert data(stream) == ["first event", "second event"]
    assert data(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]
    assert data(b"data:test\n\ndata: test\n\n") == ["test", "test"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_ends_of_lines(end: bytes) -> None:
    """Lines end by LF, CR or CRLF."""
    assert data(end.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])) == ["a\nb", "c"]


def test_mixed_ends_of_lines() -> None:
    """CR and LF in two pieces are one line end if they are a CRLF."""
    assert data(b"data: a\r\n\ndata: b\n\rdata: c\r\r") == ["a", "b", "c"]


def test_byte_order_mark() -> None:
    """One byte order mark at the beginning is skipped; a second one is part of a field's name."""
    assert data(b"\xef\xbb\xbfdata: a\n\n") == ["a"]
    assert data(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n") == []
    assert data(b"data: a\n\n\xef\xbb\xbfdata: b\n\n") == ["a"]
    assert data(b"\xef\xbbdata: a\n\ndata: b\n\n") == ["b"]


def test_event_without_data_is_none() -> None:
    """Without data there is no event: its name is dropped, its id and retry are kept."""
    parser = EventStreamParser()
    assert parser.feed(b"event: x\nid: 5\nretry: 9\n\n") == []
    assert (parser.last_event_id, parser.retry) == ("5", 9)
    assert parser.feed(b"data: a\n\n") == [ServerSentEvent("a", "message", "5", 9)]
    assert parser.feed(b"data: b\n\n") == [ServerSentEvent("b", "message", "5", None)]


def test_id_stays_until_another_comes() -> None:
    """Events have the last id; an id with NUL is ignored, an empty one resets it."""
    stream = b"id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\nid\ndata: d\n\n"
    assert [event.id for event in events(stream)] == ["1", "1", "1", ""]


def test_id_to_begin_with() -> None:
    """After a reconnection the parser begins with the id that was sent."""
    (event,) = EventStreamParser(last_event_id="9").feed(b"data: a\n\n")
    assert event.id == "9"


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "", "٣", "9" * 5000])
def test_retry_that_is_no_number(value: str) -> None:
    """A retry that is not all digits is ignored."""
    (event,) = events(f"retry:{value}\ndata: a\n\n".encode())
    assert event.retry is None


def test_unknown_fields_and_comments() -> None:
    """Comments, unknown names and names in another case are ignored."""
    assert data(b": hi\nData: no\nfoo: bar\n:\ndata: yes\ndata : no\n\n") == ["yes"]


def test_broken_utf8_is_replaced() -> None:
    """Bytes that are not UTF-8 become replacement characters, also if they are split."""
    parser = EventStreamParser()
    assert parser.feed(b"data: \xe2\x82") == []
    assert parser.feed(b"\xac \xff\n\n") == [ServerSentEvent("€ \ufffd")]


STREAM = (
    "\ufeffid: é1\r\ndata: €\rdata: b\n\nevent: x\rretry: 5\r\n: c\r\ndata\r\r\n\ndata: z\n\n"
).encode()


def test_split_at_every_byte() -> None:
    """However the stream is split, the events are the same."""
    whole = events(STREAM)
    assert [event.data for event in whole] == ["€\nb", "", "z"]
    for at in range(len(STREAM) + 1):
        parser = EventStreamParser()
        assert parser.feed(STREAM[:at]) + parser.feed(STREAM[at:]) == whole
    parser = EventStreamParser()
    assert [event for byte in STREAM for event in parser.feed(bytes([byte]))] == whole


@given(st.lists(st.sampled_from([b"\r", b"\n", b"data", b":", b" ", b"id", b"\xef\xbb\xbf", b"x"])))
def test_split_anywhere(pieces: list[bytes]) -> None:
    """For any bytes, splitting them does not change the events."""
    parser = EventStreamParser()
    assert [e for piece in pieces for e in parser.feed(piece)] == events(b"".join(pieces))


@pytest.mark.parametrize(
    "chunk", [b"x", b"data: " + b"x" * 50 + b"\n", b"data\n", b"id: " + b"x" * 10 + b"\n"]
)
def test_event_that_is_too_large(chunk: bytes) -> None:
    """An event or line above the limit is an error before it is complete."""
    parser = EventStreamParser(max_event_size=1000)
    with pytest.raises(ClientPayloadError, match="1000 bytes"):
        for _ in range(2000):
            parser.feed(chunk)


def test_many_events_and_comments_are_not_too_large() -> None:
    """The limit applies to one event: any number of small events and comments is accepted."""
    parser = EventStreamParser(max_event_size=100)
    assert len(parser.feed(b"data: 1\n\n: keep-alive\n" * 1000)) == 1000
    assert parser.feed(b": keep-alive\n" * 1000) == []


def test_long_line_in_small_pieces_is_quick() -> None:
    """A line that arrives byte by byte is joined only once."""
    parser = EventStreamParser()
    for _ in range(200_000):
        parser.feed(b"x")
    assert parser.feed(b"\ndata: a\n\n") == [ServerSentEvent("a")]


async def test_iteration_over_chunks() -> None:
    """Events are yielded as soon as their chunk has arrived, also before one that is too large."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"data: 1\n\nda"
        yield b"ta: 2\n\ndata: 3\n\ndata: " + b"x" * 200

    stream = iter_events(chunks(), max_event_size=100)
    assert [(await anext(stream)).data for _ in range(3)] == ["1", "2", "3"]
    with pytest.raises(ClientPayloadError):
        await anext(stream)
