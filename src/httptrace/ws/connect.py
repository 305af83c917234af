"""``session.ws_connect(…)``: a request that turns into a WebSocket.

The opening handshake is a request like any other and goes through the whole chain: redirects,
middlewares, cookies, credentials, DNS, TLS, the pool and its limits. When the server answers 101,
the connection's transport is handed to a `WebSocketLink`; the request goes on until that is over.
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
from .handshake import Agreed, agreed, handshake_headers, refused
from .link import WebSocketLink
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
    from .options import Config

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SCHEMES = {"ws": "http", "wss": "https"}


class Opening(Call[ClientWebSocketResponse[DecodeText]], Generic[DecodeText]):
    """What ``session.ws_connect(…)`` returns: to be awaited, or used with ``async with``."""

    link: WebSocketLink | None = None
    """Takes the stream over with the server's 101; None again when it is over."""
    tunnel = True  # RFC 6455 §4.1
    _config: Config
    _agreed: Agreed | None = None
    _taken: tuple[WebSocketLink, Agreed]
    _websocket: ClientWebSocketResponse[DecodeText] | None = None
    _began = False

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
        if self.settings.raise_for_status is True:  # a refusal has an error of its own
            request["raise_for_status"] = False
        response = await run(self, _over_http(url), request)
        link, found = self._taken
        response_class: Any = self.core.ws_response_class or ClientWebSocketResponse
        websocket: ClientWebSocketResponse[DecodeText] = response_class(
            self, response, link, found, config
        )
        if self.entered:
            self._websocket = websocket
        return websocket

    async def _handshake(
        self, request: Any, handler: Callable[[Any], Awaitable[ClientResponse]]
    ) -> ClientResponse:
        """A hop of the handshake: the outermost of the middlewares."""
        trace, config = self.trace, self._config
        if not self._began:
            self._began = True
            if trace is not None:
                told = (TraceWebSocketHandshakeStartParams, self.exchange, 0, config.protocols)
                await trace.tell(*told)
        response = await handler(request)
        if self._leads_on(response):
            return response
        found = agreed(response, self.request_headers, config.compress)
        link = self.link
        if link is None:
            raise self._not_handed_over(response)
        self._agreed, self._taken = found, (link, found)
        if trace is not None:
            told_end = (self.exchange, 0, found.protocol, found.compress)
            trace.note(TraceWebSocketHandshakeEndParams, *told_end)
        link.start(*_compression(found))
        return response

    def _not_handed_over(self, response: ClientResponse) -> ClientError:
        """Why there is no link: we have closed it, or a middleware has made the answer up."""
        connection = self.exchange.connection
        if connection is not None and connection.closed:
            return ClientConnectionError(f"Connection closed: {connection.close_reason}")
        return refused(response, "The connection was not handed over")

    def _leads_on(self, response: ClientResponse) -> bool:
        """Whether the redirect will be followed."""
        headers = response.headers
        return (
            response.status in _REDIRECTS
            and self.settings.allow_redirects
            and ("Location" in headers or "URI" in headers)
        )

    def take_over(
        self, connection: Http1Connection, transport: asyncio.Transport, rest: memoryview
    ) -> None:
        """The server has switched protocols: what follows its 101 is the link's."""
        self.link = WebSocketLink(self, connection, transport, self._config)
        self.link.hold(rest)

    # --- how a call differs when it is a WebSocket ----------------------------------------------

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
        """Nothing more is wanted: of the handshake, or of the WebSocket that it led to."""
        if self.link is not None and not self.finished:
            self.link.let_go(reason)
        else:
            super().abandon(reason, error)

    async def fail(self, exc: BaseException) -> None:
        """The handshake failed."""
        if self._began and self._agreed is None and self.trace is not None and not self.finished:
            if self.link is None:  # its connection lies within it
                self.abandon("cancelled" if isinstance(exc, CancelledError) else "error")
            self.trace.note(TraceWebSocketHandshakeExceptionParams, self.exchange, 0, exc)
        await super().fail(exc)

    def overdue(self, now_ns: int) -> int:
        """The limits of ClientTimeout hold for the handshake; then those of ClientWSTimeout do."""
        return 0 if self._agreed is not None else super().overdue(now_ns)


def _compression(found: Agreed) -> tuple[Any, Any]:
    """What compresses and what inflates messages."""
    if not found.deflates:
        return None, None
    from .deflate import Deflater, Inflater

    deflater = Deflater(found.compress, not found.client_notakeover) if found.compress else None
    return deflater, Inflater(not found.server_notakeover)


def _over_http(url: str | URL) -> URL:
    """The URL of the handshake's request (RFC 6455 §3)."""
    parsed = parse_url(url)
    scheme = _SCHEMES.get(parsed.scheme)
    return parsed if scheme is None else parsed.with_scheme(scheme)
