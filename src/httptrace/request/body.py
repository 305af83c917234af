"""The body of a request: from ``data=`` or ``json=`` to bytes or a payload, and its framing.

Both `request.fast_path` and `request.prepare` use `encode_data` and `set_bytes`. Framing that needs
more than a Content-Length is for `request.prepare` and redirects alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..headers.head import has_token
from ..headers.mime import OCTET_STREAM

if TYPE_CHECKING:
    from multidict import CIMultiDict

    from ..call.call import Call
    from ..call.core import SessionCore
    from .options import RequestOptions

TYPE_EXPECTED = frozenset({"PATCH", "POST", "PUT"})
"""Methods whose requests name a media type without a body too, as in aiohttp."""
NO_BODY_EXPECTED = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods whose requests get no ``Content-Length: 0`` (RFC 9110 §8.6)."""
_BYTES = (bytes, bytearray, memoryview)
_SMALL_BODY = 1 << 16
"""A body of at most this many bytes is written together with the head."""


def encode_data(core: SessionCore, data: Any, json: Any) -> tuple[Any, str | None]:
    """The body and its Content-Type: bytes from text, bytes or JSON, other ``data`` unchanged.

    Raises
    ------
    ValueError
        If both are given.
    """
    if json is not None:
        if data is not None:
            raise ValueError("data and json parameters can not be used at the same time")
        return _json_bytes(core, json), "application/json"
    if isinstance(data, str):
        return data.encode(), "text/plain; charset=utf-8"
    if isinstance(data, _BYTES):
        return bytes(data), "application/octet-stream"
    return data, None


def _json_bytes(core: SessionCore, value: Any) -> bytes:
    if core.json_serialize_bytes is None:
        return core.json_serialize(value).encode("utf-8")
    data = core.json_serialize_bytes(value)
    if not isinstance(data, _BYTES):
        raise TypeError(f"json_serialize_bytes must return bytes, not {type(data).__name__}")
    return bytes(data)


def set_bytes(
    call: Call[Any], data: bytes, content_type: str | None, *, with_head: bool = True
) -> None:
    """Set the call's body to bytes.

    Few bytes are written together with the head, unless `with_head` is false or an upload tracker
    counts them; more are written as a payload, in pieces.
    """
    if with_head and len(data) <= _SMALL_BODY and call.upload_tracker is None:
        call.body = data
        return
    from ..body.payload import BytesPayload

    call.payload = BytesPayload(data, content_type=content_type or "application/octet-stream")


def add_body(call: Call[Any], options: RequestOptions) -> None:
    """Set the call's body, its content coding and the header fields that describe them.

    Raises
    ------
    TypeError, ValueError
        If the body cannot be sent, or parameters and header fields contradict each other.
    """
    data, content_type = encode_data(call.core, options.get("data"), options.get("json"))
    headers = call.request_headers
    call.compress = _content_coding(headers, options.get("compress"), data)
    chunked = _wants_chunks(headers, options.get("chunked")) or bool(call.compress)
    call.expect100 = bool(options.get("expect100")) or _expects_continue(headers)
    if data is None or data == b"":  # without content there is nothing to wait for
        call.expect100 = False
        if _expects_continue(headers):
            headers.popall("Expect")
    if isinstance(data, bytes):
        with_head = not chunked and not call.expect100
        set_bytes(call, data, content_type, with_head=with_head)
    elif data is not None:
        _set_payload(call, data)
    elif call.method in TYPE_EXPECTED:
        content_type = OCTET_STREAM
    if content_type is not None and not call.skip_content_type:
        headers.setdefault("Content-Type", content_type)
    if call.expect100 and not _expects_continue(headers):
        headers["Expect"] = "100-continue"
    add_framing(call, chunked)


def _set_payload(call: Call[Any], data: Any) -> None:
    from ..body.data import make_payload

    payload = call.payload = make_payload(data)
    headers = call.request_headers
    for name, value in payload.headers.items():
        if name.lower() != "content-type" or not call.skip_content_type:
            headers.setdefault(name, value)


async def replace_body(call: Call[Any], data: Any) -> None:
    """Replace the hop's body and the header fields that describe it."""
    headers = call.request_headers
    if call.payload is not None:
        await call.payload.close()
    for name in ("Content-Length", "Transfer-Encoding"):
        headers.popall(name, None)
    call.body, call.payload = b"", None
    given = headers.popall("Content-Type", ())
    add_body(call, {"data": data})
    if given and not headers.get("Content-Type", "").startswith("multipart/"):
        headers["Content-Type"] = given[0]  # the boundary of a multipart body must be the new one
    call.head = None


# --- framing -------------------------------------------------------------------------------------


def add_framing(call: Call[Any], chunked: bool) -> None:
    """Add Content-Length or Transfer-Encoding, whichever the body needs (RFC 9112 §6.3).

    Raises
    ------
    ValueError
        If the header fields that were given contradict the body or each other.
    """
    headers, payload = call.request_headers, call.payload
    _check_framing(headers)
    call.chunked = False
    size = len(call.body) if payload is None else payload.size
    if payload is not None and (chunked or (size is None and "Content-Length" not in headers)):
        if call.core.version < (1, 1):
            raise ValueError("A body of unknown size cannot be sent with HTTP/1.0")
        if chunked:
            headers.popall("Content-Length", None)
        headers.setdefault("Transfer-Encoding", "chunked")
        call.chunked = True
    elif "Transfer-Encoding" in headers:
        raise ValueError("The Transfer-Encoding header needs a body that is sent in chunks")
    elif size is not None and (size or payload or call.method not in NO_BODY_EXPECTED):
        headers.setdefault("Content-Length", str(size))
    if size is not None and "Content-Length" in headers:
        _check_length(headers["Content-Length"], size)


def _check_framing(headers: CIMultiDict[str]) -> None:
    """Refuse fields that servers read in different ways: request smuggling (RFC 9112 §11.2)."""
    lengths = headers.getall("Content-Length", [])
    if len(lengths) > 1 or not all(one.isascii() and one.isdigit() for one in lengths):
        raise ValueError(f"Content-Length must be one whole number, not {', '.join(lengths)!r}")
    codings = ", ".join(headers.getall("Transfer-Encoding", [])).lower()
    if codings and codings.rpartition(",")[2].strip() != "chunked":
        raise ValueError(f"Transfer-Encoding must end in chunked, not be {codings!r}")


def _check_length(declared: str, size: int) -> None:
    if declared != str(size):
        raise ValueError(f"The Content-Length header says {declared}, the body has {size} bytes")


def _wants_chunks(headers: CIMultiDict[str], chunked: bool | None) -> bool:
    coded = has_token(headers, "Transfer-Encoding", "chunked")
    if coded and chunked:
        raise ValueError('chunked cannot be set if the "Transfer-Encoding: chunked" header is set')
    if chunked and "Content-Length" in headers:
        raise ValueError("chunked cannot be set if the Content-Length header is set")
    if coded and "Content-Length" in headers:
        raise ValueError("Content-Length and Transfer-Encoding exclude each other (RFC 9112 §6.2)")
    return coded or bool(chunked)


def _expects_continue(headers: CIMultiDict[str]) -> bool:
    return has_token(headers, "Expect", "100-continue")


def _content_coding(headers: CIMultiDict[str], compress: Any, data: Any) -> str | None:
    """The coding that ``compress=`` asks for, as also set in Content-Encoding."""
    if not compress or data is None or data == b"":
        return None
    if "Content-Encoding" in headers:
        raise ValueError("compress can not be set if Content-Encoding header is set")
    from ..body.content_coding import encoder_for

    name = compress if isinstance(compress, str) else "deflate"
    encoder_for(name)  # raises for a coding that is unknown or not installed
    headers["Content-Encoding"] = name
    return name
