"""permessage-deflate (RFC 7692): compresses and decompresses messages."""

from __future__ import annotations

import zlib
from typing import Any

from ..body.zlib_backend import zlib_backend
from .messages import WebSocketError, WSCloseCode

_TRAILER = b"\x00\x00\xff\xff"
"""Ends every flushed block; it is not sent (RFC 7692 §7.2.1)."""
_EMPTY = b"\x00"
"""An empty message: one empty block (RFC 7692 §7.2.3.6)."""
_MAX_STREAMS = 16
"""The maximum number of deflate streams in a message. Senders that end the stream do so once."""
LOWEST_BITS, HIGHEST_BITS = 9, 15
"""Window sizes that zlib can compress with; the RFC also allows 8."""


class Deflater:
    """Compresses messages; with `takeover` a message may refer to those before it."""

    __slots__ = ("_bits", "_stream", "_takeover")

    def __init__(self, bits: int, takeover: bool) -> None:
        self._bits = bits
        self._takeover = takeover
        self._stream: Any = None

    def deflate(self, data: bytes, bits: int | None = None) -> bytes:
        """Compress a message; `bits` is a smaller window for this message only."""
        if not data:
            return _EMPTY
        stream = self._stream
        if stream is None or bits is not None:
            window = min(bits or self._bits, self._bits)
            stream = zlib_backend().compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -window)
        out: bytes = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
        # The peer's window now ends with a message that our stream has not seen, if that message
        # had a window of its own: the next one must begin without references.
        self._stream = stream if self._takeover and bits is None else None
        return out.removesuffix(_TRAILER)


class Inflater:
    """Decompresses messages up to a maximum size."""

    __slots__ = ("_stream", "_takeover")

    def __init__(self, takeover: bool) -> None:
        self._takeover = takeover
        self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)

    def inflate(self, data: bytes | memoryview, limit: int) -> bytes:
        """Decompress a message.

        Raises
        ------
        WebSocketError
            If the data is not valid, or the message is larger than `limit` bytes (0: no limit).
        """
        try:
            out = self._inflate(b"".join((data, _TRAILER)), limit)
        except zlib_backend().error as exc:
            raise WebSocketError(
                WSCloseCode.INVALID_TEXT, f"The compressed message is invalid: {exc}"
            ) from exc
        if not self._takeover:
            self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)
        return out

    def _inflate(self, rest: bytes, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for _ in range(_MAX_STREAMS):
            stream = self._stream
            part: bytes = stream.decompress(rest, limit - size + 1 if limit else 0)
            size += len(part)
            if limit and size > limit:
                raise WebSocketError(
                    WSCloseCode.MESSAGE_TOO_BIG,
                    f"Decompressed message exceeds size limit {limit}",
                )
            parts.append(part)
            if not stream.eof:  # a block may end the stream (RFC 7692 §7.2.3.4)
                return part if len(parts) == 1 else b"".join(parts)
            rest = stream.unused_data
            self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)
        raise WebSocketError(
            WSCloseCode.INVALID_TEXT, f"A compressed message of more than {_MAX_STREAMS} streams"
        )
