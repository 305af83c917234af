"""Responses that the cache makes: from what is stored, and 504."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cache.ranges import stored_span
from ..cache.validation import CONDITIONS, not_modified
from ..call.stored import answer
from ..trace.events import (
    TraceCacheHitParams,
    TraceCacheMissParams,
    TraceCacheRevalidatedParams,
)
from ..trace.record import CacheFacts

if TYPE_CHECKING:
    from ..cache.entry import Entry, Span
    from ..cache.policy import Use
    from ..cache.store import CacheStore
    from ..call.call import Call
    from ..call.stored import StoredBody
    from ..headers.head import RawHeaders
    from ..response.response import ClientResponse

_NOT_IN_304 = frozenset({b"content-length", b"content-encoding", b"content-type", b"content-range"})
_LENGTHS = frozenset({b"content-length", b"content-range"})


async def answer_from(
    store: CacheStore, call: Call[Any], use: Use, state: Any
) -> ClientResponse | None:
    """The response from a stored one; None if its body is no longer there."""
    entry, headers = use.entry, call.request_headers
    status, reason, fields = entry.status, entry.reason, entry.fields
    body: bytes | StoredBody = b""
    if any(name in headers for name in CONDITIONS) and status == 200:
        if not_modified(entry, headers):
            status, reason = 304, "Not Modified"
            fields = _without(fields, _NOT_IN_304)
    if status != 304 and call.method != "HEAD":
        found = entry.body
        if found is None:
            reader = await store.read(entry)
            if reader is None:
                return None
            body = reader
        else:
            body = found
        if use.span is not None:
            status, reason = 206, "Partial Content"
            fields, body = _part(entry, use.span, body)
    age = int(use.age)
    if state == "revalidated":
        fields = [*fields] if b"Age" in dict(fields) else fields
    else:
        fields = [*_without(fields, frozenset({b"age"})), (b"Age", b"%d" % age)]
    if call.exchange.trace is not None:  # what was noted belongs to the attempt before
        await call.exchange.trace.flush()
    exchange = answer(call, status, reason, entry.version, fields, body)
    exchange.cache = CacheFacts(state, use.reason, use.age)
    if exchange.trace is not None:
        if state == "revalidated":
            data: tuple[object, ...] = (use.age, use.reason)
            exchange.trace.note(TraceCacheRevalidatedParams, exchange, exchange.head_ns, *data)
        else:
            data = (use.age, use.stale, use.reason)
            exchange.trace.note(TraceCacheHitParams, exchange, exchange.head_ns, *data)
    response: ClientResponse = call.core.new_response(call, exchange)
    return response


def refuse(call: Call[Any], reason: str) -> ClientResponse:
    """The response 504 to a request that only a stored response may answer."""
    fields = [(b"Content-Length", b"0")]
    exchange = answer(call, 504, "Gateway Timeout", "1.1", fields, b"")
    exchange.cache = CacheFacts("refused", reason)
    if exchange.trace is not None:
        exchange.trace.note(TraceCacheMissParams, exchange, exchange.head_ns, reason)
    response: ClientResponse = call.core.new_response(call, exchange)
    return response


def _without(fields: RawHeaders, names: frozenset[bytes]) -> RawHeaders:
    return [pair for pair in fields if pair[0].lower() not in names]


def _part(
    entry: Entry, span: Span, body: bytes | StoredBody
) -> tuple[RawHeaders, bytes | StoredBody]:
    """The fields and the body of a 206 from a stored response (RFC 9110 §15.3.7)."""
    skipped, length = span.first - stored_span(entry).first, span.last - span.first + 1
    told = f"bytes {span.first}-{span.last}/{span.total}".encode()
    fields = _without(entry.fields, _LENGTHS)
    fields += [(b"Content-Range", told), (b"Content-Length", b"%d" % length)]
    if isinstance(body, bytes):
        return fields, body[skipped : skipped + length]
    return fields, _Slice(body, skipped, length)


class _Slice:
    """A part of a body that is read piece by piece."""

    def __init__(self, body: StoredBody, skipped: int, length: int) -> None:
        self._body = body
        self._skipped = skipped
        self._left = length

    async def next(self) -> bytes:
        """The next piece."""
        while self._left:
            piece = await self._body.next()
            if not piece:
                return b""
            passed = min(self._skipped, len(piece))
            self._skipped -= passed
            if part := piece[passed : passed + self._left]:
                self._left -= len(part)
                return part
        self.close()
        return b""

    def close(self) -> None:
        """Read no more."""
        self._body.close()
