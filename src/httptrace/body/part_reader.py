"""`BodyPartReader`: reads one part of a multipart body."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..errors import ClientPayloadError
from ..headers.mime import charset_of, text_encoding
from .disposition import content_disposition_filename, parse_content_disposition
from .json_errors import explain_json_error
from .part_coding import PartDecoder, base64_characters
from .part_source import MultipartError, Readable, Source, source_of
from .payload import Payload, payload_type
from .payload_base import Writer
from .pieces import IteratesByNext

__all__ = ["BodyPartReader", "BodyPartReaderPayload"]

_MOST_BETWEEN = 64
"""Bytes outside the base64 alphabet that a chunk may have beyond the requested size."""
_LOOKAHEAD = 1 << 10
"""Bytes that are searched at a time for the characters that complete a chunk of base64."""
_INCOMPLETE = "The multipart body ends in the middle of a part"


class BodyPartReader(IteratesByNext[bytes]):
    """Reads one part (aiohttp's documentation, "Multipart").

    `boundary` includes its two dashes. A part can be read once, as a whole or piece by piece.
    """

    chunk_size = 8192
    max_decoded_size = 1 << 28
    """Bytes that `read` decodes a compressed part to at most; 0 is no limit."""

    def __init__(
        self,
        boundary: bytes,
        headers: Mapping[str, str],
        content: Source | Readable,
        *,
        subtype: str = "mixed",
        default_charset: str | None = None,
        max_decompress_size: int = 1 << 18,
        client_max_size: int = sys.maxsize,
        max_size_error_cls: type[Exception] = ValueError,
        newline: bytes = b"\r\n",
    ) -> None:
        self.headers = headers
        self._delimiter = newline + boundary
        self._source = source_of(content)
        self._is_form_data = subtype == "form-data"
        self._default_charset = default_charset
        self._max_decompress_size = max_decompress_size
        self._client_max_size = client_max_size
        self._max_size_error_cls = max_size_error_cls
        self._left = None if self._is_form_data else _length(headers)
        self._at_eof = self._left == 0
        self._before = 0
        self._delimited = False
        self._at_start = True
        self._unread = b""
        self._disposition: dict[str, str] | None = None

    async def next(self) -> bytes | None:
        """The whole part; None once it was read."""
        return await self.read() or None

    # --- reading ------------------------------------------------------------------------------

    async def read(self, *, decode: bool = False) -> bytes:
        """The rest of the part, decoded if `decode` is true.

        Raises `max_size_error_cls` for more than `client_max_size` bytes, and ClientPayloadError,
        which is a ValueError here, for a body that is malformed or incomplete and for a part that
        decodes to more than `max_decoded_size` bytes.
        """
        decoder = self._decoder() if decode and not self.at_eof() else None
        pieces: list[bytes] = []
        size = 0
        while not self.at_eof():
            chunk = await self._read_some(1 << 16)
            for piece in (chunk,) if decoder is None else decoder.feed(chunk):
                pieces.append(piece)
                size += len(piece)
                if size > self._client_max_size:
                    raise self._max_size_error_cls(self._client_max_size)
                if decoder is not None and 0 < self.max_decoded_size < size:
                    raise MultipartError(
                        f"The decoded part is over max_decoded_size ({self.max_decoded_size} "
                        "bytes): read it in pieces with decode_iter, or raise the limit"
                    )
        if decoder is not None:
            pieces.extend(decoder.finish())
        return b"".join(pieces)

    async def read_chunk(self, size: int = chunk_size) -> bytes:
        """Up to `size` bytes of the part, not decoded; none at the end of the part.

        A chunk of base64 has up to three further characters, so that it can be decoded by itself.
        Of the bytes between these that are not base64, such as spaces, it has at most 64.
        """
        chunk = await self._read_some(size)
        if self._transfer_encoding() == "base64":
            missing = -len(base64_characters(chunk)) % 4
            while missing and not self.at_eof():
                piece = await self._read_some(_LOOKAHEAD)
                found = base64_characters(piece)[:1]
                end = piece.index(found) + 1 if found else len(piece)
                chunk += piece[:end] if len(chunk) + end <= size + _MOST_BETWEEN else found
                missing -= len(found)
                self._unread = piece[end:] + self._unread
        return chunk

    async def readline(self) -> bytes:
        """The next line with its line end; nothing at the end of the part."""
        pieces: list[bytes] = []
        while not self.at_eof():
            piece = await self._read_some(self.chunk_size)
            end = piece.find(b"\n") + 1
            if end:
                self._unread = piece[end:] + self._unread
                piece = piece[:end]
            pieces.append(piece)
            if end:
                break
        return b"".join(pieces)

    async def release(self) -> None:
        """Skip the rest of the part."""
        while not self.at_eof():
            await self._read_some(1 << 16)

    def at_eof(self) -> bool:
        """Whether the part was read to its end."""
        return self._at_eof and not self._unread

    async def text(self, *, encoding: str | None = None) -> str:
        """The decoded part as text in `encoding`. The default is its charset, or UTF-8."""
        data = await self.read(decode=True)
        return data.decode(encoding or self.get_charset(default="utf-8"))

    async def json(self, *, encoding: str | None = None) -> Any:
        """The decoded part as JSON, None when it is empty.

        Raises json.JSONDecodeError, whose text has the beginning of the part.
        """
        text = await self.text(encoding=encoding)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            source = "the part" if self.name is None else f"the part {self.name!r}"
            content_type = self.headers.get("Content-Type")
            explain_json_error(error, text, source=source, content_type=content_type)
            raise

    async def form(self, *, encoding: str | None = None) -> list[tuple[str, str]]:
        """The fields of a url-encoded form. ValueError if the part is not text in its charset."""
        charset = encoding or self.get_charset(default="utf-8")
        data = await self.read(decode=True)
        try:
            text = data.rstrip().decode(charset)
        except UnicodeDecodeError as error:
            raise ValueError(f"data cannot be decoded with {charset} encoding") from error
        return parse_qsl(text, keep_blank_values=True, encoding=charset)

    async def _read_some(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end of the part."""
        if self._unread:
            data, self._unread = self._unread[:size], self._unread[size:]
            return data
        if self._at_eof:
            return b""
        if self._left is None:
            return await self._read_to_delimiter(size)
        if not self._source.available and not await self._source.fill():
            raise MultipartError(_INCOMPLETE)
        data = self._source.take(min(size, self._left))
        self._left -= len(data)
        self._at_eof = self._left == 0
        return data

    async def _read_to_delimiter(self, size: int) -> bytes:
        source = self._source
        while not self._before and not self._delimited:
            self._before, self._delimited = source.bytes_before(self._delimiter, self._at_start)
            if not self._before and not self._delimited and not await source.fill():
                # at the end it is known whether the last bytes are a delimiter
                self._before, self._delimited = source.bytes_before(self._delimiter, self._at_start)
                if not self._delimited:
                    raise MultipartError(_INCOMPLETE)
        data = source.take(min(size, self._before))
        self._before -= len(data)
        self._at_start = self._at_start and not data
        self._at_eof = self._delimited and not self._before
        return data

    # --- decoding -----------------------------------------------------------------------------

    def decode(self, data: bytes) -> bytes:
        """Decode `data`, which is the whole part as it was read.

        Raises RuntimeError for an encoding that is not supported, and ClientPayloadError if
        compressed data decodes to more than `max_decompress_size` bytes. `decode_iter` has no
        such limit.
        """
        pieces: list[bytes] = []
        size = 0
        bounded = bool(self._content_encoding())
        for piece in self._decoded(data):
            pieces.append(piece)
            size += len(piece)
            if bounded and size > self._max_decompress_size:
                raise ClientPayloadError(
                    f"The part decodes to more than {self._max_decompress_size} bytes"
                )
        return b"".join(pieces)

    async def decode_iter(self, data: bytes) -> AsyncIterator[bytes]:
        """Decode `data` in pieces of at most `max_decompress_size` bytes."""
        for piece in self._decoded(data):
            yield piece

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        decoder = self._decoder()
        yield from decoder.feed(data)
        yield from decoder.finish()

    def _decoder(self) -> PartDecoder:
        return PartDecoder(
            self._transfer_encoding(), self._content_encoding(), self._max_decompress_size
        )

    def _transfer_encoding(self) -> str:
        return self.headers.get("Content-Transfer-Encoding", "").strip().lower()

    def _content_encoding(self) -> str:
        # RFC 7578 section 4.8: a part of a form has no such header
        return "" if self._is_form_data else self.headers.get("Content-Encoding", "").lower()

    # --- what the headers say -----------------------------------------------------------------

    def get_charset(self, default: str) -> str:
        """The charset of the Content-Type, the form's default, or `default`.

        A charset that Python has no text encoding for counts as none.
        """
        charset = charset_of(self.headers.get("Content-Type", ""))
        if charset and text_encoding(charset):
            return charset
        return self._default_charset or default

    @property
    def name(self) -> str | None:
        """The name of the field, from Content-Disposition."""
        return content_disposition_filename(self._parameters(), "name")

    @property
    def filename(self) -> str | None:
        """The name of the file, from Content-Disposition, without a path; it may be empty."""
        return content_disposition_filename(self._parameters(), "filename")

    def _parameters(self) -> dict[str, str]:
        if self._disposition is None:
            _, self._disposition = parse_content_disposition(
                self.headers.get("Content-Disposition")
            )
        return self._disposition


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


@payload_type(BodyPartReader)
class BodyPartReaderPayload(Payload):
    """Sends a part that is being read, decoded. It can be sent once."""

    _value: BodyPartReader
    _autoclose = True

    def __init__(self, value: BodyPartReader, *args: Any, **kwargs: Any) -> None:
        super().__init__(value, *args, **kwargs)
        names = {"name": value.name, "filename": value.filename}
        params = {key: name for key, name in names.items() if name is not None}
        if params:
            self.set_content_disposition("attachment", True, **params)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """TypeError: a part cannot be read without awaiting it."""
        raise TypeError("A part that is being read cannot be decoded; await as_bytes()")

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The decoded part."""
        self._begin()
        return await self._value.read(decode=True)

    def _begin(self) -> None:
        if self._consumed:
            raise ClientPayloadError("The part was already read, and can be read once only")
        self._consumed = True

    async def write(self, writer: Writer) -> None:
        """Write the decoded part as it arrives."""
        self._begin()
        part = self._value
        decoder = part._decoder()
        while chunk := await part._read_some(1 << 16):
            for piece in decoder.feed(chunk):
                if piece:
                    await writer.write(piece)
        for piece in decoder.finish():
            await writer.write(piece)
