"""Creates the payload for the value of ``data=``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .form import FormData
from .payload import IOBasePayload, LookupError, Payload, TextIOPayload, get_payload
from .payload_base import Writer
from .payload_files import is_text

__all__ = ["ForeignPayload", "make_payload"]


class ForeignPayload(Payload):
    """Sends a payload of aiohttp, from a library that makes its bodies with aiohttp's classes."""

    def __init__(self, value: Any) -> None:
        super().__init__(value, value.headers, value.content_type)
        self._size = value.size

    @property
    def can_resend(self) -> bool:
        """Whether `write` can write the content, also after it did so."""
        return not self._value.consumed

    async def write(self, writer: Writer) -> None:
        """Write the content."""
        await self._value.write(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The content as text, if the payload supports that."""
        return str(self._value.decode(encoding, errors))

    async def close(self) -> None:
        """Close the payload."""
        await self._value.close()


def make_payload(data: Any) -> Payload:
    """The payload for the value of ``data=``.

    The value may be of a type in PAYLOAD_REGISTRY, a FormData, a mapping or sequence of pairs,
    which is sent as a form, or an object with ``read``.

    Raises TypeError for anything else, and ValueError for a closed file.
    """
    try:
        # Parts have the file name in their headers, requests do not.
        return get_payload(data, disposition=None)
    except LookupError:
        return _from_fields(data)


def _from_fields(data: Any) -> Payload:
    if isinstance(data, FormData):
        return data()
    if hasattr(data, "add_field") and callable(data):  # aiohttp's FormData
        data = data()
    if hasattr(data, "write_with_length") and hasattr(data, "consumed"):
        return ForeignPayload(data)
    if isinstance(data, Mapping | list | tuple):
        return FormData(data)()
    if callable(getattr(data, "read", None)):
        kind = TextIOPayload if is_text(data) else IOBasePayload
        return kind(data, disposition=None)
    raise TypeError(
        f"data= cannot be a {type(data).__name__}: it takes bytes, str, a file, an async iterable, "
        "FormData, a mapping or a list of pairs, a MultipartWriter or any other Payload"
    )
