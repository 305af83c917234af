"""``-F``: multipart forms, with curl's way of writing a field."""

from __future__ import annotations

import mimetypes
import re
import sys
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

from ..body.form import FormData
from ..body.payload_bytes import BytesPayload
from .failures import NOT_READ, USAGE, Failure

_EXTRA = re.compile(r";\s*(type|filename)=(\"[^\"]*\"|[^;]*(?:;\s*charset=[^;]*)?)\s*$")


class Field(NamedTuple):
    """One field of a form."""

    name: str
    value: bytes
    filename: str | None
    content_type: str | None


def field_of(text: str) -> Field:
    """``NAME=TEXT``, ``NAME=@FILE`` or ``NAME=<FILE``; ``;type=…``, ``;filename=…`` may follow.

    ``@`` sends a file as a file, ``<`` its content as text; ``-`` is standard input.

    Raises
    ------
    Failure
        If it is no field, or the file cannot be read.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Failure(USAGE, "", f"-F {text!r} is not NAME=TEXT or NAME=@FILE")
    value, extras = _without_extras(value)
    filename, kind = extras.get("filename"), extras.get("type")
    if value[:1] == "@":
        filename = filename or PurePath(value[1:]).name
        kind = kind or mimetypes.guess_type(filename)[0]
        return Field(name, _read(value[1:]), filename, kind)
    content = _read(value[1:]) if value[:1] == "<" else value.encode("utf-8", "surrogateescape")
    return Field(name, content, filename, kind)


def form_of(fields: Iterable[Field]) -> FormData:
    """The form, made anew for each request; it is multipart also if it has text alone."""
    form = FormData(default_to_multipart=True, quote_fields=False)
    for name, value, filename, content_type in fields:
        content = value if filename is not None else _text(value, content_type)
        form.add_field(name, content, filename=filename, content_type=content_type)
    return form


def _text(value: bytes, content_type: str | None) -> BytesPayload:
    """The bytes as they are, whatever charset is told; plain bytes would be sent as a file."""
    if content_type is None:
        try:
            value.decode()
            content_type = "text/plain; charset=utf-8"
        except UnicodeDecodeError:
            content_type = "text/plain"
    return BytesPayload(value, content_type=content_type)


def _without_extras(value: str) -> tuple[str, dict[str, str]]:
    extras: dict[str, str] = {}
    while found := _EXTRA.search(value):
        extras.setdefault(found[1], found[2].strip().strip('"'))
        value = value[: found.start()]
    return value, extras


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as exc:
        raise Failure(NOT_READ, "", f"-F: {name} cannot be read: {exc.strerror or exc}") from exc
