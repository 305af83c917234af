"""Payloads that are read from async iterables. They can be sent once."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any

from ..errors import ClientPayloadError
from .payload_base import Payload, Writer

__all__ = ["AsyncIterablePayload", "StreamReaderPayload"]


class AsyncIterablePayload(Payload):
    """Sends the pieces of an async iterable, which must be bytes. The size is not known."""

    _value: AsyncIterable[bytes]
    _autoclose = True
    _cached_chunks: list[bytes] | None = None

    def __init__(self, value: AsyncIterable[bytes], *args: Any, **kwargs: Any) -> None:
        if not isinstance(value, AsyncIterable):
            raise TypeError(
                "value argument must support collections.abc.AsyncIterable interface, "
                f"got {type(value)!r}"
            )
        if len(args) < 2:
            kwargs.setdefault("content_type", self._default_content_type)
        super().__init__(value, *args, **kwargs)

    async def write(self, writer: Writer) -> None:
        """Write each piece as it is yielded. ClientPayloadError if the iterable was used before."""
        if self._cached_chunks is not None:
            for chunk in self._cached_chunks:
                await writer.write(chunk)
            return
        self._begin()
        async for chunk in self._value:
            if chunk_bytes := self._checked(chunk):
                await writer.write(chunk_bytes)

    def _begin(self) -> None:
        if self._consumed:
            raise ClientPayloadError(
                f"The body was already read from {self._value!r}, which can be read only once"
            )
        self._consumed = True

    def _checked(self, chunk: Any) -> bytes:
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise TypeError(
                f"{self._value!r} yielded a {type(chunk).__name__}; a body must be bytes"
            )
        return chunk if isinstance(chunk, bytes) else bytes(chunk)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text, after `as_bytes` was awaited. TypeError before."""
        if self._cached_chunks is None:
            raise TypeError(f"{self._value!r} was not read yet; await as_bytes() first")
        return b"".join(self._cached_chunks).decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The content. It is kept in memory, so that the payload can be sent afterwards."""
        if self._cached_chunks is None:
            self._begin()
            self._cached_chunks = [self._checked(chunk) async for chunk in self._value]
            self._consumed = False
        return b"".join(self._cached_chunks)


class StreamReaderPayload(AsyncIterablePayload):
    """Sends a stream with ``iter_any``, such as the content of a response, as it arrives."""

    def __init__(self, value: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(value.iter_any(), *args, **kwargs)
