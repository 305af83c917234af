"""Payloads in memory: bytes, text, JSON. They can be sent any number of times."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

from ..headers.mime import charset_of
from .payload_base import Payload, Writer

__all__ = ["BytesPayload", "JsonBytesPayload", "JsonPayload", "StringIOPayload", "StringPayload"]

# Large bodies are written in pieces, so that progress and backpressure are seen.
_PIECE = 1 << 18


class BytesPayload(Payload):
    """Sends bytes."""

    _value: bytes | bytearray | memoryview
    _autoclose = True

    def __init__(self, value: bytes | bytearray | memoryview, *args: Any, **kwargs: Any) -> None:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise TypeError(f"value argument must be byte-ish, not {type(value)!r}")
        if len(args) < 2:
            kwargs.setdefault("content_type", self._default_content_type)
        super().__init__(value, *args, **kwargs)
        self._size = value.nbytes if isinstance(value, memoryview) else len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return bytes(self._value).decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes."""
        return bytes(self._value)

    async def write(self, writer: Writer) -> None:
        """Write the bytes, in pieces if there are many."""
        await self._write(writer, self._size)

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write at most `content_length` of the bytes."""
        await self._write(writer, self._size if content_length is None else content_length)

    async def _write(self, writer: Writer, length: int | None) -> None:
        if self._size is not None and self._size <= _PIECE and length == self._size:
            await writer.write(self._value)
            return
        view = memoryview(self._value).cast("B")[:length]
        for start in range(0, len(view), _PIECE):
            await writer.write(view[start : start + _PIECE])


class StringPayload(BytesPayload):
    """Sends text in `encoding`. The default is the charset of `content_type`, or UTF-8."""

    def __init__(
        self,
        value: str,
        *args: Any,
        encoding: str | None = None,
        content_type: str | None = None,
        **kwargs: Any,
    ) -> None:
        encoding, content_type = text_type(encoding, content_type)
        super().__init__(
            value.encode(encoding), *args, encoding=encoding, content_type=content_type, **kwargs
        )


def text_type(encoding: str | None, content_type: str | None) -> tuple[str, str]:
    """The encoding and the content type of text, of which one or both may be None."""
    if content_type is None:
        encoding = encoding or "utf-8"
        return encoding, f"text/plain; charset={encoding}"
    return encoding or charset_of(content_type) or "utf-8", content_type


class StringIOPayload(StringPayload):
    """Sends the text of an `io.StringIO` from its position on."""

    def __init__(self, value: IO[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(value.read(), *args, **kwargs)


class JsonPayload(BytesPayload):
    """Sends a value as JSON. `dumps` returns text."""

    def __init__(
        self,
        value: Any,
        encoding: str = "utf-8",
        content_type: str = "application/json",
        dumps: Callable[[Any], str] = json.dumps,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        text = dumps(value).encode(encoding)
        super().__init__(text, *args, content_type=content_type, encoding=encoding, **kwargs)


class JsonBytesPayload(BytesPayload):
    """Sends a value as JSON. `dumps` returns bytes."""

    def __init__(
        self,
        value: Any,
        dumps: Callable[[Any], bytes],
        content_type: str = "application/json",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(dumps(value), *args, content_type=content_type, **kwargs)
