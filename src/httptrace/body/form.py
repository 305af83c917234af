"""`FormData`: a form, url-encoded or as multipart/form-data (WHATWG HTML, RFC 7578)."""

from __future__ import annotations

import io
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, NamedTuple

from .multipart import MultipartWriter
from .payload import BytesPayload, LookupError, Payload, get_payload
from .payload_files import guess_filename
from .urlencoded import URLENCODED, urlencoded

__all__ = ["FormData"]

_BYTES = (bytes, bytearray, memoryview)


class _Field(NamedTuple):
    name: str
    value: Any
    content_type: str | None
    filename: str | None


class FormData:
    """A form to send (aiohttp's documentation, "FormData").

    It is sent as multipart/form-data if a field needs that: a file, bytes, an async iterable, or a
    field with a content type or file name. Otherwise it is url-encoded, unless
    `default_to_multipart` is true. `quote_fields` percent-encodes file names. `charset` is that of
    text; the default is UTF-8.
    """

    def __init__(
        self,
        fields: Iterable[Any] = (),
        quote_fields: bool = True,
        charset: str | None = None,
        *,
        default_to_multipart: bool = False,
    ) -> None:
        self._fields: list[_Field] = []
        self._is_multipart = default_to_multipart
        self._quote_fields = quote_fields
        self._charset = charset
        self._writer: MultipartWriter | None = None
        if isinstance(fields, Mapping):
            fields = list(fields.items())
        elif not isinstance(fields, list | tuple):
            fields = (fields,)
        self.add_fields(*fields)

    @property
    def is_multipart(self) -> bool:
        """Whether the form is sent as multipart/form-data."""
        return self._is_multipart

    def add_field(
        self,
        name: str,
        value: Any,
        *,
        content_type: str | None = None,
        filename: str | None = None,
        content_transfer_encoding: str | None = None,
    ) -> None:
        """Add a field.

        `value` is text, bytes, a file, an async iterable or a Payload. Without `filename`, a file
        is sent with its own name and bytes with `name`; an empty `filename` is sent as it is.
        `content_transfer_encoding` makes the form multipart, and sends bytes without a file name;
        the header itself is not sent (RFC 7578 section 4.7).

        Raises TypeError for a name that is neither text nor a number, and for options that are
        not text.
        """
        name = _field_name(name)
        _check_text("filename", filename)
        _check_text("content_type", content_type)
        _check_text("content_transfer_encoding", content_transfer_encoding)
        if filename is None:
            if isinstance(value, io.IOBase):
                filename = guess_filename(value) or name
            elif isinstance(value, _BYTES) and content_transfer_encoding is None:
                filename = name
        self._is_multipart |= (
            any(extra is not None for extra in (content_type, filename, content_transfer_encoding))
            or isinstance(value, Payload | AsyncIterable)
            or callable(getattr(value, "read", None))
        )
        self._fields.append(_Field(name, value, content_type, filename))

    def add_fields(self, *fields: Any) -> None:
        """Add several fields: files, mappings of names to values, pairs of name and value.

        TypeError for anything else.
        """
        for field in fields:
            if isinstance(field, io.IOBase):
                self.add_field(guess_filename(field) or "unknown", field)
            elif isinstance(field, Mapping):
                self.add_fields(*field.items())
            elif isinstance(field, list | tuple) and len(field) == 2:
                self.add_field(*field)
            else:
                raise TypeError(
                    "Only io.IOBase, mapping and (name, value) pairs allowed, use .add_field() "
                    f"for passing more complex parameters, got {field!r}"
                )

    def __call__(self) -> Payload:
        """The payload that sends the form. TypeError for a value that cannot be sent."""
        return self._multipart() if self._is_multipart else self._urlencoded()

    def _urlencoded(self) -> BytesPayload:
        charset = self._charset or "utf-8"
        pairs = [(field.name, field.value) for field in self._fields]
        return BytesPayload(
            urlencoded(pairs, charset).encode(),
            content_type=URLENCODED if charset == "utf-8" else f"{URLENCODED}; charset={charset}",
        )

    def _multipart(self) -> MultipartWriter:
        if self._writer is None:
            self._writer = MultipartWriter("form-data")
        for field in self._fields[len(self._writer) :]:
            self._writer.append_payload(self._part(field))
        return self._writer

    def _part(self, field: _Field) -> Payload:
        options = {} if field.content_type is None else {"content_type": field.content_type}
        try:
            part = get_payload(field.value, encoding=self._charset, **options)
        except LookupError as error:
            raise TypeError(
                f"The form field {field.name!r} cannot be a {type(field.value).__name__}: "
                "give str, bytes, a file, an async iterable or a Payload"
            ) from error
        if field.content_type is not None:
            part.headers["Content-Type"] = field.content_type
        params = {"name": field.name}
        if field.filename is not None:
            params["filename"] = field.filename
        # names are UTF-8, also if text has another charset, as in aiohttp
        part.set_content_disposition("form-data", self._quote_fields, **params)
        return part


def _field_name(name: Any) -> str:
    if isinstance(name, str):
        return str.__str__(name)  # the text of an enumeration's member, too
    if isinstance(name, int):
        return str(name)
    raise TypeError(f"The name of a form field must be text, not {name!r}")


def _check_text(what: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        raise TypeError(f"{what} must be an instance of str. Got: {given!r}")
