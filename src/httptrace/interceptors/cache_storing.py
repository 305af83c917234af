"""Storing a response while the program reads it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..cache.entry import Entry
from ..cache.ranges import combined, content_span
from ..cache.storing import key_of, selecting, why_not_stored
from ..cache.validation import stored_fields
from ..trace.events import TraceCacheStoredParams

if TYPE_CHECKING:
    from ..cache.fields import Directives
    from ..cache.store import CacheStore, Writer
    from ..call.call import Call
    from ..call.exchange import Exchange

_MOST_COMBINED = 16 << 20
"""Parts up to this size are kept in memory until they are stored."""


def begin_storing(
    store: CacheStore,
    call: Call[Any],
    directives: Directives,
    selected: list[Entry],
    asked: float,
    answered: float,
) -> None:
    """Store the response of the call's exchange when its whole body has come, if it may be."""
    exchange = call.exchange
    entry = _entry_of(call, exchange, asked, answered)
    if exchange.dropped or exchange.error is not None:
        return
    if why_not_stored(call.method, directives, entry) is not None:
        return
    entry.vary = selecting(entry, call.request_headers)
    length, most = entry.headers.get("Content-Length", ""), store.max_bytes
    if length.isdecimal() and int(length) > most:
        return
    writer: Writer
    if entry.status == 206:
        entry.span = content_span(entry.headers.get("Content-Range"))
        writer, most = _PartWriter(store, entry, selected), min(most, _MOST_COMBINED)
    else:
        writer = store.writer(entry)
    taking = _Taking(writer, entry, exchange, most)
    for piece in exchange.chunks:
        taking.take(piece)
    if exchange.complete:
        taking.end_at(0)  # other events were told or noted since the body ended
        return
    exchange.chunks = _Chunks(exchange.chunks, taking)
    exchange.on_complete = exchange.on_complete or []
    exchange.at_end = taking.end


def _entry_of(call: Call[Any], exchange: Exchange, asked: float, answered: float) -> Entry:
    fields = stored_fields(exchange.raw_headers)
    return Entry(
        key_of(call.target.url),
        exchange.status,
        exchange.reason,
        exchange.http_version,
        fields,
        asked,
        answered,
        {},
    )


class _Chunks(list[bytes]):
    """The received pieces of a body: what is appended is also stored."""

    __slots__ = ("_taking",)

    def __init__(self, pieces: list[bytes], taking: _Taking) -> None:
        super().__init__(pieces)
        self._taking = taking

    def append(self, piece: bytes) -> None:
        """Add a piece."""
        super().append(piece)
        self._taking.take(piece)


class _Taking:
    """Passes a body on to the store, and ends that when the body ends."""

    def __init__(self, writer: Writer, entry: Entry, exchange: Exchange, most: int) -> None:
        self._writer: Writer | None = writer
        self._entry = entry
        self._exchange: Exchange | None = exchange
        self._most = most
        self._size = 0

    def take(self, piece: bytes) -> None:
        """Take a piece, unless the body is too large for the store."""
        if self._writer is None or not piece:
            return
        self._size += len(piece)
        if self._size > self._most:
            self._drop()
        else:
            self._writer.write(piece)

    def end(self) -> None:
        """The response is complete: store it, if every piece was taken."""
        if self._exchange is not None:
            self.end_at(self._exchange.end_ns)

    def end_at(self, time_ns: int) -> None:
        """Do the same; `time_ns` is the time of the event, 0 for now."""
        exchange, writer = self._exchange, self._writer
        assert exchange is not None
        exchange.at_end = self._exchange = None  # they refer to each other
        if writer is None or exchange.body_received != self._size or not self._fits():
            self._drop()
            return
        self._writer = None
        writer.commit()
        if exchange.trace is not None:
            lifetime = self._entry.lifetime
            reason = f"it is fresh for {lifetime.seconds:.0f} s by {lifetime.source}"
            data = (time_ns, self._size, reason)
            exchange.trace.note(TraceCacheStoredParams, exchange, *data)

    def _fits(self) -> bool:
        """Whether the body has the length that the head tells (RFC 9111 §3.3)."""
        span, length = self._entry.span, self._entry.headers.get("Content-Length")
        if span is not None and self._size != span.last - span.first + 1:
            return False
        return length is None or not length.isdecimal() or int(length) == self._size

    def _drop(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.drop()

    def __del__(self) -> None:
        with suppress(RuntimeError):  # the interpreter ends
            self._drop()


class _PartWriter:
    """Combines a part with what is stored of the same representation (RFC 9111 §3.4)."""

    def __init__(self, store: CacheStore, entry: Entry, selected: list[Entry]) -> None:
        self._store = store
        self._entry = entry
        self._selected = selected
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        """Keep a piece."""
        self._pieces.append(piece)

    def commit(self) -> None:
        """Store the part, with those that it touches."""
        entry, body = self._entry, b"".join(self._pieces)
        for old in self._selected:
            both = None if old.body is None else combined(old, old.body, entry, body)
            if both is not None:
                entry.span, body = both
        if (span := entry.span) is not None:
            entry = _of_span(entry, len(body) == span.total)
        writer = self._store.writer(entry)
        writer.write(body)
        writer.commit()

    def drop(self) -> None:
        """Keep nothing."""
        self._pieces = []


def _of_span(entry: Entry, is_whole: bool) -> Entry:
    """The entry with the fields of its part, or of the whole."""
    names = (b"content-range", b"content-length")
    fields = [pair for pair in entry.fields if pair[0].lower() not in names]
    span = entry.span
    assert span is not None
    if not is_whole:
        told = f"bytes {span.first}-{span.last}/{span.total}".encode()
        fields.append((b"Content-Range", told))
    fields.append((b"Content-Length", b"%d" % (span.last - span.first + 1)))
    status, reason = (200, "OK") if is_whole else (entry.status, entry.reason)
    times = entry.request_time, entry.response_time
    part = None if is_whole else span
    return Entry(entry.key, status, reason, entry.version, fields, *times, entry.vary, part)
