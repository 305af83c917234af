"""`ContextMiddleware` for any ASGI application: Starlette, FastAPI, Quart, Litestar, Django."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from httptrace.local.ids import is_safe_id, new_id
from httptrace.local.local import Local, snapshot
from httptrace.local.logs import mark_error
from httptrace.local.request import ServedContext
from httptrace.web.incoming import Incoming
from httptrace.web.starlette_handlers import answers_itself, give_work_to_handler

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
    again), unless the application has a handler of its own for that or is in debug mode. Such a
    handler runs with the values of `request`, and its response carries the id; the page of the
    debug mode goes out without it. Where the middleware is met a second time, it does nothing.

    Each request begins with the values of the application's start: those that every `Local` has
    when the application tells the server that it started (ASGI's lifespan), or, under a server
    without lifespan, when the middleware is made. What a middleware further out writes to a `Local`
    is not seen inside.

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
        # Replaced when the application starts. daphne, for one, has no lifespan.
        self._incoming.begin_with(snapshot())
        # The ASGI specification wants header names in lower case.
        self._header = self._incoming.header.lower().encode("ascii")
        self._sent_back = self._header if send_back else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if (kind != "http" and kind != "websocket") or _MET in scope:
            await self.app(scope, receive, self._noting_start(send) if kind == "lifespan" else send)
            return
        # In the scope itself: code outside may look there for what the application puts in.
        scope[_MET] = True
        with self._open(scope) as context:
            response = _Response(send, self._sent_back, context)
            try:
                await self.app(scope, receive, response.send)
            except Exception as error:
                if kind == "http":
                    await self._fail(scope, response)
                # Last: other requests may raise the same exception meanwhile.
                mark_error(error, context)
                raise
            finally:
                scope.pop(_MET, None)

    def _open(self, scope: Scope) -> ServedContext:
        headers = scope.get("headers") or ()
        found = dict(headers)
        if len(found) != len(headers):
            found = _joined(headers)
        get = found.get
        request_id, trace = get(self._header), get(b"traceparent")
        state, baggage = get(b"tracestate"), get(b"baggage")
        return self._incoming.scope_of(
            scope.get("path", ""),
            request_id.decode("latin-1") if request_id else None,
            trace.decode("latin-1") if trace else None,
            state.decode("latin-1") if state else None,
            baggage.decode("latin-1") if baggage else None,
        )

    def _noting_start(self, send: Send) -> Send:
        """A `send` that notes the values of each `Local` when the application has started."""
        self._incoming.begin_with(snapshot())

        async def noting(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._incoming.begin_with(snapshot())
            await send(message)

        return noting

    async def _fail(self, scope: Scope, response: _Response) -> None:
        app = scope.get("app")
        if answers_itself(app):
            header = self._incoming.header if self._incoming.send_back else None
            give_work_to_handler(app, header)
        else:
            await response.answer_500()


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers with the values of one name joined: tracestate and baggage may come in several
    lines. So may an id, which is then refused: no valid one has a comma."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = value if name not in found else found[name] + b"," + value
    return found


class _Response:
    """The way out: adds the id where headers are sent."""

    __slots__ = ("_context", "_header", "_send", "_started")

    def __init__(self, send: Send, header: bytes | None, context: ServedContext) -> None:
        self._send = send
        self._header = header
        self._context = context
        self._started = False

    async def send(self, message: Message) -> None:
        if not self._started and message["type"] in _STARTS:
            self._started = True
            header = self._header
            if header is not None:
                headers: list[tuple[bytes, bytes]] = list(message.get("headers") or ())
                if header not in [bytes(name).lower() for name, _ in headers]:
                    headers.append((header, self._context.work["id"].encode("ascii")))
                message = {**message, "headers": headers}
        await self._send(message)

    async def answer_500(self) -> None:
        if self._started or self._header is None:
            return
        content_type = (b"content-type", b"text/plain; charset=utf-8")
        await self.send({"type": "http.response.start", "status": 500, "headers": [content_type]})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})
