"""Writing multipart bodies (RFC 2046 section 5.1, RFC 7578)."""

from __future__ import annotations

import binascii
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from multidict import CIMultiDict

from ..headers.mime import TOKEN
from .coding_engines import GZIP_WBITS
from .payload import BytesPayload, JsonPayload, LookupError, Payload, StringPayload, get_payload
from .payload_base import Writer
from .stream_writer import PayloadWriter
from .urlencoded import URLENCODED, urlencoded
from .zlib_backend import zlib_backend

__all__ = ["MultipartPayloadWriter", "MultipartWriter"]

# RFC 2046 section 5.1.1 allows fewer characters, but other clients use these.
_BOUNDARY = re.compile(r"[\x20-\x7e]{0,69}[\x21-\x7e]\Z")
_Part = tuple[Payload, str, str]


class MultipartWriter(Payload):
    """A body of several parts. Each part is a payload with headers of its own.

    The default of `boundary` is random. Raises ValueError for one that RFC 2046 does not allow: it
    has 1 to 70 visible ASCII characters, and spaces only inside.
    """

    _value: None

    def __init__(self, subtype: str = "mixed", boundary: str | None = None) -> None:
        self._given = boundary is not None
        if boundary is None:
            boundary = os.urandom(16).hex()
        elif not boundary.isascii():
            raise ValueError("boundary should contain ASCII only chars")
        elif _BOUNDARY.match(boundary) is None:
            raise ValueError(f"boundary value contains invalid characters or is long: {boundary!r}")
        self._boundary = boundary.encode("ascii")
        self._parts: list[_Part] = []
        self._is_form_data = subtype == "form-data"
        content_type = f"multipart/{subtype}; boundary={self._boundary_value}"
        super().__init__(None, content_type=content_type)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        pass

    def __iter__(self) -> Iterator[_Part]:
        """The parts, each as payload, content encoding and transfer encoding."""
        return iter(self._parts)

    def __len__(self) -> int:
        """The number of parts."""
        return len(self._parts)

    def __bool__(self) -> bool:
        return True

    @property
    def boundary(self) -> str:
        """The delimiter of the parts, without its dashes."""
        return self._boundary.decode("ascii")

    @property
    def _boundary_value(self) -> str:
        """The boundary as a parameter of Content-Type: a token or a quoted string."""
        value = self.boundary
        if TOKEN.match(value) is not None:
            return value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    # --- parts --------------------------------------------------------------------------------

    def append(self, obj: Any, headers: Mapping[str, str] | None = None) -> Payload:
        """Add a part: any value that `get_payload` accepts. TypeError for another one."""
        if isinstance(obj, Payload):
            obj.headers.update(headers or {})
            return self.append_payload(obj)
        try:
            payload = get_payload(obj, headers=CIMultiDict(headers or {}))
        except LookupError as error:
            raise TypeError(f"Cannot create payload from {obj!r}") from error
        return self.append_payload(payload)

    def append_payload(self, payload: Payload) -> Payload:
        """Add a payload as a part.

        Its Content-Encoding may be ``gzip``, ``deflate`` or ``identity``, its
        Content-Transfer-Encoding ``base64``, ``quoted-printable`` or ``binary``. Raises
        RuntimeError for another one, and ValueError for headers that parts of a form may not have
        (RFC 7578 section 4.7) and for a part that contains the boundary.
        """
        if not isinstance(payload, Payload):
            raise TypeError(f"A part must be a Payload, not a {type(payload).__name__}")
        self._check_boundary(payload)
        if self._is_form_data:
            encoding = transfer = ""
            self._prepare_field(payload)
        else:
            encoding, transfer = _encodings(payload.headers)
            size = payload.size
            if size is not None and not (encoding or transfer):
                payload.headers["Content-Length"] = str(size)
        self._parts.append((payload, encoding, transfer))
        return payload

    def _prepare_field(self, payload: Payload) -> None:
        headers = payload.headers
        for name in ("Content-Encoding", "Content-Length", "Content-Transfer-Encoding"):
            if name in headers:
                raise ValueError(f"A part of multipart/form-data cannot have the header {name}")
        if "Content-Disposition" not in headers:
            payload.set_content_disposition("form-data", name=f"section-{len(self._parts)}")

    def _check_boundary(self, payload: Payload) -> None:
        """Refuse a part in which a reader would find the boundary."""
        if isinstance(payload, MultipartWriter):
            # RFC 2046 section 5.1.2: readers compare the start of a line with the boundary.
            clash = payload._boundary.startswith(self._boundary)
        elif self._given and isinstance(payload, BytesPayload):
            clash = b"\n--" + self._boundary in b"\n" + bytes(payload._value)
        else:
            return
        if clash:
            raise ValueError(f"The part contains the boundary {self.boundary!r}")

    def append_json(self, obj: Any, headers: Mapping[str, str] | None = None) -> Payload:
        """Add a part with `obj` as JSON."""
        return self.append_payload(JsonPayload(obj, headers=CIMultiDict(headers or {})))

    def append_form(
        self,
        obj: Sequence[tuple[str, str]] | Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> Payload:
        """Add a part with `obj` as a url-encoded form."""
        pairs = list(obj.items()) if isinstance(obj, Mapping) else obj
        text = StringPayload(
            urlencoded(pairs),
            headers=CIMultiDict(headers or {}),
            content_type=URLENCODED,
        )
        return self.append_payload(text)

    # --- the payload --------------------------------------------------------------------------

    @property
    def size(self) -> int | None:
        """Bytes of the whole body; None if the size of a part is unknown or the part is encoded."""
        total = 0
        for part, encoding, transfer in self._parts:
            size = part.size
            if encoding or transfer or size is None:
                return None
            total += len(self._head(part)) + size + 2
        return total + len(self._boundary) + 6

    @property
    def consumed(self) -> bool:
        """Whether a part was read and cannot be read again."""
        return any(part.consumed for part, _, _ in self._parts)

    @property
    def can_resend(self) -> bool:
        """Whether each of the parts can be sent again."""
        return all(part.can_resend for part, _, _ in self._parts)

    @property
    def autoclose(self) -> bool:
        """Whether none of the parts needs to be closed."""
        return all(part.autoclose for part, _, _ in self._parts)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The body as text. Its parts are not encoded."""
        texts = []
        for part, _, _ in self._parts:
            head = self._head(part).decode(errors="replace")
            texts += [head, part.decode(encoding, errors), "\r\n"]
        return "".join(texts) + f"--{self.boundary}--\r\n"

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The body."""
        collected = _Collector()
        await self.write(collected)
        return b"".join(collected.pieces)

    async def write(self, writer: Writer, close_boundary: bool = True) -> None:
        """Write the parts and, with `close_boundary`, the end of the body."""
        for part, encoding, transfer in self._parts:
            await writer.write(self._head(part))
            if encoding or transfer:
                encoded = MultipartPayloadWriter(writer)
                if encoding:
                    encoded.enable_compression(encoding)
                if transfer:
                    encoded.enable_encoding(transfer)
                await part.write(encoded)
                await encoded.write_eof()
            else:
                await part.write(writer)
            await writer.write(b"\r\n")
        if close_boundary:
            await writer.write(b"--" + self._boundary + b"--\r\n")

    def _head(self, part: Payload) -> bytes:
        """The boundary and the headers before a part, with the size that a nested body has now."""
        headers = part.headers
        if isinstance(part, MultipartWriter) and "Content-Length" in headers:
            size = part.size
            if size is None:
                del headers["Content-Length"]
            else:
                headers["Content-Length"] = str(size)
        return b"--" + self._boundary + b"\r\n" + part._binary_headers

    async def close(self) -> None:
        """Close each part, also if closing another one fails; then raise the first error."""
        errors: list[Exception] = []
        for part, _, _ in self._parts:
            try:
                await part.close()
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]


class _Collector(PayloadWriter):
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def write(self, data: Any, /) -> None:
        self.pieces.append(bytes(data))


_TRANSFER_ENCODINGS = {"base64": "base64", "quoted-printable": "quoted-printable"}
_TRANSFER_ENCODINGS |= dict.fromkeys(("", "binary", "8bit", "7bit"), "")
_CONTENT_ENCODINGS = {"gzip": "gzip", "deflate": "deflate", "identity": "", "": ""}


def _encodings(headers: CIMultiDict[str]) -> tuple[str, str]:
    """The content and the transfer encoding in the headers; each may be empty."""
    encoding = headers.get("Content-Encoding", "").lower()
    transfer = headers.get("Content-Transfer-Encoding", "").lower()
    if encoding not in _CONTENT_ENCODINGS:
        raise RuntimeError(f"unknown content encoding: {encoding}")
    if transfer not in _TRANSFER_ENCODINGS:
        raise RuntimeError(f"unknown content transfer encoding: {transfer}")
    return _CONTENT_ENCODINGS[encoding], _TRANSFER_ENCODINGS[transfer]


class MultipartPayloadWriter(PayloadWriter):
    """Encodes what a part writes: by its content encoding, then by its transfer encoding."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._transfer = ""
        self._deflater: Any = None
        self._left = b""

    def enable_encoding(self, encoding: str) -> None:
        """Use a transfer encoding: ``base64`` or ``quoted-printable``."""
        self._transfer = encoding

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Use a content encoding. ``deflate`` is raw deflate, the only one that aiohttp reads."""
        wbits = GZIP_WBITS if encoding == "gzip" else -zlib.MAX_WBITS
        strategy = zlib.Z_DEFAULT_STRATEGY if strategy is None else strategy
        self._deflater = zlib_backend().compressobj(wbits=wbits, strategy=strategy)

    async def write(self, chunk: Any, /) -> None:
        """Encode and send a piece."""
        data = bytes(chunk) if self._deflater is None else self._deflater.compress(chunk)
        if data:
            await self._send(self._encode(data))

    async def write_eof(self, chunk: bytes = b"") -> None:
        """Send the last piece and what the encodings held back."""
        await super().write_eof(chunk)
        if self._deflater is not None:
            data, self._deflater = self._deflater.flush(), None
            await self._send(self._encode(data))
        if self._left:
            left, self._left = self._left, b""
            await self._send(binascii.b2a_base64(left, newline=False))

    def _encode(self, data: bytes) -> bytes:
        if self._transfer == "base64":
            data = self._left + data
            whole = len(data) // 3 * 3
            self._left = data[whole:]
            return binascii.b2a_base64(data[:whole], newline=False)
        if self._transfer == "quoted-printable":
            # Line ends are encoded as well: the only ones in the output are soft breaks.
            return binascii.b2a_qp(data, istext=False).replace(b"=\n", b"=\r\n")
        return data

    async def _send(self, data: bytes) -> None:
        if data:
            await self._writer.write(data)
