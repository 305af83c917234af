"""The opening handshake (RFC 6455 §4.1): headers of the request, checks of the response."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1
from os import urandom
from typing import TYPE_CHECKING, NamedTuple

from multidict import CIMultiDict

from ..errors import WSServerHandshakeError
from ..request.fields import merge_headers
from .deflate import HIGHEST_BITS, LOWEST_BITS

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from ..request.options import LooseHeaders
    from ..response.response import ClientResponse

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DEFLATE = "permessage-deflate"
_PARAMETER = re.compile(r'\s*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)(?:\s*=\s*"?([0-9A-Za-z]*)"?)?\s*\Z')


class Negotiated(NamedTuple):
    """The result of the handshake."""

    protocol: str | None = None
    compress: int = 0
    """Bits of the window that the client compresses with; 0 if it does not compress."""
    client_notakeover: bool = False
    server_notakeover: bool = False
    deflate: bool = False
    """Whether permessage-deflate is in use."""


def new_key() -> str:
    """Return a new Sec-WebSocket-Key: 16 random bytes in base64."""
    return b64encode(urandom(16)).decode("ascii")


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept that a server must send for this key."""
    return b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode()


def handshake_headers(
    own: LooseHeaders | None, protocols: tuple[str, ...], origin: str | None, compress: int
) -> CIMultiDict[str]:
    """Return the headers of the request: the caller's, overridden by those of the handshake."""
    headers: CIMultiDict[str] = CIMultiDict()
    merge_headers(headers, own)
    headers["Upgrade"] = "websocket"
    headers["Connection"] = "Upgrade"
    headers["Sec-WebSocket-Version"] = "13"
    headers["Sec-WebSocket-Key"] = new_key()
    if protocols:
        headers["Sec-WebSocket-Protocol"] = ", ".join(protocols)
    if origin is not None:
        headers["Origin"] = origin
    if compress:
        headers["Sec-WebSocket-Extensions"] = offer(compress)
    return headers


def offer(compress: int) -> str:
    """Return the Sec-WebSocket-Extensions that offers permessage-deflate (RFC 7692 §7.1)."""
    bits = "" if compress == HIGHEST_BITS else f"={compress}"
    return f"{_DEFLATE}; client_max_window_bits{bits}"


def check_response(response: ClientResponse, sent: CIMultiDict[str], compress: int) -> Negotiated:
    """Check the response to a handshake with the headers `sent`.

    Raises
    ------
    WSServerHandshakeError
        If the response does not open a WebSocket, or selects something that was not offered.
    """
    headers = response.headers
    if response.status != 101:
        raise handshake_error(response, "Invalid response status")
    if headers.get("Upgrade", "").strip().lower() != "websocket":
        raise handshake_error(response, "Invalid upgrade header")
    if "upgrade" not in _tokens(headers, "Connection"):
        raise handshake_error(response, "Invalid connection header")
    accept = accept_of(sent.get("Sec-WebSocket-Key", ""))
    if headers.get("Sec-WebSocket-Accept", "").strip() != accept:
        raise handshake_error(response, "Invalid challenge response")
    protocol = _protocol(response, sent)
    return _extensions(response, compress)._replace(protocol=protocol)


def _tokens(headers: CIMultiDict[str] | CIMultiDictProxy[str], name: str) -> list[str]:
    values = ",".join(headers.getall(name, ())).split(",")
    return [value.strip().lower() for value in values]


def _protocol(response: ClientResponse, sent: CIMultiDict[str]) -> str | None:
    """The subprotocol that the server selected; None if it selected none."""
    chosen = response.headers.getall("Sec-WebSocket-Protocol", [])
    if not chosen:
        return None
    offered = [p.strip() for p in sent.get("Sec-WebSocket-Protocol", "").split(",")]
    if len(chosen) > 1 or chosen[0].strip() not in offered:
        raise handshake_error(response, f"Protocol {', '.join(chosen)!r} was not offered")
    return chosen[0].strip()


def _extensions(response: ClientResponse, compress: int) -> Negotiated:
    """The server's answer to the offer of permessage-deflate (RFC 7692 §5.1, §7.1)."""
    value = ",".join(response.headers.getall("Sec-WebSocket-Extensions", ())).strip()
    if not value:
        return Negotiated()
    name, *pieces = value.split(";")
    if name.strip().lower() != _DEFLATE or "," in value or not compress:
        raise handshake_error(response, f"Extension {value!r} was not offered")
    parameters: dict[str, str | None] = {}
    for piece in pieces:
        match = _PARAMETER.match(piece)
        if match is None or match[1] in parameters:
            raise handshake_error(response, f"Extension for deflate not supported: {value!r}")
        parameters[match[1]] = match[2]
    try:
        return _deflate(parameters, compress)
    except ValueError as exc:
        raise handshake_error(response, f"Extension for deflate not supported: {exc}") from exc


def _deflate(parameters: dict[str, str | None], compress: int) -> Negotiated:
    sides = ("client", "server")
    flags = [parameters.pop(f"{side}_no_context_takeover", "absent") for side in sides]
    if not {*flags} <= {"absent", None}:
        raise ValueError("no_context_takeover takes no value")
    _window(parameters.pop("server_max_window_bits", "15"))
    bits = min(compress, _window(parameters.pop("client_max_window_bits", "15")))
    if parameters:
        raise ValueError(f"unknown parameter {next(iter(parameters))}")
    client, server = (flag is None for flag in flags)
    # zlib cannot compress with a window of 8 bits: then messages are sent uncompressed.
    return Negotiated(None, bits if bits >= LOWEST_BITS else 0, client, server, deflate=True)


def _window(value: str | None) -> int:
    if value is None or not value.isdecimal() or value.startswith("0") or not 8 <= int(value) <= 15:
        raise ValueError(f"invalid window size {value}")
    return int(value)


def handshake_error(response: ClientResponse, message: str) -> WSServerHandshakeError:
    """Create the error of a failed handshake."""
    return WSServerHandshakeError(
        response.request_info,
        response.history,
        message=message,
        status=response.status,
        headers=response.headers,
    )
