"""What can go wrong, each with an exit code of its own: curl's number where curl has one.

::

    0    a response came, whatever its status
    1    the scheme is not http or https
    2    wrong usage
    3    the URL is malformed
    5    no address for the proxy
    6    no address for the host
    7    no connection, to the host or to the proxy
    8    the answer is not HTTP
    18   the body broke off
    22   the status is 400 or above, with --fail
    23   the body or the report could not be written to where it should go
    26   a file to be sent could not be read
    28   a time limit was reached
    35   the TLS handshake failed
    47   too many redirects
    52   the server closed the connection without an answer
    55   the request could not be sent whole
    56   the connection broke off while the answer was awaited, or the proxy refused a tunnel
    60   the server's certificate was not accepted
    61   the body's content coding is unknown or broken
    65   a redirect asks for the body again, and it cannot be sent twice
    77   the file of --cacert cannot be used
    99   something that should not happen
    130  interrupted
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from .. import errors
from ..masking import mask_text
from ..net.key import ProxyKey

UNSUPPORTED, USAGE, BAD_URL = 1, 2, 3
NO_PROXY_ADDRESS, NO_ADDRESS, NO_CONNECTION, NOT_HTTP = 5, 6, 7, 8
CUT, BAD_STATUS, NOT_WRITTEN, NOT_READ, TIMEOUT = 18, 22, 23, 26, 28
TLS, TOO_MANY_REDIRECTS = 35, 47
EMPTY, NOT_SENT, NOT_RECEIVED = 52, 55, 56
CERTIFICATE, BAD_CODING, NOT_AGAIN, BAD_AUTHORITIES = 60, 61, 65, 77
UNEXPECTED, INTERRUPTED = 99, 130


class Failure(Exception):
    """What ends a request or the command: its phase, its cause, and the exit code."""

    def __init__(self, code: int, phase: str, cause: str) -> None:
        super().__init__(code, phase, cause)
        self.code = code
        self.phase = phase
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.phase}: {mask_text(self.cause)}" if self.phase else mask_text(self.cause)


def tell(failure: Failure) -> None:
    """Say it in one line on stderr."""
    line = " ".join(str(failure).split())
    with contextlib.suppress(OSError):  # nowhere is left to complain
        print(f"httptrace: {line}", file=sys.stderr, flush=True)


def failure_of(exc: BaseException, phase: str = "") -> Failure:
    """What an exception of a request comes to; `phase` is the one that it happened in."""
    if isinstance(exc, Failure):
        return exc
    if isinstance(exc, BrokenPipeError):  # of standard output; those of requests are ClientErrors
        return Failure(NOT_WRITTEN, "output", "nobody reads standard output any more")
    for kind, translate in _TRANSLATIONS:
        if isinstance(exc, kind):
            return translate(exc, phase)
    if isinstance(exc, ValueError | TypeError):  # an argument that the client refuses
        return Failure(USAGE, "", _said(exc))
    return Failure(UNEXPECTED, phase, f"{type(exc).__name__}: {_said(exc)}")


def _said(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__


def _of_os(exc: errors.ClientConnectorError) -> str:
    return exc.os_error.strerror or str(exc.os_error)


def _dns(exc: errors.ClientConnectorDNSError, phase: str) -> Failure:
    is_proxy = isinstance(exc.args[0], ProxyKey)
    return Failure(NO_PROXY_ADDRESS if is_proxy else NO_ADDRESS, "dns", _of_os(exc))


def _certificate(exc: errors.ClientConnectorCertificateError, phase: str) -> Failure:
    error = exc.certificate_error
    text = getattr(error, "verify_message", "") or str(error)
    return Failure(CERTIFICATE, "tls", text)


def _where(exc: errors.ClientConnectorError) -> str:
    return f"[{exc.host}]:{exc.port}" if ":" in exc.host else f"{exc.host}:{exc.port}"


def _tls(exc: errors.ClientConnectorError, phase: str) -> Failure:
    return Failure(TLS, "tls", f"no TLS with {_where(exc)}: {_of_os(exc)}")


def _connector(exc: errors.ClientConnectorError, phase: str) -> Failure:
    if phase == "tls":
        return _tls(exc, phase)
    where = _where(exc)
    text = f"no connection to {where}: {_of_os(exc).removeprefix(f'{where}: ')}"
    return Failure(NO_CONNECTION, "connect", text)


def _proxy(exc: errors.ClientProxyConnectionError, phase: str) -> Failure:
    return Failure(NO_CONNECTION, phase, f"no connection: {_of_os(exc)}")


def _tunnel(exc: errors.ClientHttpProxyError, phase: str) -> Failure:
    return Failure(NOT_RECEIVED, phase, f"the proxy refused: {exc.status} {exc.message}".rstrip())


def _timeout(exc: BaseException, phase: str) -> Failure:
    phase = getattr(exc, "phase", None) or phase
    limit = getattr(exc, "limit", None)
    within = f" within {limit:g} s" if limit else ""
    return Failure(TIMEOUT, phase, f"{_UNDONE.get(phase, 'not done')}{within}")


_UNDONE = {
    "queue": "no connection was free",
    "dns": "no answer from the name server",
    "connect": "no connection",
    "tls": "the TLS handshake was not done",
    "send": "the request was not sent",
    "wait": "no answer",
    "receive": "the response was not complete",
}


def _broken_off(exc: BaseException, phase: str) -> Failure:
    if isinstance(exc, errors.ServerDisconnectedError) and phase != "receive":
        return Failure(EMPTY, phase, "the server closed the connection without an answer")
    code = NOT_SENT if phase == "send" else NOT_RECEIVED
    return Failure(code, phase, f"the connection broke off: {_said(exc)}")


def _body(exc: BaseException, phase: str) -> Failure:
    if phase == "send":
        return Failure(NOT_SENT, phase, _said(exc))
    text = _said(exc).removeprefix("Response payload is not completed: ")
    if text == _said(exc):
        return Failure(BAD_CODING, "receive", text)
    return Failure(CUT, "receive", f"the body broke off: {text}")


def _response(exc: errors.ClientResponseError, phase: str) -> Failure:
    return Failure(NOT_HTTP, phase, exc.message)


def _redirects(exc: errors.TooManyRedirects, phase: str) -> Failure:
    return Failure(TOO_MANY_REDIRECTS, "redirect", f"more than {len(exc.history) - 1} redirects")


def _plain(code: int, phase: str) -> Callable[..., Failure]:
    return lambda exc, _phase: Failure(code, phase, _said(exc))


_TRANSLATIONS: tuple[tuple[type[BaseException], Callable[..., Failure]], ...] = (
    # the first that fits
    (errors.NonHttpUrlClientError, _plain(UNSUPPORTED, "url")),
    (errors.InvalidURL, _plain(BAD_URL, "url")),
    (TimeoutError, _timeout),
    (errors.ClientProxyConnectionError, _proxy),
    (errors.ClientConnectorDNSError, _dns),
    (errors.ClientConnectorCertificateError, _certificate),
    (errors.ClientSSLError, _tls),
    (errors.ClientConnectorError, _connector),
    (errors.TooManyRedirects, _redirects),
    (errors.ClientHttpProxyError, _tunnel),
    (errors.ClientResponseError, _response),
    (errors.UploadAbortedError, _plain(NOT_SENT, "send")),
    (errors.ClientConnectionError, _broken_off),
    (errors.ClientPayloadError, _body),
    (errors.ClientError, _plain(NOT_AGAIN, "redirect")),
)
