"""``session.ws_connect(…)``: a request that becomes a WebSocket.

The opening handshake is sent through the same chain as any request: redirects, middlewares,
cookies, credentials, DNS, TLS, the pool and its limits. When the server answers 101, a
`WebSocketConnection` becomes the protocol of the transport. The request ends with the WebSocket.
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import TYPE_CHECKING, Any, Generic

from ..call.call import Call
from ..errors import ClientConnectionError, ClientError
from ..request.target import parse_url
from ..trace.events import (
    TraceWebSocketHandshakeEndParams,
    TraceWebSocketHandshakeExceptionParams,
    TraceWebSocketHandshakeStartParams,
)
from .connection import WebSocketConnection, connection_class
from .handshake import Negotiated, check_response, handshake_error, handshake_headers
from .options import WebSocketOptions, config_of, request_options
from .response import ClientWebSocketResponse, DecodeText

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from yarl import URL

    from ..call.core import SessionCore
    from ..http1.connection import Http1Connection
    from ..response.response import ClientResponse
    from .deflate import Deflater, Inflater
    from .options import Config

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = {"ws": "http", "wss": "https"}


class Opening(Call[ClientWebSocketResponse[DecodeText]], Generic[DecodeText]):
    """The result of ``session.ws_connect(…)``: await it, or use it with ``async with``."""

    ws_connection: WebSocketConnection | None = None
    """Set from the server's 101 until the WebSocket is closed."""
    tunnel = True  # RFC 6455 §4.1
    _config: Config
    _accepted: tuple[WebSocketConnection, Negotiated] | None = None
    """Set when the server's response to the handshake is valid."""
    _websocket: ClientWebSocketResponse[DecodeText] | None = None
    _handshake_started = False

    def __init__(
        self,
        session: Any,
        core: SessionCore,
        url: str | URL,
        options: WebSocketOptions,
        run: Callable[..., Awaitable[ClientResponse]],
    ) -> None:
        super().__init__(session, core, options.get("method", "GET"))
        self.coroutine = self._open(url, options, run)

    async def _open(
        self,
        url: str | URL,
        options: WebSocketOptions,
        run: Callable[..., Awaitable[ClientResponse]],
    ) -> ClientWebSocketResponse[DecodeText]:
        config = self._config = config_of(options)
        request = request_options(options)
        request["headers"] = handshake_headers(
            options.get("headers"), config.protocols, options.get("origin"), config.compress
        )
        request["middlewares"] = (self._handshake, *self.core.middlewares)
        if self.settings.raise_for_status is True:  # we raise WSServerHandshakeError instead
            request["raise_for_status"] = False
        response = await run(self, _over_http(url), request)
        assert self._accepted is not None
        connection, negotiated = self._accepted
        response_class: Any = self.core.ws_response_class or ClientWebSocketResponse
        websocket: ClientWebSocketResponse[DecodeText] = response_class(
            self, response, connection, negotiated, config
        )
        if self.entered:
            self._websocket = websocket
        return websocket

    async def _handshake(
        self, request: Any, handler: Callable[[Any], Awaitable[ClientResponse]]
    ) -> ClientResponse:
        """The outermost middleware: check the response of the last hop of the handshake."""
        trace, config = self.trace, self._config
        if not self._handshake_started:
            self._handshake_started = True
            if trace is not None:
                fields = (TraceWebSocketHandshakeStartParams, self.exchange, 0, config.protocols)
                await trace.tell(*fields)
        response = await handler(request)
        if self._follows_redirect(response):
            return response
        negotiated = check_response(response, self.request_headers, config.compress)
        connection = self.ws_connection
        if connection is None:
            raise self._no_connection(response)
        self._accepted = connection, negotiated
        if trace is not None:
            fields_end = (self.exchange, 0, negotiated.protocol, negotiated.compress)
            trace.note(TraceWebSocketHandshakeEndParams, *fields_end)
        connection.start(*_compression(negotiated))
        return response

    def _no_connection(self, response: ClientResponse) -> ClientError:
        """The error when a valid 101 comes without a connection.

        Either the client has closed the connection, or a middleware has created the response.
        """
        connection = self.exchange.connection
        if connection is not None and connection.closed:
            return ClientConnectionError(f"Connection closed: {connection.close_reason}")
        return handshake_error(response, "The response belongs to no connection")

    def _follows_redirect(self, response: ClientResponse) -> bool:
        headers = response.headers
        return (
            response.status in _REDIRECTS
            and self.settings.allow_redirects
            and ("Location" in headers or "URI" in headers)
        )

    def take_over(
        self, connection: Http1Connection, transport: asyncio.Transport, rest: bytes
    ) -> None:
        """The HTTP/1.1 connection received a 101: what follows it belongs to the WebSocket."""
        self.ws_connection = connection_class(self.loop)(self, connection, transport, self._config)
        self.ws_connection.keep_early(rest)

    # --- where it differs from other calls ------------------------------------------------------

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        websocket, self._websocket = self._websocket, None
        if websocket is not None:
            await websocket.close()

    def abandon(self, reason: str, error: Exception | None = None) -> None:
        """Abort the handshake, or the WebSocket if there is one already."""
        if self.ws_connection is not None and not self.finished:
            self.ws_connection.abort(reason)
        else:
            super().abandon(reason, error)

    async def fail(self, exc: BaseException) -> None:
        """The handshake failed."""
        trace = self.trace
        if self._handshake_started and self._accepted is None and trace and not self.finished:
            if self.ws_connection is None:  # the events of its connection belong to its span
                self.abandon("cancelled" if isinstance(exc, CancelledError) else "error")
            trace.note(TraceWebSocketHandshakeExceptionParams, self.exchange, 0, exc)
        await super().fail(exc)

    def check_limits(self, now_ns: int) -> int:
        """Check the timeouts of ClientTimeout, which apply to the handshake only."""
        return 0 if self._accepted is not None else super().check_limits(now_ns)


def _compression(negotiated: Negotiated) -> tuple[Deflater | None, Inflater | None]:
    """The compressor and the decompressor of messages, if they were negotiated."""
    if not negotiated.deflate:
        return None, None
    from .deflate import Deflater, Inflater

    bits, takeover = negotiated.compress, not negotiated.client_notakeover
    return Deflater(bits, takeover) if bits else None, Inflater(not negotiated.server_notakeover)


def _over_http(url: str | URL) -> URL:
    """The http or https URL that the handshake is sent to (RFC 6455 §3)."""
    parsed = parse_url(url)
    scheme = _SCHEMES.get(parsed.scheme)
    return parsed if scheme is None else parsed.with_scheme(scheme)
