"""`ContextMiddleware` for any ASGI application: Starlette, FastAPI, Quart, Litestar, Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from httptrace.local.ids import is_safe_id, new_id
from httptrace.local.local import Local
from httptrace.local.logs import mark_error
from httptrace.local.request import RequestContext
from httptrace.web.incoming import Incoming

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Where response headers can be set: a response, an accepted WebSocket, a refused one.
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


_MET = "httptrace.met"


class ContextMiddleware:
    """Opens a `Context` for each HTTP request and WebSocket, with ``request.id``, ``request.path``
    and the place in the distributed trace.

    ``app = ContextMiddleware(app)``, or ``app.add_middleware(ContextMiddleware)``. Wrapped around
    the whole application it sees every response, also the 500 that Starlette makes outside of its
    middleware. Added inside of Starlette, it answers an unhandled exception itself (and raises it
    again), unless the application has a handler of its own for that or is in debug mode: those
    answers then go out without the id. Where it is met a second time, it does nothing.

    The options are those of `httptrace.web.incoming.Incoming`: `header`, `generator`, `validator`,
    `send_back`, `locals`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        header: str = "X-Request-ID",
        generator: Callable[[], str] = new_id,
        validator: Callable[[str], Any] = is_safe_id,
        send_back: bool = True,
        locals: Iterable[Local] | None = None,
    ) -> None:
        self.app = app
        self._incoming = Incoming(
            header=header,
            generator=generator,
            validator=validator,
            send_back=send_back,
            locals=locals,
        )
        # The ASGI specification wants header names in lower case.
        self._header = header.lower().encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or _MET in scope:
            await self.app(scope, receive, send)
            return
        # In the scope itself: who stands outside may look there for what the application puts in.
        scope[_MET] = True
        try:
            await self._within(scope, receive, send)
        finally:
            scope.pop(_MET, None)

    async def _within(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope)
        with self._incoming.open(headers, scope.get("path", "")) as context:
            response = _Response(send, self._header if self._incoming.send_back else None, context)
            try:
                await self.app(scope, receive, response.send)
            except Exception as error:
                if scope["type"] == "http" and not _answered_outside(scope):
                    await response.answer_500()
                # Last: other requests may raise the same exception meanwhile.
                mark_error(error, context)
                raise


class _Headers:
    """Reads headers of a scope. The ASGI specification has their names in lower case."""

    __slots__ = ("_raw",)

    def __init__(self, scope: Scope) -> None:
        self._raw = scope.get("headers") or ()

    def __call__(self, name: str) -> str | None:
        wanted = name.encode("ascii")
        # tracestate and baggage may come in several lines. So may an id, which is then refused:
        # none holds a comma.
        values = [value for raw_name, value in self._raw if raw_name == wanted]
        return b",".join(values).decode("latin-1") if values else None


class _Response:
    """The way out: adds the id where headers are sent."""

    __slots__ = ("_context", "_header", "_send", "_started")

    def __init__(self, send: Send, header: bytes | None, context: RequestContext) -> None:
        self._send = send
        self._header = header
        self._context = context
        self._started = False

    async def send(self, message: Message) -> None:
        if message["type"] in _STARTS:
            self._started = True
            if self._header is not None:
                message = {**message, "headers": self._with_id(message.get("headers") or ())}
        await self._send(message)

    async def answer_500(self) -> None:
        if self._started or self._header is None:
            return
        content_type = (b"content-type", b"text/plain; charset=utf-8")
        await self.send({"type": "http.response.start", "status": 500, "headers": [content_type]})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    def _with_id(self, headers: Iterable[Iterable[bytes]]) -> list[Iterable[bytes]]:
        present = list(headers)
        if any(bytes(name).lower() == self._header for name, _ in present):
            return present
        return [*present, (self._header or b"", self._context.ident.encode("ascii"))]


def _answered_outside(scope: Scope) -> bool:
    """Whether the Starlette application that we are inside of has an answer of its own."""
    app = scope.get("app")
    handlers = getattr(app, "exception_handlers", {})
    return bool(getattr(app, "debug", False) or 500 in handlers or Exception in handlers)
