"""How a response ends, and its errors: the parts of message framing that llhttp leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ClientOSError, ClientPayloadError, ServerDisconnectedError
from ..headers.limits import BadHeadError

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from ..headers.head import RawHeaders


def is_persistent(exchange: Exchange) -> bool:
    """Whether a connection is kept open after a response without a body (RFC 9112 §9.3)."""
    fields = [v.lower() for n, v in exchange.raw_headers if n.lower() == b"connection"]
    options = {option.strip() for option in b",".join(fields).split(b",")}
    persistent = exchange.http_version == "1.1" or b"keep-alive" in options
    return persistent and b"close" not in options


def is_chunked(exchange: Exchange) -> bool:
    """Whether the last transfer coding is ``chunked`` (RFC 9112 §6.3)."""
    codings = [v for n, v in exchange.raw_headers if n.lower() == b"transfer-encoding"]
    return b",".join(codings).lower().rpartition(b",")[2].strip(b" \t") == b"chunked"


def reads_until_close(exchange: Exchange) -> bool:
    """Whether the end of the connection ends the body (RFC 9112 §6.3)."""
    names = {name.lower() for name, _value in exchange.raw_headers}
    if b"transfer-encoding" in names:
        return not is_chunked(exchange)
    return b"content-length" not in names


def ends_head(data: bytes | memoryview) -> bool:
    """Whether a piece of a connection ends with an empty line, or is the end of one."""
    end = bytes(data[-4:])
    return b"\r\n\r\n".endswith(end) or end.endswith((b"\n\n", b"\n\r\n"))


def announces_body(headers: RawHeaders) -> bool:
    """Whether a head has a field that announces a body; a 1xx must not (RFC 9110 §8.6)."""
    fields = [(name.lower(), value) for name, value in headers]
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in fields
    )


def check_coding(value: bytes) -> None:
    """Refuse a Transfer-Encoding that llhttp does not parse as RFC 9110 §5.6 does.

    After ``chunked``, a tab or an empty list element has no meaning, but llhttp would return the
    chunks as a body that ends with the connection.
    """
    if value.rstrip(b" ").endswith((b"\t", b",")):
        raise BadHeadError("a Transfer-Encoding that ends in a tab or a comma")


def describe(exc: BaseException) -> str:
    """The text of an error that the parser raised."""
    return str(exc) or type(exc).__name__


def incomplete_error(exchange: Exchange, exc: Exception | None) -> Exception:
    """The error of a response whose connection ended before the response was complete."""
    if exchange.head_ns:
        received = f"{exchange.body_received} bytes of the body were received"
        error: Exception = ClientPayloadError(f"Response payload is not completed: {received}")
    elif isinstance(exc, OSError):
        error = ClientOSError(exc.errno, exc.strerror or str(exc))
    else:
        part = " in the middle of the response's head" if exchange.bytes_received else ""
        error = ServerDisconnectedError(f"Server disconnected{part}" if part else None)
    if _may_expect_tls(exchange):
        error.add_note("If the server speaks TLS on this port, the URL must begin with https://")
    error.__cause__ = exc
    return error


def _may_expect_tls(exchange: Exchange) -> bool:
    """Whether the server closed a new TCP connection without TLS, and sent no byte.

    Servers that use OpenSSL do so if they receive HTTP instead of a handshake: they send no alert.
    """
    connection = exchange.connection
    if exchange.bytes_received or connection is None or connection.requests_served:
        return False
    port = (connection.address or "").rpartition(":")[2]  # a Unix socket has none
    return connection.tls is None and port.isdigit()
