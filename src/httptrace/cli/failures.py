"""Failures and their exit codes, which are curl's where curl has one.

::

    0    there is a response, with whatever status
    1    the scheme is not http or https
    2    wrong usage
    3    the URL is malformed
    5    no address for the proxy
    6    no address for the host
    7    no connection, to the host or to the proxy
    8    the response is not HTTP
    18   the response's body is incomplete
    22   the status is 400 or above, with --fail
    23   the body or the report could not be written
    26   a file to send could not be read
    28   a time limit passed
    35   the TLS handshake failed
    47   there were too many redirects
    52   the server closed the connection without a response
    55   the request could not be sent completely
    56   the connection was lost before the response, or the proxy refused a tunnel
    60   the server's certificate could not be verified
    61   the body's content coding is unknown or broken
    65   a redirect needs the body again, and it cannot be sent twice
    77   the file of --cacert could not be used
    99   an unexpected error
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
    """Ends a request or the command. It has the phase, the cause and the exit code."""

    def __init__(self, code: int, phase: str, cause: str) -> None:
        super().__init__(code, phase, cause)
        self.code = code
        self.phase = phase
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.phase}: {mask_text(self.cause)}" if self.phase else mask_text(self.cause)


def print_failure(failure: Failure) -> None:
    """Print the failure as one line on stderr."""
    _print_line(str(failure))


def print_warning(text: str) -> None:
    """Print a warning as one line on stderr."""
    _print_line(f"warning: {mask_text(text)}")


def _print_line(text: str) -> None:
    line = " ".join(text.split())
    with contextlib.suppress(OSError):  # stderr may be closed, and there is no other place
        print(f"httptrace: {line}", file=sys.stderr, flush=True)


def failure_of(exc: BaseException, phase: str = "") -> Failure:
    """The failure for an exception of a request; `phase` is where it was raised."""
    if isinstance(exc, Failure):
        return exc
    if isinstance(exc, BrokenPipeError):  # of standard output: a request raises ClientErrors
        return Failure(NOT_WRITTEN, "output", "the reader of standard output has gone")
    for kind, translate in _TRANSLATIONS:
        if isinstance(exc, kind):
            return translate(exc, phase)
    if isinstance(exc, ValueError | TypeError):  # the client refuses an argument
        return Failure(USAGE, "", _message(exc))
    return Failure(UNEXPECTED, phase, f"{type(exc).__name__}: {_message(exc)}")


def _message(exc: BaseException) -> str:
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
    return Failure(
        NOT_RECEIVED, phase, f"the proxy refused the tunnel: {exc.status} {exc.message}".rstrip()
    )


def _timeout(exc: BaseException, phase: str) -> Failure:
    phase = getattr(exc, "phase", None) or phase
    limit = getattr(exc, "limit", None)
    within = f" within {limit:g} s" if limit else ""
    return Failure(TIMEOUT, phase, f"{_NOT_DONE.get(phase, 'not done')}{within}")


_NOT_DONE = {
    "queue": "no connection was free",
    "dns": "no answer from the name server",
    "connect": "no connection",
    "tls": "the TLS handshake was not complete",
    "send": "the request was not sent",
    "wait": "no response",
    "receive": "the response was not complete",
}


def _connection_lost(exc: BaseException, phase: str) -> Failure:
    if isinstance(exc, errors.ServerDisconnectedError) and phase != "receive":
        return Failure(EMPTY, phase, "the server closed the connection without a response")
    code = NOT_SENT if phase == "send" else NOT_RECEIVED
    return Failure(code, phase, f"the connection was lost: {_message(exc)}")


def _body(exc: BaseException, phase: str) -> Failure:
    if phase == "send":
        return Failure(NOT_SENT, phase, _message(exc))
    text = _message(exc).removeprefix("Response payload is not completed: ")
    if text == _message(exc):
        return Failure(BAD_CODING, "receive", text)
    return Failure(CUT, "receive", f"the body is incomplete: {text}")


def _response(exc: errors.ClientResponseError, phase: str) -> Failure:
    return Failure(NOT_HTTP, phase, exc.message)


def _redirects(exc: errors.TooManyRedirects, phase: str) -> Failure:
    return Failure(TOO_MANY_REDIRECTS, "redirect", f"more than {len(exc.history) - 1} redirects")


def _plain(code: int, phase: str) -> Callable[..., Failure]:
    return lambda exc, _phase: Failure(code, phase, _message(exc))


_TRANSLATIONS: tuple[tuple[type[BaseException], Callable[..., Failure]], ...] = (
    # the first class that fits is used
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
    (errors.ClientConnectionError, _connection_lost),
    (errors.ClientPayloadError, _body),
    (errors.ClientError, _plain(NOT_AGAIN, "redirect")),
)
