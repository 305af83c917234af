"""The verbs of a session beyond GET: each is `request` with its method; and WebSockets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Literal, overload

from ..call.call import Call
from .view import SessionView

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from yarl import URL

    from ..request.options import RequestOptions
    from ..response.response import ClientResponse
    from ..ws.connect import Opening
    from ..ws.options import WebSocketOptions


class Asked(Coroutine[Any, Any, Any]):
    """A request by way of a subclass's `_request`: to be awaited, or used with ``async with``."""

    __slots__ = ("_coroutine", "_response")

    _response: ClientResponse

    def __init__(self, coroutine: Coroutine[Any, Any, ClientResponse]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, ClientResponse]:
        return self._coroutine.__await__()

    async def __aenter__(self) -> ClientResponse:
        self._response = await self._coroutine
        return await self._response.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._response.__aexit__(exc_type, exc, traceback)

    def send(self, value: Any) -> Any:
        """Run on, as a coroutine does."""
        return self._coroutine.send(value)

    def throw(self, *args: Any) -> Any:
        """Raise within, as in a coroutine."""
        return self._coroutine.throw(*args)

    def close(self) -> None:
        """End it, as a coroutine."""
        self._coroutine.close()


class SessionVerbs(SessionView):
    """OPTIONS, HEAD, POST, PUT, PATCH and DELETE; WebSockets."""

    _asks = False
    """Whether requests go by a `_request` that a subclass has."""
    _run: Callable[..., Any]
    _middlewares: tuple[Any, ...]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """The verbs of a subclass that has a `_request` of its own go by that."""
        super().__init_subclass__(**kwargs)
        cls._asks = cls._request is not SessionVerbs._request

    async def _request(
        self, method: str, str_or_url: str | URL, **kwargs: Unpack[RequestOptions]
    ) -> ClientResponse:
        """Make a request and await its response.

        Internal; but programs for aiohttp override it, and have every verb go by it.
        """
        session: Any = self
        call = Call(session, method)
        call.coroutine = self._run(call, str_or_url, kwargs)
        return await call

    def request(self, method: str, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """Make a request."""
        raise NotImplementedError

    def options(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """OPTIONS: ask what can be done with a resource."""
        return self.request("OPTIONS", url, **kwargs)

    def head(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """HEAD: fetch the head alone; redirects are not followed unless told so."""
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **kwargs)

    def post(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """POST: send data to be processed."""
        return self.request("POST", url, **kwargs)

    def put(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """PUT: store data."""
        return self.request("PUT", url, **kwargs)

    def patch(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """PATCH: change a resource in part."""
        return self.request("PATCH", url, **kwargs)

    def delete(self, url: str | URL, **kwargs: Unpack[RequestOptions]) -> Call:
        """DELETE: remove a resource."""
        return self.request("DELETE", url, **kwargs)

    @overload
    def ws_connect(
        self,
        url: str | URL,
        *,
        decode_text: Literal[True] = ...,
        **kwargs: Unpack[WebSocketOptions],
    ) -> Opening[Literal[True]]: ...

    @overload
    def ws_connect(
        self, url: str | URL, *, decode_text: Literal[False], **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[Literal[False]]: ...

    @overload
    def ws_connect(
        self, url: str | URL, *, decode_text: bool, **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[bool]: ...

    def ws_connect(
        self, url: str | URL, *, decode_text: bool = True, **kwargs: Unpack[WebSocketOptions]
    ) -> Opening[bool]:
        """Open a WebSocket; use as ``async with session.ws_connect(…) as ws`` or await it.

        See `WebSocketOptions` for the parameters. With ``decode_text=False`` text comes as bytes.
        """
        from ..ws.connect import Opening

        options: Any = {**kwargs, "decode_text": decode_text}
        session: Any = self
        return Opening(session, url, options, self._run, self._middlewares)
