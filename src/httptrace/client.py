"""Names of ``aiohttp.client``, for programs that import them from there."""

from __future__ import annotations

from yarl import URL

from .aiohttp_names import (
    WS_KEY,
    WSHandshakeError,
    basicauth_from_netrc,
    build_client_middlewares,
    get_env_proxy_for_url,
    netrc_from_env,
    sentinel,
    strip_auth_from_url,
)
from .auth.basic import BasicAuth
from .body.upload_tracker import UploadTracker
from .cookies.jar import AbstractCookieJar, CookieJar
from .errors import (
    ClientConnectionError,
    ClientConnectionResetError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHttpProxyError,
    ClientOSError,
    ClientPayloadError,
    ClientProxyConnectionError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    ContentTypeError,
    InvalidURL,
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    NonHttpUrlRedirectClientError,
    RedirectClientError,
    ServerConnectionError,
    ServerDisconnectedError,
    ServerFingerprintMismatch,
    ServerTimeoutError,
    SocketTimeoutError,
    TooManyRedirects,
    UploadAbortedError,
    WSMessageTypeError,
    WSServerHandshakeError,
)
from .net.tls import Fingerprint
from .pool.connector import BaseConnector
from .pool.connectors import NamedPipeConnector, TCPConnector, UnixConnector
from .request.client_request import ClientHandlerType, ClientMiddlewareType, ClientRequest
from .request_info import RequestInfo
from .response.response import ClientResponse
from .session.context_manager import RequestContextManager as _RequestContextManager
from .session.one_off import request
from .session.session import ClientSession
from .timeouts import DEFAULT_TIMEOUT, ClientTimeout
from .trace.config import TraceConfig
from .typedefs import JSONEncoder, LooseCookies, LooseHeaders, Query, StrOrURL
from .version import HttpVersion
from .ws.connect import Opening as _WSRequestContextManager
from .ws.response import ClientWebSocketResponse
from .ws.timeouts import DEFAULT_TIMEOUT as DEFAULT_WS_CLIENT_TIMEOUT
from .ws.timeouts import ClientWSTimeout

__all__ = [
    "AbstractCookieJar",
    "BaseConnector",
    "BasicAuth",
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientHandlerType",
    "ClientHttpProxyError",
    "ClientMiddlewareType",
    "ClientOSError",
    "ClientPayloadError",
    "ClientProxyConnectionError",
    "ClientRequest",
    "ClientResponse",
    "ClientResponseError",
    "ClientSSLError",
    "ClientSession",
    "ClientTimeout",
    "ClientWSTimeout",
    "ClientWebSocketResponse",
    "ConnectionTimeoutError",
    "ContentTypeError",
    "CookieJar",
    "DEFAULT_TIMEOUT",
    "DEFAULT_WS_CLIENT_TIMEOUT",
    "Fingerprint",
    "HttpVersion",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "JSONEncoder",
    "LooseCookies",
    "LooseHeaders",
    "NamedPipeConnector",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "Query",
    "RedirectClientError",
    "RequestInfo",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "StrOrURL",
    "TCPConnector",
    "TooManyRedirects",
    "TraceConfig",
    "URL",
    "UnixConnector",
    "UploadAbortedError",
    "UploadTracker",
    "WSHandshakeError",
    "WSMessageTypeError",
    "WSServerHandshakeError",
    "WS_KEY",
    "_RequestContextManager",
    "_WSRequestContextManager",
    "basicauth_from_netrc",
    "build_client_middlewares",
    "get_env_proxy_for_url",
    "netrc_from_env",
    "request",
    "sentinel",
    "strip_auth_from_url",
]
