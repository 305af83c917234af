"""Bodies for exporters that were asked for them: limited, decoded, and as text where it is text."""

from __future__ import annotations

from codecs import getincrementaldecoder, lookup
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ..body.content_coding import decoder_for
from ..errors import ClientPayloadError

if TYPE_CHECKING:
    from ..trace.moments_exchange import (
        TraceRequestChunkSentParams,
        TraceResponseChunkReceivedParams,
    )
    from ..trace.record import Record

_TEXT_TYPES = ("application/json", "application/xml", "application/javascript")
_TEXT_ENDINGS = ("+json", "+xml")
_FORM = "application/x-www-form-urlencoded"


class Body(NamedTuple):
    """A body, or its beginning."""

    data: bytes
    """The bytes, with content codings undone."""
    text: str | None
    """The same as text; None if it is not text."""
    cut: bool
    """Whether there was more than the limit."""


class _Collected:
    """Pieces of one body, up to a limit."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.cut = False

    def add(self, chunk: bytes, limit: int) -> None:
        """Keep as much of a piece as there is room for."""
        room = limit - self.size
        if len(chunk) > room:
            self.cut, chunk = True, chunk[:room]
        if chunk:
            self.pieces.append(bytes(chunk))
            self.size += len(chunk)


class BodyCapture:
    """Collects the bodies of requests that have not ended, at most `limit` bytes of each."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._sent: dict[tuple[int | None, int], _Collected] = {}
        self._received: dict[tuple[int | None, int], _Collected] = {}

    def sent(self, event: TraceRequestChunkSentParams) -> None:
        """Keep a piece of a request's body."""
        key = (event.request_id, event.attempt)
        self._sent.setdefault(key, _Collected()).add(event.chunk, self.limit)

    def received(self, event: TraceResponseChunkReceivedParams) -> None:
        """Keep a piece of a response's body."""
        key = (event.request_id, event.attempt)
        self._received.setdefault(key, _Collected()).add(event.chunk, self.limit)

    def take(self, last: Record) -> dict[int, tuple[_Collected | None, _Collected | None]]:
        """What was collected of a request that has ended, by attempt: sent and received."""
        return {
            attempt: (
                self._sent.pop((last.request_id, attempt), None),
                self._received.pop((last.request_id, attempt), None),
            )
            for attempt in range(1, last.attempt + 1)
        }


def body_of(
    collected: _Collected | None, content_type: str, content_encoding: str, limit: int
) -> Body | None:
    """The body as a person reads it; None if nothing was collected."""
    if collected is None:
        return None
    data, cut = b"".join(collected.pieces), collected.cut
    with suppress(ClientPayloadError):  # what cannot be decoded is shown as it came
        if content_encoding and (decoder := decoder_for(content_encoding)) is not None:
            data = decoder.feed(data, limit)
            cut = cut or decoder.pending
            data, cut = data[:limit], cut or len(data) > limit
    return Body(data, _text_of(data, content_type, cut), cut)


def _text_of(data: bytes, content_type: str, cut: bool) -> str | None:
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    charset = _charset_of(parameters)
    if not (
        charset is not None
        or media_type.startswith("text/")
        or media_type in (*_TEXT_TYPES, _FORM)
        or media_type.endswith(_TEXT_ENDINGS)
    ):
        return None
    try:  # a limit may have cut a character
        return getincrementaldecoder(charset or "utf-8")().decode(data, not cut)
    except UnicodeDecodeError:
        return None


def _charset_of(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            with suppress(LookupError):
                return lookup(value.strip().strip('"')).name
    return None
