"""Names of ``aiohttp.connector``, for programs that import them from there."""

from __future__ import annotations

from .aiohttp_names import noop, sentinel
from .errors import (
    ClientConnectionError,
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    InvalidUrlClientError,
    ServerFingerprintMismatch,
)
from .net.key import ConnectionKey
from .net.resolver import AbstractResolver, DefaultResolver, ResolveResult
from .net.sockets import AddrInfoType, SocketFactoryType
from .net.tls import Fingerprint
from .pool.connector import BaseConnector, Connection
from .pool.connectors import NamedPipeConnector, TCPConnector, UnixConnector
from .pool.response_handler import ResponseHandler
from .request.client_request import ClientRequest

__all__ = [
    "AbstractResolver",
    "AddrInfoType",
    "BaseConnector",
    "ClientConnectionError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientHttpProxyError",
    "ClientProxyConnectionError",
    "ClientRequest",
    "Connection",
    "ConnectionKey",
    "DefaultResolver",
    "Fingerprint",
    "InvalidUrlClientError",
    "NamedPipeConnector",
    "ResolveResult",
    "ResponseHandler",
    "ServerFingerprintMismatch",
    "SocketFactoryType",
    "TCPConnector",
    "UnixConnector",
    "noop",
    "sentinel",
]
