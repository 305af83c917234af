"""Content codings (RFC 9110 section 8.4): decoding in bounded steps, and encoding.

A decoder gets a body in pieces as they arrive, and returns decoded bytes in pieces of about the
size that the reader asked for. A small body that decodes to a gibibyte is never whole in memory::

    decoder = decoder_for(headers["Content-Encoding"])
    for data in received:
        use(decoder.feed(data, 65536))
        while decoder.pending:
            use(decoder.feed(b"", 65536))
    decoder.finish()
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from functools import cache

from ..errors import ClientPayloadError
from .coding_engines import GZIP_WBITS, Engine, MissingLibrary, available, engine, library
from .zlib_backend import zlib_backend

__all__ = [
    "CODINGS",
    "Decoder",
    "Encoder",
    "available_codings",
    "codings_of",
    "decoder_for",
    "encoder_for",
]

CODINGS = ("gzip", "deflate", "br", "zstd")
MAX_LAYERS = 5
# Engines get pieces of this size: an engine copies the part of a piece that it does not use.
_PIECE = 16384
# How many pieces in a row one coding may decode to while the next coding returns nothing.
_ROUNDS = 64
# A member or frame takes microseconds to decode and may be empty. A body may have _MOST_MEMBERS,
# and one more for each _MEMBER_SIZE decoded bytes. Real writers append far fewer.
_MOST_MEMBERS, _MEMBER_SIZE = 4096, 16


class Decoder:
    """Decodes a body of one content coding, or of several that were applied in a row.

    `coding` is the name; `pending` is true while ``feed(b"", ...)`` can return more.
    """

    __slots__ = ("coding", "pending")

    def __init__(self, coding: str) -> None:
        self.coding = coding
        self.pending = False

    def feed(self, data: bytes, max_length: int) -> bytes:
        """Decode `data`; return about `max_length` bytes at most.

        `pending` is true afterwards if there is more output. Raises ClientPayloadError, which
        names the coding, for malformed bytes.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Check at the end of the body, once `pending` is false, that the stream is complete.

        Raises ClientPayloadError if it is not. A body without any bytes is complete: the response
        to a HEAD request names a coding, too.
        """
        raise NotImplementedError


class _Single(Decoder):
    __slots__ = ("_decoded", "_engine", "_inputs", "_members", "_rest")

    def __init__(self, coding: str) -> None:
        super().__init__(coding)
        self._engine: Engine | None = None
        self._rest = b""
        self._inputs: deque[bytes] | None = None
        self._members = self._decoded = 0

    def feed(self, data: bytes, max_length: int) -> bytes:
        out = b""
        if not self.pending and len(data) <= _PIECE:
            if not data:
                return b""
            out = self._decode(data, max_length)
            if not self._rest and not self._engine.more:  # type: ignore[union-attr]
                return out
        else:
            self._queue(data)
        return self._drain(out, max_length - len(out))

    def _drain(self, out: bytes, room: int) -> bytes:
        parts = [out]
        while room > 0 and (piece := self._next()) is not None:
            out = self._decode(piece, room)
            parts.append(out)
            room -= len(out)
        current = self._engine
        self.pending = bool(self._rest or self._inputs or (current is not None and current.more))
        return b"".join(parts)

    def finish(self) -> None:
        current = self._engine
        if current is not None and not current.ended:
            raise ClientPayloadError(f"The body ends in the middle of its {self.coding} stream")

    def _queue(self, data: bytes) -> None:
        if self._inputs is None:
            self._inputs = deque()
        self._inputs.extend(data[at : at + _PIECE] for at in range(0, len(data), _PIECE))

    def _next(self) -> bytes | None:
        """The next input of the engine; None if more must arrive first."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        if self._engine is not None and self._engine.more:
            return b""
        return self._inputs.popleft() if self._inputs else None

    def _decode(self, data: bytes, limit: int) -> bytes:
        current = self._engine
        if current is None or current.ended:
            if current is not None:
                data = self._after_end(data)
                if not data:
                    return b""
            current = self._engine = self._new_engine()
        try:
            out = current.decode(data, limit)
        except current.errors as error:
            text = f"The body is not valid {self.coding}: {error}"
            raise ClientPayloadError(text) from error
        self._rest = current.rest
        self._decoded += len(out)
        return out

    def _new_engine(self) -> Engine:
        self._members += 1
        if self._members > _MOST_MEMBERS + self._decoded // _MEMBER_SIZE:
            raise ClientPayloadError(f"The {self.coding} stream has too many empty members")
        try:
            return engine(self.coding)
        except MissingLibrary as error:
            text = f"A body in {self.coding} cannot be decoded: {error}"
            raise ClientPayloadError(text) from None

    def _after_end(self, data: bytes) -> bytes:
        # RFC 1952 section 2.2, RFC 8878 section 3.1: there may be several members or frames. Some
        # writers of gzip append zeros.
        if self.coding == "gzip":
            return data.lstrip(b"\0")
        if self.coding == "zstd":
            return data
        raise ClientPayloadError(f"Bytes follow the end of the {self.coding} stream")


class _Stack(Decoder):
    """Several codings. The layers are in the order in which they decode."""

    __slots__ = ("_layers",)

    def __init__(self, coding: str, layers: list[Decoder]) -> None:
        super().__init__(coding)
        self._layers = layers

    def feed(self, data: bytes, max_length: int) -> bytes:
        out = b""
        if data:
            out = self._push(self._layers[0].feed(data, min(max_length, _PIECE)), 1, max_length)
        for _ in range(_ROUNDS):
            # The last layer with output goes first, so that little is buffered between layers.
            at = max((i for i, layer in enumerate(self._layers) if layer.pending), default=-1)
            self.pending = at >= 0
            if out or not self.pending:
                return out
            last = at == len(self._layers) - 1
            piece = self._layers[at].feed(b"", max_length if last else min(max_length, _PIECE))
            out = self._push(piece, at + 1, max_length)
        raise ClientPayloadError(
            f"The body's codings ({self.coding}) decode to nothing for too long"
        )

    def _push(self, data: bytes, start: int, max_length: int) -> bytes:
        """Decode `data` by the layers from `start` on; returns the output of the last one."""
        last = len(self._layers) - 1
        for at in range(start, last + 1):
            if not data:
                break
            data = self._layers[at].feed(data, max_length if at == last else _PIECE)
        return data

    def finish(self) -> None:
        for layer in self._layers:
            layer.finish()


def decoder_for(content_encoding: str) -> Decoder | None:
    """The decoder for a Content-Encoding header; None if the body is not decoded.

    It is None if the header is empty, names only ``identity``, or names a coding that is not
    supported (as in aiohttp). Raises ClientPayloadError for more than five codings.
    """
    coding = content_encoding.strip().lower()
    if coding in CODINGS:
        return _Single(coding)
    names = codings_of(content_encoding)
    if not names or any(name not in CODINGS for name in names):
        return None
    if len(names) > MAX_LAYERS:
        raise ClientPayloadError(f"The body has {len(names)} content codings, more than 5")
    layers: list[Decoder] = [_Single(name) for name in reversed(names)]
    return layers[0] if len(layers) == 1 else _Stack(", ".join(names), layers)


def codings_of(content_encoding: str) -> list[str]:
    """The names in a Content-Encoding header, in the order in which the codings were applied.

    ``identity``, which changes nothing, is left out; ``x-gzip`` is ``gzip``.
    """
    names = [name.strip() for name in content_encoding.lower().split(",")]
    return [_ALIASES.get(name, name) for name in names if name not in ("", "identity")]


# RFC 9110 section 8.4.1.3
_ALIASES = {"x-gzip": "gzip"}


@cache
def available_codings() -> tuple[str, ...]:
    """The codings whose libraries are installed, in the order of the default Accept-Encoding."""
    return tuple(coding for coding in CODINGS if available(coding))


class Encoder:
    """Encodes a body piece by piece. `flush` ends it."""

    __slots__ = ("_encode", "_flush", "coding")

    def __init__(
        self, coding: str, encode: Callable[[bytes], bytes], flush: Callable[[], bytes]
    ) -> None:
        self.coding = coding
        self._encode = encode
        self._flush = flush

    def encode(self, data: bytes) -> bytes:
        """Encode `data`; returns encoded bytes, which may be empty."""
        return self._encode(data)

    def flush(self) -> bytes:
        """The rest of the encoded body."""
        return self._flush()


def encoder_for(coding: str) -> Encoder:
    """A new encoder for ``gzip``, ``deflate``, ``br`` or ``zstd``.

    Raises ValueError for another name, and if the library of ``br`` or ``zstd`` is not installed.
    """
    name = coding.strip().lower()
    if name == "gzip" or name == "deflate":
        deflater = zlib_backend().compressobj(
            wbits=GZIP_WBITS if name == "gzip" else zlib.MAX_WBITS
        )
        return Encoder(name, deflater.compress, deflater.flush)
    if name not in CODINGS:
        accepted = ", ".join(available_codings())
        raise ValueError(
            f"{coding!r} is not a content coding that can be sent; these are: {accepted}"
        )
    try:
        module = library(name)
    except MissingLibrary as error:
        raise ValueError(f"A body cannot be encoded in {name}: {error}") from None
    if name == "br":
        inner = module.Compressor(quality=_BROTLI_QUALITY)
        return Encoder(name, inner.process, inner.finish)
    inner = module.ZstdCompressor()
    if hasattr(inner, "compressobj"):  # the zstandard package
        inner = inner.compressobj()
    return Encoder(name, inner.compress, inner.flush)


# The library's default is 11, which is a hundred times slower and meant for static files.
_BROTLI_QUALITY = 5
