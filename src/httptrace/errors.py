"""Exceptions, with aiohttp's names and base classes (aiohttp's documentation, "Client exceptions").

::

    ClientError
    ├── ClientConnectionError
    │   ├── ClientConnectionResetError      also ConnectionResetError
    │   ├── ClientOSError                   also OSError
    │   │   └── ClientConnectorError
    │   │       ├── ClientConnectorDNSError
    │   │       ├── ClientProxyConnectionError
    │   │       └── ClientSSLError
    │   │           ├── ClientConnectorSSLError          also ssl.SSLError
    │   │           └── ClientConnectorCertificateError  also ssl.SSLCertVerificationError
    │   └── ServerConnectionError
    │       ├── ServerDisconnectedError
    │       ├── ServerFingerprintMismatch
    │       └── ServerTimeoutError          also TimeoutError
    │           ├── ConnectionTimeoutError
    │           └── SocketTimeoutError
    ├── ClientPayloadError
    ├── ClientResponseError
    │   ├── ClientHttpProxyError
    │   ├── ContentTypeError
    │   ├── TooManyRedirects
    │   └── WSServerHandshakeError
    ├── InvalidURL                          also ValueError
    │   └── InvalidUrlClientError
    ├── NonHttpUrlClientError
    ├── RedirectClientError
    │   ├── InvalidUrlRedirectClientError   also InvalidUrlClientError
    │   └── NonHttpUrlRedirectClientError   also NonHttpUrlClientError
    └── UploadAbortedError
    TotalTimeoutError                       also TimeoutError: the limit ClientTimeout.total
    WSMessageTypeError                      also TypeError

Every timeout has the attributes `timeout`, `phase`, `limit` and `elapsed`. The exceptions can be
copied and pickled; a pickle leaves out what cannot be pickled, such as the responses in `history`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pickling import Portable

try:
    import ssl

    _SSLError: type[OSError] = ssl.SSLError
    _CertificateError: type[Exception] = ssl.SSLCertVerificationError
except ImportError:  # pragma: no cover - a Python that was built without TLS
    _SSLError, _CertificateError = OSError, ValueError

if TYPE_CHECKING:
    from multidict import MultiMapping
    from yarl import URL

    from .request_info import RequestInfo
    from .response.response import ClientResponse
    from .trace.timeline import Timeline

__all__ = [
    "ClientConnectionError",
    "ClientConnectionResetError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientConnectorSSLError",
    "ClientError",
    "ClientHttpProxyError",
    "ClientOSError",
    "ClientPayloadError",
    "ClientProxyConnectionError",
    "ClientResponseError",
    "ClientSSLError",
    "ConnectionTimeoutError",
    "ContentTypeError",
    "InvalidURL",
    "InvalidUrlClientError",
    "InvalidUrlRedirectClientError",
    "NonHttpUrlClientError",
    "NonHttpUrlRedirectClientError",
    "RedirectClientError",
    "ServerConnectionError",
    "ServerDisconnectedError",
    "ServerFingerprintMismatch",
    "ServerTimeoutError",
    "SocketTimeoutError",
    "TooManyRedirects",
    "TotalTimeoutError",
    "UploadAbortedError",
    "WSMessageTypeError",
    "WSServerHandshakeError",
]


class ClientError(Portable, Exception):
    """Base of the exceptions that a request fails with."""

    timeline: Timeline | None = None
    """Where the time of the failed request went; None if no request was begun."""


class ClientResponseError(ClientError):
    """The server sent an error response, or a response that cannot be parsed.

    :param request_info: the request that was sent.
    :param history: the redirect responses that led to it.
    :param status: the response's status; 0 if it could not be parsed.
    :param code: the former name of `status`.
    :param message: the reason phrase, or what is wrong with the response.
    :param headers: the response's headers.
    """

    def __init__(
        self,
        request_info: RequestInfo,
        history: tuple[ClientResponse, ...],
        *,
        code: int | None = None,
        status: int | None = None,
        message: str = "",
        headers: MultiMapping[str] | None = None,
    ) -> None:
        if code is not None and status is not None:
            raise ValueError("Both code and status are given; code is the former name of status")
        self.request_info = request_info
        self.history = history
        self.status = status or code or 0
        self.message = message
        self.headers = headers
        super().__init__(request_info, history)

    @property
    def code(self) -> int:
        """The former name of `status`."""
        return self.status

    def __str__(self) -> str:
        from .masking import mask_url

        url = mask_url(self.request_info.real_url)
        return f"{self.status}, message={self.message!r}, url={url!r}"

    def __repr__(self) -> str:
        from .masking import shown

        extra = "".join(
            f", {name}={shown(value)}"
            for name, value in (
                ("status", self.status or None),
                ("message", self.message or None),
                ("headers", self.headers),
            )
            if value is not None
        )
        return f"{type(self).__name__}({self.request_info!r}, {self.history!r}{extra})"


class ContentTypeError(ClientResponseError):
    """The response's content type is not the one that the caller asked to parse."""


class WSServerHandshakeError(ClientResponseError):
    """The server did not accept the WebSocket handshake."""


class ClientHttpProxyError(ClientResponseError):
    """The proxy answered CONNECT with an error response."""


class TooManyRedirects(ClientResponseError):
    """The server sent more redirects than `max_redirects` allows; they are in `history`."""


class ClientConnectionError(ClientError):
    """Base of errors of the connection: it could not be made, it broke, or it timed out."""


class ClientConnectionResetError(ClientConnectionError, ConnectionResetError):
    """The server closed the connection while the request was being sent."""


class ClientOSError(ClientConnectionError, OSError):
    """The operating system reported an error on the connection."""


class ClientConnectorError(ClientOSError):
    """The connection to the server could not be made.

    :param connection_key: the destination, with the attributes `host`, `port` and `ssl`.
    :param os_error: the cause.
    """

    def __init__(self, connection_key: Any, os_error: OSError) -> None:
        self._conn_key = connection_key
        self._os_error = os_error
        super().__init__(os_error.errno, os_error.strerror)
        self.args = (connection_key, os_error)

    @property
    def os_error(self) -> OSError:
        """The error that the operating system reported."""
        return self._os_error

    @property
    def host(self) -> str:
        """The host of the destination."""
        return str(self._conn_key.host)

    @property
    def port(self) -> int | None:
        """The port of the destination."""
        return self._conn_key.port  # type: ignore[no-any-return]

    @property
    def ssl(self) -> Any:
        """The `ssl` parameter of the request."""
        return self._conn_key.ssl

    def __str__(self) -> str:
        return self._describe(self._os_error.strerror or str(self._os_error))

    def _describe(self, cause: str) -> str:
        tls = "default" if self.ssl is True else self.ssl
        return f"Cannot connect to host {self.host}:{self.port} ssl:{tls} [{cause}]"


class ClientConnectorDNSError(ClientConnectorError):
    """The host name could not be resolved."""


class ClientProxyConnectionError(ClientConnectorError):
    """The connection to the proxy could not be made, or the proxy could not reach the server."""


class ClientSSLError(ClientConnectorError):
    """Base of TLS errors."""


class ClientConnectorSSLError(ClientSSLError, _SSLError):  # type: ignore[misc, valid-type]
    """The TLS handshake failed."""


_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
"""X509_V_ERR_… in OpenSSL's x509_vfy.h: no trusted authority issued the certificate."""
_HOW_TO_TRUST = (
    "; if you trust its issuer, pass ssl=ssl.create_default_context(cafile=...), or "
    "ssl=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for what the operating system trusts"
)


class ClientConnectorCertificateError(ClientSSLError, _CertificateError):  # type: ignore[misc, valid-type]
    """The server's certificate failed verification; the reason is in `certificate_error`."""

    def __init__(self, connection_key: Any, certificate_error: Exception) -> None:
        self._conn_key = connection_key
        self._certificate_error = certificate_error
        self.errno, self.strerror = self.os_error.errno, self.os_error.strerror
        self.args = (connection_key, certificate_error)

    @property
    def certificate_error(self) -> Exception:
        """The reason why verification failed."""
        return self._certificate_error

    @property
    def os_error(self) -> OSError:
        """`certificate_error` as an OSError, as in `ClientConnectorError`."""
        error = self._certificate_error
        return error if isinstance(error, OSError) else OSError(str(error))

    def __str__(self) -> str:
        error = self._certificate_error
        untrusted = getattr(error, "verify_code", None) in _UNTRUSTED
        text = self._describe(f"{type(error).__name__}: {error.args}")
        return text + _HOW_TO_TRUST if untrusted else text


class ServerConnectionError(ClientConnectionError):
    """Base of connection errors that the server causes."""


class ServerDisconnectedError(ServerConnectionError):
    """The server closed the connection before it sent a complete response head."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or "Server disconnected"
        self.args = (self.message,)

    def __str__(self) -> str:
        return self.message


class _Timeout:
    timeout: str | None = None
    """The name of the limit that was exceeded, as in ClientTimeout."""
    phase: str | None = None
    """The phase of the request in which it was raised."""
    limit: float | None = None
    """The limit in seconds."""
    elapsed: float | None = None
    """The seconds that had passed."""


class ServerTimeoutError(_Timeout, ServerConnectionError, TimeoutError):
    """The server took longer than a limit of ClientTimeout."""


class ConnectionTimeoutError(ServerTimeoutError):
    """Getting a connection took longer than ``connect`` or ``sock_connect``."""


class SocketTimeoutError(ServerTimeoutError):
    """No bytes arrived for longer than ``sock_read``."""


class TotalTimeoutError(_Timeout, Portable, TimeoutError):
    """The request took longer than ``ClientTimeout.total``. Not a ClientError, as in aiohttp."""

    timeline: Timeline | None = None
    """Where the time of the request went."""


class ServerFingerprintMismatch(ServerConnectionError):
    """The server's certificate does not have the fingerprint that the caller gave."""

    def __init__(self, expected: bytes, got: bytes, host: str, port: int) -> None:
        self.expected = expected
        self.got = got
        self.host = host
        self.port = port
        self.args = (expected, got, host, port)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} expected={self.expected!r} got={self.got!r} "
            f"host={self.host!r} port={self.port!r}>"
        )


class ClientPayloadError(ClientError):
    """The response's body is incomplete or cannot be decoded."""


class UploadAbortedError(ClientError):
    """The request ended before its whole body was sent."""


class InvalidURL(ClientError, ValueError):
    """The URL cannot be used, for instance because it has no host."""

    def __init__(self, url: str | URL, description: str | None = None) -> None:
        self._url = url
        self._description = description
        super().__init__(*((url, description) if description else (url,)))

    @property
    def url(self) -> str | URL:
        """The URL as the caller gave it."""
        return self._url

    @property
    def description(self) -> str | None:
        """What is wrong with it."""
        return self._description

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __str__(self) -> str:
        from .masking import mask_url

        url = mask_url(self._url)
        return f"{url} - {self._description}" if self._description else url


class InvalidUrlClientError(InvalidURL):
    """The URL that the caller gave cannot be used."""


class RedirectClientError(ClientError):
    """A redirect cannot be followed."""


class NonHttpUrlClientError(ClientError):
    """The URL's scheme is not http or https."""


class InvalidUrlRedirectClientError(InvalidUrlClientError, RedirectClientError):
    """A redirect has an invalid URL."""


class NonHttpUrlRedirectClientError(NonHttpUrlClientError, RedirectClientError):
    """The scheme of a redirect's URL is not http or https."""


class WSMessageTypeError(Portable, TypeError):
    """A WebSocket message has another type than the caller asked for."""
