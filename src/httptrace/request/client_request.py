"""`ClientRequest`: the request that a middleware gets, and may change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict

from .body import replace_body
from .made import MadeRequest
from .target import check_method

if TYPE_CHECKING:
    from yarl import URL

    from ..net.key import ConnectionKey
    from ..request_info import RequestInfo
    from ..response.response import ClientResponse
    from ..session.session import ClientSession
    from ..version import HttpVersion


class ClientRequest(MadeRequest):
    """One hop of a request, for middlewares (aiohttp's documentation, "Client Middleware").

    A program can also make one, which belongs to no session and is not sent:
    ``ClientRequest("GET", url, params=...).url``.
    """

    @property
    def method(self) -> str:
        """The method; may be set."""
        return self._call.method

    @method.setter
    def method(self, value: str) -> None:
        self._call.method = self._call.exchange.method = check_method(value)
        self._call.head = None

    @property
    def url(self) -> URL:
        """The URL without credentials and fragment."""
        return self._call.target.url.with_fragment(None)

    @property
    def original_url(self) -> URL:
        """The URL with its fragment."""
        return self._call.target.url

    @property
    def version(self) -> HttpVersion:
        """The HTTP version that the request is sent with."""
        return self._call.core.version

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers; may be changed."""
        return self._call.request_headers

    @property
    def host(self) -> str:
        """The host of the URL."""
        return self._call.target.key.host

    @property
    def port(self) -> int | None:
        """The port of the URL."""
        return self._call.target.key.port

    @property
    def ssl(self) -> Any:
        """The ``ssl`` parameter of the request, or of the session."""
        return self._call.target.key.ssl

    @property
    def server_hostname(self) -> str | None:
        """The name that the server's certificate must match; None for the URL's host."""
        return self._call.target.key.server_hostname

    @property
    def proxy(self) -> URL | None:
        """The proxy of the request, without credentials; None without a proxy."""
        target = self._call.target
        return None if target.via is None else target.key.proxy

    @property
    def proxy_headers(self) -> CIMultiDict[str] | None:
        """The headers that only the proxy gets; None without a proxy."""
        via = self._call.target.via
        return None if via is None else via.add_to(CIMultiDict())

    @property
    def connection_key(self) -> ConnectionKey:
        """The key of the connector's pool: connections with an equal key can be reused."""
        return self._call.target.key

    @property
    def session(self) -> ClientSession:
        """The session that makes the request."""
        session: ClientSession = self._call.session
        return session

    @property
    def request_info(self) -> RequestInfo:
        """The URL, method and headers, as errors carry them."""
        return self._call.request_info

    @property
    def body(self) -> Any:
        """The body as a `Payload`; ``b""`` if there is none."""
        call = self._call
        if call.payload is not None:
            return call.payload
        if not call.body:
            return b""
        from ..body.payload import BytesPayload

        content_type = call.request_headers.get("Content-Type", "application/octet-stream")
        return BytesPayload(call.body, content_type=content_type)

    @property
    def chunked(self) -> bool | None:
        """Whether the body is sent in chunks; None if there is no body."""
        return self._call.chunked if self._call.payload or self._call.body else None

    @property
    def compress(self) -> str | None:
        """The content coding that the body is sent in."""
        return self._call.compress

    @property
    def response_class(self) -> type[ClientResponse]:
        """The class of the response."""
        return self._call.core.response_class

    async def update_body(self, body: Any) -> None:
        """Replace the body; `body` is anything that ``data=`` accepts."""
        await replace_body(self._call, body)


ClientHandlerType = Callable[[ClientRequest], Awaitable["ClientResponse"]]
"""The next middleware, or the one that sends the request: call it with the request."""

ClientMiddlewareType = Callable[[ClientRequest, ClientHandlerType], Awaitable["ClientResponse"]]
"""``async def middleware(request, handler)``."""
