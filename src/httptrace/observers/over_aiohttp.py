"""Exporters over the sessions of aiohttp itself: what aiohttp's signals tell, as our events.

aiohttp tells neither TLS handshakes nor the addresses that it tries, nor what it receives byte by
byte. What it does not tell is absent: `connect` contains TLS, byte counts are 0, and there are no
events of a response's body, which aiohttp tells only when it was decoded and read.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError
from itertools import count
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from multidict import CIMultiDict, CIMultiDictProxy

from ..call.call import next_request_id
from ..local.request import current_request_id
from ..trace.declare import event_of
from ..trace.events import (
    TraceConnectionCreateEndParams,
    TraceConnectionCreateStartParams,
    TraceConnectionQueuedEndParams,
    TraceConnectionQueuedStartParams,
    TraceConnectionReuseconnParams,
    TraceDnsCacheHitParams,
    TraceDnsCacheMissParams,
    TraceDnsResolveHostEndParams,
    TraceDnsResolveHostStartParams,
    TraceRequestChunkSentParams,
    TraceRequestEndParams,
    TraceRequestExceptionParams,
    TraceRequestFinishParams,
    TraceRequestHeadersSentParams,
    TraceRequestRedirectParams,
    TraceRequestStartParams,
)
from ..trace.record import DnsFacts, Record, TlsFacts
from ..trace.subscription import handlers_of, has_spans

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler
    from yarl import URL

    from ..trace.declare import Event
    from ..trace.moments_call import Outcome
    from ..trace.observer import Observer
    from ..trace.subscription import Handlers

_RELEASED = "ClientConnectionError"
"""What aiohttp sets on a body that the program does not read; failures have subclasses of it."""
_connection_numbers = count(1)
_connections: WeakKeyDictionary[ResponseHandler, _Connection] = WeakKeyDictionary()


class _Connection:
    """What is known of one of aiohttp's connections."""

    def __init__(self) -> None:
        self.id = next(_connection_numbers)
        self.served = 0


class AiohttpRecord(Record):
    """One attempt of a request of aiohttp's."""

    def __init__(self, request: _Request, method: str, url: URL, headers: Any) -> None:
        super().__init__()
        self._request = request
        self.method, self._url, self._headers = method, url, headers
        self.start_ns = perf_counter_ns()
        self.sent_is_known = False
        self.connection: _Connection | None = None
        self.response: aiohttp.ClientResponse | None = None
        self._response_headers: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())
        self._version = "1.1"

    @property
    def request_id(self) -> int:
        """The request's number in this process."""
        return self._request.id

    @property
    def context_id(self) -> str | None:
        """The request id of the context that made the request."""
        return self._request.context_id

    @property
    def url(self) -> URL:
        """The URL of the attempt."""
        return self._url

    @property
    def connection_id(self) -> int | None:
        """The connection's number among those of aiohttp in this process."""
        return None if self.connection is None else self.connection.id

    @property
    def consumer_ns(self) -> int:
        """0: aiohttp does not tell whether the caller or the network took the time."""
        return 0

    @property
    def http_version(self) -> str:
        """The response's version of HTTP."""
        return self._version

    @property
    def request_headers(self) -> CIMultiDict[str]:
        """The headers of the request."""
        return self._headers  # type: ignore[no-any-return]

    @property
    def response_headers(self) -> CIMultiDictProxy[str]:
        """The headers of the response."""
        return self._response_headers

    def sends(self, method: str, url: URL, headers: Any) -> None:
        """aiohttp has written the head."""
        self.method, self._url, self._headers = method, url, headers
        self.sent_ns = perf_counter_ns()

    def answered(self, response: aiohttp.ClientResponse) -> None:
        """The head of the response is there."""
        self.first_byte_ns = self.head_ns = perf_counter_ns()
        self.status, self.reason_phrase = response.status, response.reason or ""
        self._response_headers = response.headers
        if response.version is not None:
            self._version = f"{response.version.major}.{response.version.minor}"
        protocol = getattr(response, "_protocol", None)
        if protocol is not None:
            self._take_connection(protocol)

    def _take_connection(self, protocol: ResponseHandler) -> None:
        self.connection = _connections.get(protocol)
        if self.connection is None:
            self.connection = _connections[protocol] = _Connection()
        self.served_before = self.connection.served
        self.connection.served += 1
        if protocol.transport is None:
            return
        extra = protocol.transport.get_extra_info
        self.address = _address_of(extra("peername"))
        if (ssl_object := extra("ssl_object")) is not None:
            cipher = ssl_object.cipher()
            self.tls = TlsFacts(
                ssl_object.version() or "",
                cipher[0] if cipher else "",
                ssl_object.selected_alpn_protocol(),
                ssl_object.session_reused,
                None,
                None,
            )


def _address_of(peer: Any) -> str | None:
    """A peer's address as our own connections have it."""
    if isinstance(peer, tuple):
        host, port = peer[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return str(peer) if peer else None


class _Request:
    """The context that aiohttp hands to all callbacks of a request."""

    record: AiohttpRecord

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self.id = next_request_id()
        self.context_id = current_request_id()
        self.finished = False

    def tell(self, kind: type[Event], *data: object, time_ns: int = 0) -> None:
        """Deliver an event to the exporter, if it wants it."""
        handler = self.handlers.get(kind)
        if handler is not None:
            handler(event_of(kind, self.record, time_ns or perf_counter_ns(), *data))

    def attempt(self) -> AiohttpRecord:
        """The record of the attempt that gets a connection now.

        aiohttp does not tell when it sends again, after a redirect, with credentials, or on another
        connection. But it gets a connection again.
        """
        last = self.record
        if last.send_ns:
            last.end_ns = last.end_ns or perf_counter_ns()
            self.record = AiohttpRecord(self, last.method, last.url, last.request_headers)
            self.record.previous, self.record.attempt = last, last.attempt + 1
            self.record.start_ns = last.end_ns
        return self.record

    def finish(self, outcome: Outcome, exc: BaseException | None = None) -> None:
        """Tell the end, once."""
        if self.finished:
            return
        self.finished = True
        record = self.record
        record.end_ns, record.exception, record.response = perf_counter_ns(), exc, None
        self.tell(TraceRequestFinishParams, outcome, exc)

    def left(self) -> None:
        """aiohttp gives the connection back, or closes it: the body came whole, or it did not."""
        response = self.record.response
        if response is None or self.finished:
            return
        leaving = sys.exc_info()[1]
        if response.content.is_eof():
            self.finish("completed")
        elif isinstance(leaving, CancelledError):
            self.finish("cancelled", leaving)
            return
        error = response.content.exception() or leaving
        if isinstance(error, Exception) and type(error).__name__ != _RELEASED:
            self.finish("failed", error)
        else:
            self.finish("dropped")


def trace_config(exporter: Observer) -> aiohttp.TraceConfig:
    """A TraceConfig of aiohttp that tells an observer of requests."""
    try:
        import aiohttp
    except ImportError as exc:
        raise ImportError(
            "trace_config() is for sessions of aiohttp, which is not installed. Sessions of "
            "httptrace take the exporter itself: ClientSession(observers=[…])"
        ) from exc
    kept = None if has_spans(exporter) else handlers_of(exporter)

    def context(trace_request_ctx: Any = None) -> _Request:
        return _Request(handlers_of(exporter) if kept is None else kept)

    config = aiohttp.TraceConfig(trace_config_ctx_factory=context)  # type: ignore[arg-type]
    for name, callback in vars(_Callbacks).items():
        if name.startswith("on_"):
            getattr(config, name).append(callback.__func__)
    return config


class _Callbacks:
    """The callbacks of aiohttp's signals, by their names."""

    @staticmethod
    async def on_request_start(session: Any, request: _Request, params: Any) -> None:
        request.record = AiohttpRecord(request, params.method, params.url, params.headers)
        request.tell(TraceRequestStartParams, time_ns=request.record.start_ns)

    @staticmethod
    async def on_connection_queued_start(session: Any, request: _Request, params: Any) -> None:
        request.attempt()
        request.tell(TraceConnectionQueuedStartParams, None, None, None)

    @staticmethod
    async def on_connection_queued_end(session: Any, request: _Request, params: Any) -> None:
        request.tell(TraceConnectionQueuedEndParams)

    @staticmethod
    async def on_connection_create_start(session: Any, request: _Request, params: Any) -> None:
        request.attempt().enter("connect")
        request.tell(TraceConnectionCreateStartParams)

    @staticmethod
    async def on_dns_resolvehost_start(session: Any, request: _Request, params: Any) -> None:
        record = request.record
        record.dns = DnsFacts(params.host, "look-up", None)
        marks = record.marks or []
        if [phase for phase, _ in marks] == ["connect"]:
            marks[0] = ("dns", marks[0][1])
        else:
            record.enter("dns")
        request.tell(TraceDnsResolveHostStartParams, params.host, False)

    @staticmethod
    async def on_dns_resolvehost_end(session: Any, request: _Request, params: Any) -> None:
        request.record.enter("connect")
        request.tell(TraceDnsResolveHostEndParams, params.host, False, ())

    @staticmethod
    async def on_dns_cache_hit(session: Any, request: _Request, params: Any) -> None:
        request.record.dns = DnsFacts(params.host, "cache", None)
        request.tell(TraceDnsCacheHitParams, params.host, (), None)

    @staticmethod
    async def on_dns_cache_miss(session: Any, request: _Request, params: Any) -> None:
        request.tell(TraceDnsCacheMissParams, params.host)

    @staticmethod
    async def on_connection_create_end(session: Any, request: _Request, params: Any) -> None:
        request.record.send_ns = perf_counter_ns()
        request.tell(TraceConnectionCreateEndParams)

    @staticmethod
    async def on_connection_reuseconn(session: Any, request: _Request, params: Any) -> None:
        record = request.attempt()
        record.send_ns = perf_counter_ns()
        request.tell(TraceConnectionReuseconnParams)

    @staticmethod
    async def on_request_headers_sent(session: Any, request: _Request, params: Any) -> None:
        request.record.sends(params.method, params.url, params.headers)
        request.tell(TraceRequestHeadersSentParams)

    @staticmethod
    async def on_request_chunk_sent(session: Any, request: _Request, params: Any) -> None:
        record = request.record
        record.body_sent += len(params.chunk)
        record.sent_ns = perf_counter_ns()
        request.tell(TraceRequestChunkSentParams, params.chunk)

    @staticmethod
    async def on_request_redirect(session: Any, request: _Request, params: Any) -> None:
        record = request.record
        record.answered(params.response)
        request.tell(TraceRequestRedirectParams, params.response)
        record.end_ns = perf_counter_ns()

    @staticmethod
    async def on_request_end(session: Any, request: _Request, params: Any) -> None:
        record = request.record
        record.end_ns = 0  # of a redirect that was not followed
        record.answered(params.response)
        request.tell(TraceRequestEndParams, params.response)
        connection = params.response.connection
        if connection is None or params.response.status == 101:
            request.finish("completed")
        else:
            record.response = params.response
            connection.add_callback(request.left)

    @staticmethod
    async def on_request_exception(session: Any, request: _Request, params: Any) -> None:
        record, exc = request.record, params.exception
        record.exception, record.end_ns = exc, 0
        if not record.status and isinstance(status := getattr(exc, "status", None), int):
            record.status = status  # raise_for_status: the head came, aiohttp did not tell when
        request.tell(TraceRequestExceptionParams, exc, record.phase, None)
        request.finish("cancelled" if isinstance(exc, CancelledError) else "failed", exc)
