"""The payload classes and the values that they send (aiohttp's documentation, "Payload").

::

    Payload
    ├── BytesPayload             bytes, bytearray, memoryview
    │   ├── StringPayload        str
    │   │   └── StringIOPayload  io.StringIO
    │   ├── JsonPayload
    │   └── JsonBytesPayload
    ├── IOBasePayload            any other io object
    │   ├── TextIOPayload        text files
    │   ├── BytesIOPayload       io.BytesIO
    │   └── BufferedReaderPayload  binary files
    ├── AsyncIterablePayload     async iterables, generators
    │   └── StreamReaderPayload  StreamReader
    ├── MultipartWriter
    └── BodyPartReaderPayload    a part of a multipart body that is being read
"""

from __future__ import annotations

import io
from abc import ABC
from collections.abc import AsyncIterable

from .payload_base import (
    PAYLOAD_REGISTRY,
    LookupError,
    Order,
    Payload,
    PayloadRegistry,
    get_payload,
    payload_type,
    register_payload,
)
from .payload_bytes import (
    BytesPayload,
    JsonBytesPayload,
    JsonPayload,
    StringIOPayload,
    StringPayload,
)
from .payload_files import BufferedReaderPayload, BytesIOPayload, IOBasePayload, TextIOPayload
from .payload_streams import AsyncIterablePayload, StreamReaderPayload

__all__ = [
    "PAYLOAD_REGISTRY",
    "AsyncIterablePayload",
    "BufferedReaderPayload",
    "BytesIOPayload",
    "BytesPayload",
    "IOBasePayload",
    "JsonBytesPayload",
    "JsonPayload",
    "LookupError",
    "Order",
    "Payload",
    "PayloadRegistry",
    "StreamReaderPayload",
    "StringIOPayload",
    "StringPayload",
    "TextIOPayload",
    "get_payload",
    "payload_type",
    "register_payload",
]


class _Stream(ABC):  # noqa: B024 - for isinstance only
    """Any stream with the methods of a StreamReader, such as one of aiohttp."""

    @classmethod
    def __subclasshook__(cls, subclass: type) -> bool:
        return hasattr(subclass, "iter_any") and hasattr(subclass, "readany")


register_payload(BytesPayload, (bytes, bytearray, memoryview))
register_payload(StringPayload, str)
register_payload(StringIOPayload, io.StringIO)
register_payload(BytesIOPayload, io.BytesIO)
register_payload(BufferedReaderPayload, (io.BufferedReader, io.BufferedRandom))
register_payload(TextIOPayload, io.TextIOBase)
register_payload(IOBasePayload, io.IOBase)
register_payload(StreamReaderPayload, _Stream, order=Order.try_last)
register_payload(AsyncIterablePayload, AsyncIterable, order=Order.try_last)
