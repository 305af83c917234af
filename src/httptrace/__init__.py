"""An asyncio HTTP client in which every moment of every request can be seen.

It has the client API of aiohttp::

    async with httptrace.ClientSession() as session:
        async with session.get("https://example.com") as response:
            print(response.status, await response.text())
            print(response.timeline)

``help(httptrace.ClientSession)`` explains one name. The names, by subject:

Requests
    ClientSession, request(), ClientTimeout, TCPConnector, UnixConnector, NamedPipeConnector,
    AsyncResolver, ThreadedResolver, Fingerprint, ClientRequest (what middlewares get)
Responses
    ClientResponse, StreamReader, MultipartReader, BodyPartReader, ServerSentEvent, ServerTiming,
    RequestInfo, ClientWebSocketResponse, WSMessage, WSMsgType, WSCloseCode
Bodies
    FormData, MultipartWriter, Payload and its subclasses, UploadTracker
Cookies and credentials
    CookieJar, DummyCookieJar, BasicAuth, DigestAuthMiddleware, extend_masking()
What happens during requests
    Timeline, Hop, TraceConfig (callbacks), Observer, Event and its subclasses Trace...Params,
    Span, record(), observe(), install(), uninstall(), loop_lag()
Why requests take long
    Timeline.why, Finding, explain() (for the requests of a block), Explanation
Context of tasks and threads
    Context, Local, wrap_async(), wrap_gather(), run_in_thread(), ContextThreadPoolExecutor,
    preserve_context_in_threads(), current_request_id(), Propagation, ContextMiddleware (ASGI),
    context_middleware (aiohttp.web)
Logging
    configure_logging(), RequestIdLoggingFilter, structlog_processor(), loguru_patcher()
Errors
    ClientError is the base of all errors but TotalTimeoutError; help("httptrace.errors") shows the
    tree
Modules
    httptrace.testing (servers and an event recorder for tests), httptrace.hdrs (names of headers)
"""

# ruff: noqa: I001
# fmt: off
from __future__ import annotations

from importlib import import_module as _import_module
from sys import modules as _modules
from typing import TYPE_CHECKING
from typing import Any as _Any

from .help_page import Package as _Package
from .session.one_off import request
from .auth.basic import BasicAuth, encode_basic_auth
from .body.streams import StreamReader
from .request.client_request import ClientHandlerType, ClientMiddlewareType, ClientRequest
from .cookies.jar import AbstractCookieJar, CookieJar, DummyCookieJar
from .errors import (
    ClientConnectionError, ClientConnectionResetError, ClientConnectorCertificateError,
    ClientConnectorDNSError, ClientConnectorError, ClientConnectorSSLError, ClientError,
    ClientHttpProxyError, ClientOSError, ClientPayloadError, ClientProxyConnectionError,
    ClientResponseError, ClientSSLError, ConnectionTimeoutError, ContentTypeError, InvalidURL,
    InvalidUrlClientError, InvalidUrlRedirectClientError, NonHttpUrlClientError,
    NonHttpUrlRedirectClientError, RedirectClientError, ServerConnectionError,
    ServerDisconnectedError, ServerFingerprintMismatch, ServerTimeoutError, SocketTimeoutError,
    TooManyRedirects, TotalTimeoutError, UploadAbortedError, WSMessageTypeError,
    WSServerHandshakeError,
)
from .local.context import Context, current_context
from .local.errors import UnsetLocalError
from .local.local import Local
from .local.request import current_request_id, job_context
from .masking import extend_masking
from .request_info import RequestInfo
from .response.response import ClientResponse
from .session.session import ClientSession
from .timeouts import ClientTimeout
from .trace.config import Signal, TraceConfig
from .trace.declare import Event
from .trace.events import (
    TraceCacheHitParams, TraceCacheMissParams, TraceCacheRevalidatedParams,
    TraceCacheStoredParams, TraceConnectionAcquiredParams, TraceConnectionClosedParams,
    TraceConnectionCreateEndParams,
    TraceConnectionCreateExceptionParams, TraceConnectionCreateStartParams,
    TraceConnectionQueuedEndParams, TraceConnectionQueuedExceptionParams,
    TraceConnectionQueuedStartParams, TraceConnectionReleasedParams,
    TraceConnectionReuseconnParams, TraceDnsCacheHitParams, TraceDnsCacheMissParams,
    TraceDnsResolveHostEndParams, TraceDnsResolveHostExceptionParams,
    TraceDnsResolveHostStartParams, TraceProxyConnectEndParams, TraceProxyConnectExceptionParams,
    TraceProxyConnectStartParams, TraceRequestBodySentParams, TraceRequestChunkSentParams,
    TraceRequestEndParams, TraceRequestExceptionParams, TraceRequestFinishParams,
    TraceRequestHeadersSentParams, TraceRequestRedirectParams, TraceRequestRetryParams,
    TraceRequestStartParams, TraceResponseBodyEndParams, TraceResponseChunkReceivedParams,
    TraceResponseFirstByteParams, TraceResponseHeadersReceivedParams,
    TraceResponseInformationalParams, TraceResponseTrailersParams, TraceSocketConnectEndParams,
    TraceSocketConnectExceptionParams, TraceSocketConnectStartParams, TraceTlsHandshakeEndParams,
    TraceTlsHandshakeExceptionParams, TraceTlsHandshakeStartParams, TraceWebSocketClosedParams,
    TraceWebSocketHandshakeEndParams, TraceWebSocketHandshakeExceptionParams,
    TraceWebSocketHandshakeStartParams, TraceWebSocketMessageReceivedParams,
    TraceWebSocketMessageSentParams, TraceWebSocketPingReceivedParams,
    TraceWebSocketPingSentParams, TraceWebSocketPongReceivedParams,
)
from .trace.hop import Hop
from .trace.observer import Observer, Recording, Span, install, observe, record, uninstall
from .trace.record import AddressTry, CacheFacts, ClosedBefore, DnsFacts, QueueFacts, TlsFacts
from .trace.tcp_info import TcpInfo
from .trace.timeline import Timeline
from .version import HttpVersion, HttpVersion10, HttpVersion11, __version__

if TYPE_CHECKING:
    from . import hdrs
    from . import (  # modules with the names of aiohttp's
        abc as abc, base_protocol as base_protocol, client as client,
        client_exceptions as client_exceptions, client_middlewares as client_middlewares,
        client_middleware_digest_auth as client_middleware_digest_auth,
        client_proto as client_proto, client_reqrep as client_reqrep, client_ws as client_ws,
        connector as connector, cookiejar as cookiejar, formdata as formdata, helpers as helpers,
        http as http, http_exceptions as http_exceptions, http_websocket as http_websocket,
        http_writer as http_writer, payload_streamer as payload_streamer,
        log as log, multipart as multipart, payload as payload, resolver as resolver,
        streams as streams, test_utils as test_utils, tracing as tracing, typedefs as typedefs,
    )
    from . import har as har, web as web
    from .body.disposition import (
        BadContentDispositionHeader, BadContentDispositionParam, content_disposition_filename,
        parse_content_disposition,
    )
    from .body.empty import EMPTY_PAYLOAD
    from .body.form import FormData
    from .body.multipart import MultipartWriter
    from .body.multipart_reader import MultipartReader
    from .body.part_reader import BodyPartReader
    from .body.payload import (
        AsyncIterablePayload, BufferedReaderPayload, BytesIOPayload, BytesPayload, IOBasePayload,
        JsonPayload, PAYLOAD_REGISTRY, Payload, StringIOPayload, StringPayload, TextIOPayload,
        get_payload, payload_type,
    )
    from .body.queues import DataQueue, EofStream, FlowControlDataQueue
    from .body.sse import EventStreamParser, ServerSentEvent
    from .body.streamer import streamer
    from .body.upload_tracker import UploadTracker
    from .body.zlib_backend import set_zlib_backend
    from .cache.memory import MemoryCacheStore
    from .cache.sqlite import SqliteCacheStore
    from .cache.store import CacheStore
    from .chain_map import ChainMapProxy
    from .auth.digest import DigestAuthMiddleware
    from .etag import ETag
    from .headers.server_timing import ServerTiming
    from .interceptors.cache import Cache
    from .local.celery_jobs import instrument_celery
    from .net.resolver import AbstractResolver, AsyncResolver, DefaultResolver, ThreadedResolver
    from .net.sockets import AddrInfoType, SocketFactoryType
    from .net.tls import Fingerprint
    from .pool.connector import BaseConnector
    from .pool.connectors import NamedPipeConnector, TCPConnector, UnixConnector
    from .pool.stats import ConnectorStats
    from .local.fields import bind
    from .local.json_logs import JsonLogConfiguration
    from .local.log_bridges import loguru_patcher, structlog_processor
    from .local.logs import LogConfiguration, RequestIdLoggingFilter, configure_logging
    from .local.propagation import Propagation
    from .local.sentry_tags import instrument_sentry
    from .local.tasks import wrap_async, wrap_gather
    from .local.threads import ContextThreadPoolExecutor, preserve_context_in_threads, run_in_thread
    from .observers.har import HarFile
    from .observers.log import RequestLog
    from .observers.prometheus import PrometheusObserver
    from .trace.loop_lag import LoopBlock, LoopLag, loop_lag
    from .trace.why.explaining import Explanation, explain
    from .trace.why.finding import Finding
    from .web.aiohttp_web import context_middleware, context_middleware_factory
    from .web.asgi import ContextMiddleware
    from .ws.messages import WSCloseCode, WSMessage, WSMsgType, WebSocketError
    from .ws.response import ClientWebSocketResponse
    from .ws.timeouts import ClientWSTimeout

__all__ = [
    "AbstractCookieJar", "AbstractResolver", "AddrInfoType", "AddressTry", "AsyncIterablePayload",
    "AsyncResolver", "BadContentDispositionHeader", "BadContentDispositionParam", "BaseConnector",
    "BasicAuth", "BodyPartReader", "BufferedReaderPayload", "BytesIOPayload", "BytesPayload",
    "Cache", "CacheFacts", "CacheStore", "ChainMapProxy", "ClientConnectionError",
    "ClientConnectionResetError", "ClientConnectorCertificateError", "ClientConnectorDNSError",
    "ClientConnectorError", "ClientConnectorSSLError", "ClientError", "ClientHandlerType",
    "ClientHttpProxyError", "ClientMiddlewareType", "ClientOSError", "ClientPayloadError",
    "ClientProxyConnectionError", "ClientRequest", "ClientResponse", "ClientResponseError",
    "ClientSSLError", "ClientSession", "ClientTimeout", "ClientWSTimeout",
    "ClientWebSocketResponse", "ClosedBefore", "ConnectionTimeoutError", "ConnectorStats",
    "ContentTypeError", "Context", "ContextMiddleware", "ContextThreadPoolExecutor", "CookieJar",
    "DataQueue", "DefaultResolver", "DigestAuthMiddleware", "DnsFacts", "DummyCookieJar",
    "EMPTY_PAYLOAD", "ETag", "EofStream", "Event", "EventStreamParser", "Explanation", "Finding",
    "Fingerprint", "FlowControlDataQueue", "FormData", "HarFile", "Hop", "HttpVersion",
    "HttpVersion10", "HttpVersion11", "IOBasePayload", "InvalidURL", "InvalidUrlClientError",
    "InvalidUrlRedirectClientError", "JsonLogConfiguration", "JsonPayload", "Local",
    "LogConfiguration", "LoopBlock", "LoopLag", "MemoryCacheStore", "MultipartReader",
    "MultipartWriter", "NamedPipeConnector", "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError", "Observer", "PAYLOAD_REGISTRY", "Payload",
    "PrometheusObserver", "Propagation", "QueueFacts", "Recording", "RedirectClientError",
    "RequestIdLoggingFilter", "RequestInfo", "RequestLog", "ServerConnectionError",
    "ServerDisconnectedError", "ServerFingerprintMismatch", "ServerSentEvent", "ServerTimeoutError",
    "ServerTiming", "Signal", "SocketFactoryType", "SocketTimeoutError", "Span", "SqliteCacheStore",
    "StreamReader", "StringIOPayload", "StringPayload", "TCPConnector", "TcpInfo", "TextIOPayload",
    "ThreadedResolver", "Timeline", "TlsFacts", "TooManyRedirects", "TotalTimeoutError",
    "TraceCacheHitParams", "TraceCacheMissParams", "TraceCacheRevalidatedParams",
    "TraceCacheStoredParams", "TraceConfig", "TraceConnectionAcquiredParams",
    "TraceConnectionClosedParams", "TraceConnectionCreateEndParams",
    "TraceConnectionCreateExceptionParams", "TraceConnectionCreateStartParams",
    "TraceConnectionQueuedEndParams", "TraceConnectionQueuedExceptionParams",
    "TraceConnectionQueuedStartParams", "TraceConnectionReleasedParams",
    "TraceConnectionReuseconnParams", "TraceDnsCacheHitParams", "TraceDnsCacheMissParams",
    "TraceDnsResolveHostEndParams", "TraceDnsResolveHostExceptionParams",
    "TraceDnsResolveHostStartParams", "TraceProxyConnectEndParams",
    "TraceProxyConnectExceptionParams", "TraceProxyConnectStartParams",
    "TraceRequestBodySentParams", "TraceRequestChunkSentParams", "TraceRequestEndParams",
    "TraceRequestExceptionParams", "TraceRequestFinishParams", "TraceRequestHeadersSentParams",
    "TraceRequestRedirectParams", "TraceRequestRetryParams", "TraceRequestStartParams",
    "TraceResponseBodyEndParams", "TraceResponseChunkReceivedParams",
    "TraceResponseFirstByteParams", "TraceResponseHeadersReceivedParams",
    "TraceResponseInformationalParams", "TraceResponseTrailersParams",
    "TraceSocketConnectEndParams", "TraceSocketConnectExceptionParams",
    "TraceSocketConnectStartParams", "TraceTlsHandshakeEndParams",
    "TraceTlsHandshakeExceptionParams", "TraceTlsHandshakeStartParams",
    "TraceWebSocketClosedParams", "TraceWebSocketHandshakeEndParams",
    "TraceWebSocketHandshakeExceptionParams", "TraceWebSocketHandshakeStartParams",
    "TraceWebSocketMessageReceivedParams", "TraceWebSocketMessageSentParams",
    "TraceWebSocketPingReceivedParams", "TraceWebSocketPingSentParams",
    "TraceWebSocketPongReceivedParams", "UnixConnector", "UnsetLocalError", "UploadAbortedError",
    "UploadTracker", "WSCloseCode", "WSMessage", "WSMessageTypeError", "WSMsgType",
    "WSServerHandshakeError", "WebSocketError", "__version__", "bind", "configure_logging",
    "content_disposition_filename", "context_middleware", "context_middleware_factory",
    "current_context", "current_request_id", "encode_basic_auth", "explain", "extend_masking",
    "get_payload", "hdrs", "install", "instrument_celery", "instrument_sentry", "job_context",
    "loguru_patcher", "loop_lag", "observe", "parse_content_disposition", "payload_type",
    "preserve_context_in_threads", "record", "request", "run_in_thread", "set_zlib_backend",
    "streamer", "structlog_processor", "uninstall", "wrap_async", "wrap_gather",
]

_LATER = {
    "body.disposition": (
        "BadContentDispositionHeader", "BadContentDispositionParam",
        "content_disposition_filename", "parse_content_disposition",
    ),
    "body.empty": (
        "EMPTY_PAYLOAD",
    ),
    "body.form": (
        "FormData",
    ),
    "body.multipart": (
        "MultipartWriter",
    ),
    "body.multipart_reader": (
        "MultipartReader",
    ),
    "body.part_reader": (
        "BodyPartReader",
    ),
    "body.payload": (
        "AsyncIterablePayload", "BufferedReaderPayload", "BytesIOPayload", "BytesPayload",
        "IOBasePayload", "JsonPayload", "PAYLOAD_REGISTRY", "Payload", "StringIOPayload",
        "StringPayload", "TextIOPayload", "get_payload", "payload_type",
    ),
    "body.queues": (
        "DataQueue", "EofStream", "FlowControlDataQueue",
    ),
    "body.sse": (
        "EventStreamParser", "ServerSentEvent",
    ),
    "body.streamer": (
        "streamer",
    ),
    "body.upload_tracker": (
        "UploadTracker",
    ),
    "body.zlib_backend": (
        "set_zlib_backend",
    ),
    "cache.memory": (
        "MemoryCacheStore",
    ),
    "cache.sqlite": (
        "SqliteCacheStore",
    ),
    "cache.store": (
        "CacheStore",
    ),
    "chain_map": (
        "ChainMapProxy",
    ),
    "auth.digest": (
        "DigestAuthMiddleware",
    ),
    "etag": (
        "ETag",
    ),
    "headers.server_timing": (
        "ServerTiming",
    ),
    "net.resolver": (
        "AbstractResolver", "AsyncResolver", "DefaultResolver", "ThreadedResolver",
    ),
    "net.sockets": (
        "AddrInfoType", "SocketFactoryType",
    ),
    "net.tls": (
        "Fingerprint",
    ),
    "pool.connector": (
        "BaseConnector",
    ),
    "pool.connectors": (
        "NamedPipeConnector", "TCPConnector", "UnixConnector",
    ),
    "pool.stats": (
        "ConnectorStats",
    ),
    "interceptors.cache": (
        "Cache",
    ),
    "local.celery_jobs": (
        "instrument_celery",
    ),
    "local.fields": (
        "bind",
    ),
    "local.json_logs": (
        "JsonLogConfiguration",
    ),
    "local.log_bridges": (
        "loguru_patcher", "structlog_processor",
    ),
    "local.logs": (
        "LogConfiguration", "RequestIdLoggingFilter", "configure_logging",
    ),
    "local.propagation": (
        "Propagation",
    ),
    "local.sentry_tags": (
        "instrument_sentry",
    ),
    "local.tasks": (
        "wrap_async", "wrap_gather",
    ),
    "local.threads": (
        "ContextThreadPoolExecutor", "preserve_context_in_threads", "run_in_thread",
    ),
    "observers.har": (
        "HarFile",
    ),
    "observers.log": (
        "RequestLog",
    ),
    "observers.prometheus": (
        "PrometheusObserver",
    ),
    "trace.loop_lag": (
        "LoopBlock", "LoopLag", "loop_lag",
    ),
    "trace.why.explaining": (
        "Explanation", "explain",
    ),
    "trace.why.finding": (
        "Finding",
    ),
    "web.aiohttp_web": (
        "context_middleware", "context_middleware_factory",
    ),
    "web.asgi": (
        "ContextMiddleware",
    ),
    "ws.messages": (
        "WSCloseCode", "WSMessage", "WSMsgType", "WebSocketError",
    ),
    "ws.response": (
        "ClientWebSocketResponse",
    ),
    "ws.timeouts": (
        "ClientWSTimeout",
    ),
}
"""Names that are imported when they are first asked for, by module."""
_MODULE_OF = {name: module for module, names in _LATER.items() for name in names}
_MODULES = frozenset({
    "abc", "base_protocol", "client", "client_exceptions", "client_middleware_digest_auth",
    "client_middlewares", "client_proto", "client_reqrep", "client_ws", "connector", "cookiejar",
    "formdata", "har", "hdrs", "helpers", "http", "http_exceptions", "http_websocket",
    "http_writer", "log", "multipart", "payload", "payload_streamer", "resolver", "streams",
    "test_utils", "tracing", "typedefs", "web",
})
"""Modules that are imported when they are first asked for."""
# fmt: on


if not TYPE_CHECKING:  # or type checkers would accept every name

    def __getattr__(name: str) -> _Any:
        if name in _MODULES:
            return _import_module(f".{name}", __name__)
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        value = getattr(_import_module(f".{module}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


_modules[__name__].__class__ = _Package
