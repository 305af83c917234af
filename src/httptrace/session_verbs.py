"""The verbs of a session beyond GET: each is `request` with its method; and WebSockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from .session_view import SessionView

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from yarl import URL

    from .call import Call
    from .options import RequestOptions
    from .ws.connect import Opening
    from .ws.options import WebSocketOptions


class SessionVerbs(SessionView):
    """OPTIONS, HEAD, POST, PUT, PATCH and DELETE; WebSockets."""

    _run: Callable[..., Any]
    _middlewares: tuple[Any, ...]

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
        from .ws.connect import Opening

        options: Any = {**kwargs, "decode_text": decode_text}
        session: Any = self
        return Opening(session, url, options, self._run, self._middlewares)
