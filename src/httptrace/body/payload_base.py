"""`Payload`, the base class of everything that is sent as a body, and its registry."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from multidict import CIMultiDict

from ..headers.mime import OCTET_STREAM, TOKEN
from .disposition import content_disposition_header
from .stream_writer import PayloadWriter

__all__ = [
    "PAYLOAD_REGISTRY",
    "LookupError",
    "Order",
    "Payload",
    "PayloadRegistry",
    "Writer",
    "get_payload",
    "needs_close",
    "payload_type",
    "register_payload",
    "serialized_headers",
]

_Headers = CIMultiDict[str] | dict[str, str] | Iterable[tuple[str, str]] | None
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class LookupError(Exception):
    """No payload class is registered for the type of a value."""


class Order(StrEnum):
    """When the registry tries a payload class: before, among or after the others."""

    normal = "normal"
    try_first = "try_first"
    try_last = "try_last"


class Writer(Protocol):
    """What a payload writes to. `write` returns when more can be written."""

    async def write(self, data: Any, /) -> Any:
        """Write `data`, a bytes-like object."""
        ...


def serialized_headers(headers: CIMultiDict[str]) -> bytes:
    """The headers of a part of a multipart body as bytes (RFC 2046 section 5.1).

    Raises ValueError for a name that is not a token, and for control characters in a value.
    """
    for name, value in headers.items():
        if TOKEN.match(name) is None:
            raise ValueError(f"{name!r} is not a valid name of a header")
        if _FORBIDDEN.search(value) is not None:
            raise ValueError(f"The header {name} has control characters")
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return ("".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


class _LimitedWriter(PayloadWriter):
    """Passes on the first `left` bytes and drops the rest."""

    def __init__(self, writer: Writer, left: int) -> None:
        self._writer = writer
        self._left = left

    async def write(self, data: Any, /) -> None:
        """Write as many bytes as are left."""
        view = memoryview(data).cast("B")[: self._left]
        if len(view):
            self._left -= len(view)
            await self._writer.write(view)


class Payload(ABC):
    """A body to send, or a part of one (aiohttp's documentation, "Payload").

    A subclass implements `write` and `decode`, passes its value to ``__init__``, and sets ``_size``
    if the size is known.
    """

    _default_content_type: str = OCTET_STREAM
    _size: int | None = None
    _consumed: bool = False
    _autoclose: bool = False

    def __init__(
        self,
        value: Any,
        headers: _Headers = None,
        content_type: str | None = None,
        filename: str | None = None,
        encoding: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._value = value
        self._encoding = encoding
        self._filename = filename
        self._headers: CIMultiDict[str] = CIMultiDict()
        if content_type is None:
            content_type = self._guess_content_type()
        self._headers["Content-Type"] = content_type
        self._headers.update(headers or {})

    def _guess_content_type(self) -> str:
        if self._filename is None:
            return self._default_content_type
        import mimetypes

        return mimetypes.guess_type(self._filename)[0] or self._default_content_type

    @property
    def size(self) -> int | None:
        """Bytes that `write` will write; None if unknown."""
        return self._size

    @property
    def filename(self) -> str | None:
        """The name of the file that the content comes from."""
        return self._filename

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers that describe the content."""
        return self._headers

    @property
    def _binary_headers(self) -> bytes:
        return serialized_headers(self.headers)

    @property
    def encoding(self) -> str | None:
        """The charset of text."""
        return self._encoding

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        return self._headers["Content-Type"]

    @property
    def consumed(self) -> bool:
        """Whether the content was read and cannot be read again."""
        return self._consumed

    @property
    def autoclose(self) -> bool:
        """Whether there is nothing to close: `close` need not be called."""
        return self._autoclose

    @property
    def can_resend(self) -> bool:
        """Whether `write` can write the content, also after it did so."""
        return not self.consumed

    def set_content_disposition(
        self,
        disptype: str,
        quote_fields: bool = True,
        _charset: str = "utf-8",
        **params: str,
    ) -> None:
        """Set the Content-Disposition header by `content_disposition_header`."""
        value = content_disposition_header(disptype, quote_fields, _charset, **params)
        self._headers["Content-Disposition"] = value

    @abstractmethod
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text. TypeError if it can only be read by awaiting it."""

    @abstractmethod
    async def write(self, writer: Writer) -> None:
        """Write the content to `writer`."""

    async def write_with_length(self, writer: Writer, content_length: int | None) -> None:
        """Write the content to `writer`, `content_length` bytes at most."""
        if content_length is None:
            await self.write(writer)
        else:
            await self.write(_LimitedWriter(writer, content_length))

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The content as bytes. Text is encoded in the payload's own encoding, or in `encoding`."""
        return self.decode(encoding, errors).encode(self._encoding or encoding, errors)

    async def close(self) -> None:  # noqa: B027 - most payloads hold nothing that needs to be closed
        """Close the source of the content, such as a file. May be called twice."""


def needs_close(payload: Payload) -> bool:
    """Whether `close` must be called. It always is if a program's subclass overrides it."""
    ours = type(payload).close.__module__.partition(".")[0] == __name__.partition(".")[0]
    return not (payload.autoclose and ours)


_PayloadT = TypeVar("_PayloadT", bound=type[Payload])
_Item = tuple[Callable[..., Payload], Any]


class PayloadRegistry:
    """Maps types of values to payload classes."""

    __slots__ = ("_exact", "_first", "_last", "_normal")

    def __init__(self) -> None:
        self._first: list[_Item] = []
        self._normal: list[_Item] = []
        self._last: list[_Item] = []
        self._exact: dict[type, Callable[..., Payload]] = {}

    def get(self, data: Any, *args: Any, **kwargs: Any) -> Payload:
        """The payload for `data`; `data` itself if it is a payload. LookupError for other types."""
        if isinstance(data, Payload):
            return data
        if not self._first and (factory := self._exact.get(type(data))) is not None:
            return factory(data, *args, **kwargs)
        for items in (self._first, self._normal, self._last):
            for factory, types in items:
                if isinstance(data, types):
                    return factory(data, *args, **kwargs)
        raise LookupError(f"No payload class is registered for {type(data).__name__!r} objects")

    def register(
        self, factory: Callable[..., Payload], type: Any, *, order: Order = Order.normal
    ) -> None:
        """Use `factory` for values of `type`, which may be a tuple of types.

        Among classes of normal order the first one that matches is used, but a class that is
        registered for exactly the value's type comes before.
        """
        if order is Order.try_first:
            self._first.append((factory, type))
        elif order is Order.try_last:
            self._last.append((factory, type))
        elif order is Order.normal:
            self._normal.append((factory, type))
            self._exact.update(dict.fromkeys(type if isinstance(type, tuple) else (type,), factory))
        else:
            raise ValueError(f"Unsupported order {order!r}")


PAYLOAD_REGISTRY: Final = PayloadRegistry()
"""The payload classes for the values that ``data=`` accepts."""


class payload_type:
    """Register the decorated payload class for values of a type."""

    def __init__(self, type: Any, *, order: Order = Order.normal) -> None:
        self.type = type
        self.order = order

    def __call__(self, factory: _PayloadT) -> _PayloadT:
        """Register `factory` and return it."""
        PAYLOAD_REGISTRY.register(factory, self.type, order=self.order)
        return factory


def get_payload(data: Any, *args: Any, **kwargs: Any) -> Payload:
    """The payload for `data`, by PAYLOAD_REGISTRY. LookupError if its type is not registered."""
    return PAYLOAD_REGISTRY.get(data, *args, **kwargs)


def register_payload(
    factory: Callable[..., Payload], type: Any, *, order: Order = Order.normal
) -> None:
    """Register `factory` in PAYLOAD_REGISTRY for values of `type`."""
    PAYLOAD_REGISTRY.register(factory, type, order=order)
