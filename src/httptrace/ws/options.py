"""The parameters of `ClientSession.ws_connect` and their checks.

Names, meanings and defaults are those of aiohttp ("Client Session: ws_connect" in its
documentation); `trace_request_ctx`, `trace_configs` and `observers` are those of a request.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

from ..checks import flag
from .deflate import HIGHEST_BITS, LOWEST_BITS
from .timeouts import DEFAULT_TIMEOUT, ClientWSTimeout, seconds

if TYPE_CHECKING:
    import ssl

    from yarl import URL

    from ..auth.basic import BasicAuth
    from ..net.tls import Fingerprint
    from ..request.options import LooseHeaders, Query
    from ..trace.config import TraceConfig
    from ..trace.observer import Observer

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_MAX_MESSAGE = 4 * 1024 * 1024


class WebSocketOptions(TypedDict, total=False):
    """Parameters of `ClientSession.ws_connect` besides the URL and `decode_text`."""

    method: str
    """The method of the handshake's request: GET."""
    protocols: Iterable[str]
    """The subprotocols that the server may select, the preferred one first."""
    timeout: ClientWSTimeout | float
    """The limits of receiving and closing. A number is that of closing, in seconds (deprecated)."""
    receive_timeout: float | None
    """Deprecated: `ClientWSTimeout(ws_receive=...)`."""
    autoclose: bool
    """Whether `receive` answers the server's Close before it returns it: True."""
    autoping: bool
    """Whether pings are answered, and pings and pongs are not received as messages: True."""
    heartbeat: float | None
    """Seconds of silence before a ping; the server has half of that to answer. None: no pings."""
    auth: BasicAuth | None
    """Basic credentials in place of the session's."""
    origin: str | None
    """The value of the Origin header."""
    params: Query
    """What is added to the query: a mapping, pairs, or text that is sent as it is."""
    headers: LooseHeaders | None
    """Headers of the handshake; they replace the session's of the same name."""
    proxy: str | URL | None
    """The URL of a proxy: http, https, socks4, socks4a, socks5 or socks5h."""
    proxy_auth: BasicAuth | None
    """Basic credentials for the proxy."""
    ssl: ssl.SSLContext | bool | Fingerprint
    """The TLS context; True for the default one, False for no verification."""
    verify_ssl: bool | None
    """Deprecated: False means `ssl=False`."""
    fingerprint: bytes | None
    """Deprecated: `ssl=Fingerprint(...)`; the SHA-256 of the server's certificate."""
    ssl_context: ssl.SSLContext | None
    """Deprecated: `ssl=` takes the context."""
    server_hostname: str | None
    """The name for SNI and for verifying the certificate, in place of the URL's host."""
    proxy_headers: LooseHeaders | None
    """Headers that are sent only to the proxy."""
    compress: int
    """The window of the offered compression, in bits: 9 to 15; 0 offers no compression."""
    max_msg_size: int
    """The maximum size of a message after decompression, in bytes; 0 for no limit."""
    trace_request_ctx: Any
    """Callbacks of a `TraceConfig` find this as `trace_request_ctx` of their context."""
    trace_configs: Sequence[TraceConfig]
    """Listeners for this WebSocket, in addition to the session's."""
    observers: Sequence[Observer]
    """Observers of this WebSocket, in addition to the session's."""


_OF_REQUEST = (
    *("auth", "params", "proxy", "proxy_auth", "proxy_headers", "ssl", "verify_ssl"),
    *("fingerprint", "ssl_context", "server_hostname"),
    *("trace_request_ctx", "trace_configs", "observers"),
)
"""Parameters that are passed on to the request."""


class Config(NamedTuple):
    """The checked parameters that concern the WebSocket, not the request."""

    protocols: tuple[str, ...]
    timeout: ClientWSTimeout
    autoclose: bool
    autoping: bool
    heartbeat: float
    """Seconds; 0 for none."""
    compress: int
    max_msg_size: int
    decode_text: bool


def config_of(options: WebSocketOptions) -> Config:
    """Check the parameters.

    Raises
    ------
    TypeError, ValueError
        If one cannot be used; the message names it.
    """
    given = cast("Mapping[str, Any]", options)
    unknown = given.keys() - WebSocketOptions.__annotations__.keys() - {"decode_text"}
    if unknown:
        raise TypeError(f"ws_connect() got an unexpected keyword argument {sorted(unknown)[0]!r}")
    return Config(
        protocols=_protocols(given.get("protocols", ())),
        timeout=_timeout(given.get("timeout", ...), given.get("receive_timeout")),
        autoclose=flag("autoclose", given.get("autoclose", True)),
        autoping=flag("autoping", given.get("autoping", True)),
        heartbeat=seconds("heartbeat", given.get("heartbeat")) or 0,
        compress=_compress(given.get("compress", 0)),
        max_msg_size=_size(given.get("max_msg_size", _MAX_MESSAGE)),
        decode_text=flag("decode_text", given.get("decode_text", True)),
    )


def request_options(options: WebSocketOptions) -> dict[str, Any]:
    """Select the parameters of the request."""
    given = cast("Mapping[str, Any]", options)
    return {name: given[name] for name in _OF_REQUEST if given.get(name) is not None}


def _protocols(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError(f"protocols must be a list of names, not the str {value!r}")
    protocols = tuple(value)
    for name in protocols:
        if not isinstance(name, str):
            raise TypeError(f"The name of a protocol must be a str, not {name!r}")
        if not _TOKEN.match(name):  # RFC 6455 §4.1
            raise ValueError(
                f"Invalid protocol name {name!r}: allowed are letters, digits and !#$%&'*+-.^_`|~"
            )
    if len(set(protocols)) != len(protocols):
        raise ValueError(f"protocols has a name twice: {', '.join(protocols)}")
    return protocols


def _timeout(value: Any, receive: float | None) -> ClientWSTimeout:
    if value is ...:
        value = DEFAULT_TIMEOUT
    elif not isinstance(value, ClientWSTimeout):
        _deprecated("float timeout is deprecated: use timeout=ClientWSTimeout(ws_close=...)")
        value = ClientWSTimeout(ws_close=value)
    if receive is not None:
        _deprecated("receive_timeout is deprecated: use timeout=ClientWSTimeout(ws_receive=...)")
        value = ClientWSTimeout(ws_receive=receive, ws_close=value.ws_close)
    return cast("ClientWSTimeout", value)


def _deprecated(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=6)


def _compress(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"compress must be a window size in bits, not {value!r}")
    if value and not LOWEST_BITS <= value <= HIGHEST_BITS:
        raise ValueError(f"compress must be 0 or {LOWEST_BITS} to {HIGHEST_BITS}, got {value}")
    return value


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_msg_size must be a number of bytes, not {value!r}")
    if value < 0:
        raise ValueError(f"max_msg_size must not be negative, got {value}")
    return value
