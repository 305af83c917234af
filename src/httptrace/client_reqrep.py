"""Names of ``aiohttp.client_reqrep``, for programs that import them from there."""

from __future__ import annotations

from types import MappingProxyType

from .aiohttp_names import HeadersMixin, TimerNoop, noop, reify, sentinel
from .auth.basic import BasicAuth
from .body.disposition import ContentDisposition
from .body.form import FormData
from .body.streams import StreamReader
from .body.upload_tracker import UploadTracker
from .errors import (
    ClientConnectionError,
    ClientOSError,
    ClientResponseError,
    ContentTypeError,
    InvalidURL,
    ServerFingerprintMismatch,
    UploadAbortedError,
)
from .net.key import ConnectionKey
from .net.tls import Fingerprint
from .request.client_request import ClientRequest
from .request_info import RequestInfo
from .response.response import ClientResponse
from .typedefs import JSONDecoder, LooseCookies, LooseHeaders, Query, RawHeaders
from .version import HttpVersion, HttpVersion10, HttpVersion11

__all__ = [
    "BasicAuth",
    "ClientConnectionError",
    "ClientOSError",
    "ClientRequest",
    "ClientResponse",
    "ClientResponseError",
    "ConnectionKey",
    "ContentDisposition",
    "ContentTypeError",
    "Fingerprint",
    "FormData",
    "HeadersMixin",
    "HttpVersion",
    "HttpVersion10",
    "HttpVersion11",
    "InvalidURL",
    "JSONDecoder",
    "LooseCookies",
    "LooseHeaders",
    "MappingProxyType",
    "Query",
    "RawHeaders",
    "RequestInfo",
    "ServerFingerprintMismatch",
    "StreamReader",
    "TimerNoop",
    "UploadAbortedError",
    "UploadTracker",
    "noop",
    "reify",
    "sentinel",
]
