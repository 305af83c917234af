"""Reading multipart bodies (RFC 2046 section 5.1, RFC 7578)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from multidict import CIMultiDict, CIMultiDictProxy

from ..headers.mime import TOKEN, content_type_of, text_encoding
from .part_reader import BodyPartReader
from .part_source import MultipartError, Readable, Source, source_of
from .pieces import IteratesByNext

__all__ = ["MultipartError", "MultipartReader", "MultipartResponseWrapper"]

_TOKEN = re.compile(TOKEN.pattern.encode())
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_DEEPEST = 16
_PREAMBLE_LINE = 8192
_LONGEST_CHARSET = 32


class MultipartResponse(Protocol):
    """The attributes of a response that reading its parts needs, such as a `ClientResponse`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its header fields."""
        ...

    @property
    def content(self) -> Any:
        """Its body, as a `StreamReader`."""
        ...

    def release(self) -> Any:
        """Release its connection."""
        ...


class MultipartResponseWrapper(IteratesByNext["MultipartReader | BodyPartReader"]):
    """Reads the parts of a response and releases it after the last one."""

    def __init__(self, resp: MultipartResponse, stream: MultipartReader) -> None:
        self.resp = resp
        self.stream = stream

    def at_eof(self) -> bool:
        """Whether the response was read to its end."""
        return bool(self.resp.content.at_eof())

    async def next(self) -> MultipartReader | BodyPartReader | None:
        """The next part; None after the last one."""
        part = await self.stream.next()
        if self.stream.at_eof():
            await self.release()
        return part

    async def release(self) -> None:
        """Release the response without reading the rest of it."""
        released: Any = self.resp.release()
        if released is not None:
            await released


class MultipartReader(IteratesByNext["MultipartReader | BodyPartReader"]):
    """Reads the parts of a multipart body, one after the other.

    `headers` are those of the body. Their Content-Type must be ``multipart/…`` with a boundary of
    1 to 70 characters: ValueError otherwise. `content` is read by its ``read``. A header of a part
    has at most `max_field_size` bytes, and a part at most `max_headers` headers.

    A body that is malformed or incomplete raises ClientPayloadError, which is a ValueError here.
    """

    response_wrapper_cls = MultipartResponseWrapper
    multipart_reader_cls: type[MultipartReader] | None = None
    part_reader_cls = BodyPartReader
    max_decoded_size = BodyPartReader.max_decoded_size
    """Bytes that ``read()`` decodes a compressed part to at most; 0 is no limit."""

    def __init__(
        self,
        headers: Mapping[str, str],
        content: Source | Readable,
        *,
        client_max_size: int = sys.maxsize,
        max_field_size: int = 8190,
        max_headers: int = 128,
        max_size_error_cls: type[Exception] = ValueError,
    ) -> None:
        self.headers = headers
        self._subtype, boundary = _type_and_boundary(headers)
        self._boundary = b"--" + boundary.encode("utf-8", "surrogateescape")
        self._source = source_of(content)
        self._limits: dict[str, Any] = {
            "client_max_size": client_max_size,
            "max_size_error_cls": max_size_error_cls,
        }
        self._max_field_size = max_field_size
        self._max_headers = max_headers
        self._newline = b"\r\n"
        self._started = False
        self._at_eof = False
        self._depth = 0
        self._last: BodyPartReader | None = None
        self._default_charset: str | None = None

    @classmethod
    def from_response(cls, response: MultipartResponse) -> MultipartResponseWrapper:
        """Read the body of a response; `max_decoded_size` is that of its session."""
        reader = cls(response.headers, response.content)
        limit = getattr(response.content, "_max_decoded_size", None)  # other clients have none
        if limit is not None:
            reader.max_decoded_size = limit
        return cls.response_wrapper_cls(response, reader)

    def at_eof(self) -> bool:
        """Whether the end of the last part was reached."""
        return self._at_eof

    async def next(self) -> MultipartReader | BodyPartReader | None:
        """The next part; None after the last one. The rest of the part before is skipped."""
        if self._at_eof:
            return None
        if self._last is not None:
            await self._last.release()
        first = not self._started
        await (self._find_first_boundary() if first else self._read_boundary())
        if self._at_eof:
            return None
        part = await self.fetch_next_part()
        if first and self._is_charset(part):
            self._default_charset = await self._read_charset(part)
            return await self.next()
        return part

    async def release(self) -> None:
        """Skip all further parts."""
        while await self.next() is not None:
            pass

    async def fetch_next_part(self) -> MultipartReader | BodyPartReader:
        """Read the headers of a part and return the part, which may be multipart itself."""
        headers = await self._read_headers()
        body = self._last = self.part_reader_cls(
            self._boundary,
            headers,
            self._source,
            subtype=self._subtype,
            default_charset=self._default_charset,
            newline=self._newline,
            **self._limits,
        )
        body.max_decoded_size = self.max_decoded_size
        if content_type_of(headers.get("Content-Type", ""))[0].startswith("multipart/"):
            return self._nested(headers, body)
        return body

    def _nested(self, headers: CIMultiDictProxy[str], body: BodyPartReader) -> MultipartReader:
        if self._depth >= _DEEPEST:
            raise MultipartError(f"Multipart bodies are nested more than {_DEEPEST} levels deep")
        try:
            _type_and_boundary(headers)
        except ValueError as exc:  # the body is malformed, not the caller's argument
            raise MultipartError(str(exc)) from exc
        # It reads the part, not the source, so that it stops at the next boundary of this body.
        reader = (self.multipart_reader_cls or type(self))(
            headers,
            _PartContent(body),
            max_field_size=self._max_field_size,
            max_headers=self._max_headers,
            **self._limits,
        )
        reader._depth = self._depth + 1
        reader.max_decoded_size = self.max_decoded_size
        return reader

    # --- boundaries ---------------------------------------------------------------------------

    async def _find_first_boundary(self) -> None:
        """Skip the preamble, a text for readers that do not support MIME."""
        self._started = True
        at_line_start = True
        while line := await self._source.line(_PREAMBLE_LINE):
            if at_line_start and self._note_boundary(line):
                return
            at_line_start = line.endswith(b"\n")
        raise MultipartError(f"Could not find starting boundary {self._boundary!r}")

    async def _read_boundary(self) -> None:
        if not self._source.available:
            await self._source.fill()
        if self._source.available == 1:
            await self._source.fill()
        self._source.skip(b"\r\n", b"\n")
        line = await self._source.line(_PREAMBLE_LINE)
        if not self._note_boundary(line):
            raise MultipartError(f"Invalid boundary {line[:80]!r}, expected {self._boundary!r}")

    def _note_boundary(self, line: bytes) -> bool:
        """Whether `line` is a boundary. The closing boundary sets the end of the body."""
        text = line.rstrip(b" \t\r\n")
        if text == self._boundary:
            self._newline = b"\n" if line.endswith(b"\n") and line[-2:] != b"\r\n" else b"\r\n"
            return True
        self._at_eof = text == self._boundary + b"--"
        return self._at_eof

    # --- headers ------------------------------------------------------------------------------

    async def _read_headers(self) -> CIMultiDictProxy[str]:
        headers: list[tuple[str, str]] = []
        for _ in range(self._max_headers + 1):
            line = await self._header_line()
            if not line:
                return CIMultiDictProxy(CIMultiDict(headers))
            if line[:1] in b" \t" and headers:
                # a folded line (RFC 822), which RFC 2045 allows in parts
                last, text = headers.pop()
                headers.append((last, f"{text} {_header_text(line)}"))
                continue
            name, colon, value = line.partition(b":")
            if not colon or _TOKEN.match(name) is None:
                raise MultipartError(f"Invalid header of a part: {line[:80]!r}")
            headers.append((name.decode(), _header_text(value)))
        raise MultipartError(f"A part has more than {self._max_headers} headers")

    async def _header_line(self) -> bytes:
        line = await self._source.line(self._max_field_size + 2)
        if not line.endswith(b"\n"):
            if len(line) < self._max_field_size:
                raise MultipartError("The multipart body ends within the headers of a part")
            raise MultipartError(f"A header of a part has more than {self._max_field_size} bytes")
        return line[:-2] if line.endswith(b"\r\n") else line[:-1]

    # --- the default charset of a form --------------------------------------------------------

    def _is_charset(self, part: MultipartReader | BodyPartReader) -> bool:
        # RFC 7578 section 4.6
        is_field = self._subtype == "form-data" and isinstance(part, BodyPartReader)
        return is_field and self._last is not None and self._last.name == "_charset_"

    async def _read_charset(self, part: MultipartReader | BodyPartReader) -> str | None:
        assert isinstance(part, BodyPartReader)
        charset = b""
        while len(charset) <= _LONGEST_CHARSET and not part.at_eof():
            charset += await part._read_some(_LONGEST_CHARSET + 1 - len(charset))
        if len(charset) > _LONGEST_CHARSET or not charset.isascii():
            raise MultipartError("Invalid default charset")
        name = charset.strip().decode()
        return name if text_encoding(name) else None


class _PartContent:
    """Reads a part, so that a nested body can be read from it."""

    def __init__(self, part: BodyPartReader) -> None:
        self._part = part

    async def read(self, n: int = -1, /) -> bytes:
        return await self._part._read_some(n)


def _type_and_boundary(headers: Mapping[str, str]) -> tuple[str, str]:
    content_type = headers.get("Content-Type", "")
    kind, params = content_type_of(content_type)
    if not kind.startswith("multipart/"):
        raise ValueError(f"multipart/* content type expected, got {content_type!r}")
    boundary = params.get("boundary", "")
    if not boundary:
        raise ValueError(f"boundary missed for Content-Type: {content_type}")
    if len(boundary) > 70:
        raise ValueError(f"boundary {boundary!r} is too long (70 chars max)")
    return kind.partition("/")[2], boundary


def _header_text(value: bytes) -> str:
    value = value.strip(b" \t")
    if _CONTROL.search(value) is not None:
        raise MultipartError(f"A header of a part has control characters: {value[:80]!r}")
    return value.decode("utf-8", "surrogateescape")
