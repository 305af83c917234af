"""permessage-deflate (RFC 7692): messages compressed and inflated."""

from __future__ import annotations

import zlib
from typing import Any

from ..body.zlib_backend import zlib_backend
from .messages import WebSocketError, WSCloseCode

_TRAILER = b"\x00\x00\xff\xff"
"""The end of every flushed block, which is left out on the wire (RFC 7692 §7.2.1)."""
_EMPTY = b"\x00"
"""An empty message: a block without content (RFC 7692 §7.2.3.6)."""
_MOST_STREAMS = 16
"""How often one message may end its stream and begin another: senders that do, do so once."""
LOWEST_BITS, HIGHEST_BITS = 9, 15
"""Window sizes that zlib can write; the RFC has 8 as well."""


class Deflater:
    """Compresses messages; with `takeover` each one may refer to those before it."""

    __slots__ = ("_bits", "_stream", "_takeover")

    def __init__(self, bits: int, takeover: bool) -> None:
        self._bits = bits
        self._takeover = takeover
        self._stream: Any = None

    def deflate(self, data: bytes, bits: int | None = None) -> bytes:
        """One message; `bits` is a smaller window for this one alone."""
        if not data:
            return _EMPTY
        stream = self._stream
        if stream is None or bits is not None:
            window = min(bits or self._bits, self._bits)
            stream = zlib_backend().compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -window)
        out: bytes = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
        # A message with a window of its own lies between the others in the peer's history:
        # the next one must not refer to what came before it.
        self._stream = stream if self._takeover and bits is None else None
        return out.removesuffix(_TRAILER)


class Inflater:
    """Inflates messages, no further than they may grow."""

    __slots__ = ("_stream", "_takeover")

    def __init__(self, takeover: bool) -> None:
        self._takeover = takeover
        self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)

    def inflate(self, data: bytes | memoryview, most: int) -> bytes:
        """One message.

        Raises
        ------
        WebSocketError
            If it is not compressed data, or would be larger than `most` bytes (0: no limit).
        """
        try:
            out = self._inflate(b"".join((data, _TRAILER)), most)
        except zlib_backend().error as exc:
            raise WebSocketError(
                WSCloseCode.INVALID_TEXT, f"The compressed message is damaged: {exc}"
            ) from exc
        if not self._takeover:
            self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)
        return out

    def _inflate(self, rest: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for _ in range(_MOST_STREAMS):
            stream = self._stream
            part: bytes = stream.decompress(rest, most - size + 1 if most else 0)
            size += len(part)
            if most and size > most:
                raise WebSocketError(
                    WSCloseCode.MESSAGE_TOO_BIG,
                    f"Decompressed message exceeds size limit {most}",
                )
            parts.append(part)
            if not stream.eof:  # which the last block of a stream may set (RFC 7692 §7.2.3.4)
                return part if len(parts) == 1 else b"".join(parts)
            rest = stream.unused_data
            self._stream = zlib_backend().decompressobj(-HIGHEST_BITS)
        raise WebSocketError(
            WSCloseCode.INVALID_TEXT, f"A compressed message of over {_MOST_STREAMS} streams"
        )
