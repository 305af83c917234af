"""Server-sent events: the parser of event streams (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import NamedTuple

from ..errors import ClientPayloadError

__all__ = ["EventStreamParser", "ServerSentEvent", "iter_events"]

_BOM = b"\xef\xbb\xbf"
_MAX_EVENT_SIZE = 1 << 20


class ServerSentEvent(NamedTuple):
    """One event.

    `id` is that of the last event that had one. A client that reconnects sends it as Last-Event-ID.
    `retry` is the time in milliseconds to wait before that, if the server sent it with this event
    or with an event without data before it.
    """

    data: str
    event: str = "message"
    id: str = ""
    retry: int | None = None


class EventStreamParser:
    """Parses a stream of bytes, which may arrive in pieces of any size.

    :param max_event_size: the maximum size of an event and of a line, in bytes.
    :param last_event_id: the id to begin with, after a reconnection.
    """

    def __init__(self, *, max_event_size: int = _MAX_EVENT_SIZE, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        """Milliseconds to wait before a reconnection; None until the server sends them."""
        self._limit = max_event_size
        self._start: bytes | None = b""  # the first bytes, while they may be a byte order mark
        self._after_cr = False
        self._line: list[bytes] = []  # pieces of the incomplete line
        self._line_size = 0
        self._id = last_event_id
        self._data: list[str] = []
        self._event = ""
        self._retry: int | None = None
        self._size = 0  # bytes of the event's lines so far

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Parse the next bytes; returns the events that they complete.

        An event that is incomplete at the end of the stream is discarded.

        :raises ClientPayloadError: an event is larger than `max_event_size`.
        """
        return list(self.parse(data))

    def parse(self, data: bytes) -> Iterator[ServerSentEvent]:
        """Like `feed`, but yields the events before one that is too large."""
        lines = self._split(self._without_bom(data))
        for line in lines:
            if line:
                self._take_line(line)
            else:
                event = self._dispatch()
                if event is not None:
                    yield event
        if self._line_size + self._size > self._limit:
            raise ClientPayloadError(f"A server-sent event is larger than {self._limit} bytes")

    def _without_bom(self, data: bytes) -> bytes:
        if self._start is None:
            return data
        start = self._start + data
        if len(start) < len(_BOM) and _BOM.startswith(start):
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BOM)

    def _split(self, data: bytes) -> list[bytes]:
        """The lines that are complete, by CR, LF or CRLF. The rest is kept for the next line."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if not data:
            return []
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        rest = b"" if self._after_cr or data.endswith(b"\n") else lines.pop()
        if lines:
            lines[0] = b"".join((*self._line, lines[0]))
            self._line.clear()
            self._line_size = 0
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
        return lines

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b":"):
            return
        self._size += len(line)
        if self._size > self._limit:
            raise ClientPayloadError(f"A server-sent event is larger than {self._limit} bytes")
        field, _, value = line.decode("utf-8", "replace").partition(":")
        self._take_field(field, value.removeprefix(" "))

    def _take_field(self, field: str, value: str) -> None:
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit() and len(value) < 19:
            self._retry = self.retry = int(value)

    def _dispatch(self) -> ServerSentEvent | None:
        """The event that an empty line completes; None if it has no data."""
        self.last_event_id = self._id
        event = None
        if self._data:
            data = "\n".join(self._data)
            name = self._event or "message"
            event = ServerSentEvent(data, name, self.last_event_id, self._retry)
            self._retry = None
        self._clear()
        return event

    def _clear(self) -> None:
        self._data = []
        self._event = ""
        self._size = 0


async def iter_events(
    chunks: AsyncIterable[bytes], *, max_event_size: int = _MAX_EVENT_SIZE
) -> AsyncIterator[ServerSentEvent]:
    """The events of a body.

    :raises ClientPayloadError: an event is larger than `max_event_size` bytes.
    """
    parser = EventStreamParser(max_event_size=max_event_size)
    async for chunk in chunks:
        for event in parser.parse(chunk):
            yield event
