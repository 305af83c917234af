from __future__ import annotations

import copy
import pickle
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from tests.servers.aiohttp_app import AiohttpServer
from yarl import URL

import httptrace
from httptrace import errors
from httptrace.body.part_source import MultipartError
from httptrace.net.key import ConnectionKey
from httptrace.net.socks import SocksError
from httptrace.testing import ScriptedServer

HEADERS = CIMultiDictProxy(CIMultiDict([("X-A", "1"), ("X-A", "2")]))
INFO = httptrace.RequestInfo(URL("http://h/a"), "GET", HEADERS, URL("http://h/a#b"))
KEY = ConnectionKey("h", 443, True, proxy=URL("http://proxy"), proxy_headers=(("X-B", "3"),))
REFUSED = ConnectionRefusedError(111, "Connection refused")
UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed")


def timed_out(error: Any) -> Any:
    error.timeout, error.phase, error.limit, error.elapsed = "sock_read", "wait", 1.5, 1.6
    return error


def of_a_response(kind: type[errors.ClientResponseError]) -> errors.ClientResponseError:
    return kind(INFO, (), status=502, message="Bad Gateway", headers=HEADERS)


MADE: dict[type[BaseException], BaseException] = {
    **{
        kind: of_a_response(kind)
        for kind in (
            errors.ClientResponseError,
            errors.ClientHttpProxyError,
            errors.ContentTypeError,
            errors.TooManyRedirects,
            errors.WSServerHandshakeError,
        )
    },
    **{
        kind: kind(KEY, REFUSED)
        for kind in (
            errors.ClientConnectorError,
            errors.ClientConnectorDNSError,
            errors.ClientConnectorSSLError,
            errors.ClientProxyConnectionError,
            errors.ClientSSLError,
        )
    },
    **{
        kind: kind("http://h:x/", "the port is not a number")
        for kind in (
            errors.InvalidURL,
            errors.InvalidUrlClientError,
            errors.InvalidUrlRedirectClientError,
        )
    },
    **{
        kind: timed_out(kind("too slow"))
        for kind in (
            errors.ConnectionTimeoutError,
            errors.ServerTimeoutError,
            errors.SocketTimeoutError,
            errors.TotalTimeoutError,
        )
    },
    errors.ClientConnectorCertificateError: errors.ClientConnectorCertificateError(KEY, UNTRUSTED),
    errors.ClientOSError: errors.ClientOSError(104, "Connection reset by peer"),
    errors.ClientConnectionResetError: errors.ClientConnectionResetError(104, "reset"),
    errors.ServerDisconnectedError: errors.ServerDisconnectedError("gone"),
    errors.ServerFingerprintMismatch: errors.ServerFingerprintMismatch(b"a", b"b", "h", 443),
    httptrace.WebSocketError: httptrace.WebSocketError(1002, "a reserved bit is set"),
    **{
        kind: kind("what happened")
        for kind in (
            errors.ClientConnectionError,
            errors.ClientError,
            errors.ClientPayloadError,
            errors.NonHttpUrlClientError,
            errors.NonHttpUrlRedirectClientError,
            errors.RedirectClientError,
            errors.ServerConnectionError,
            errors.UploadAbortedError,
            errors.WSMessageTypeError,
            httptrace.EofStream,
            MultipartError,
        )
    },
}


def pickled(error: Any) -> Any:
    return pickle.loads(pickle.dumps(error))


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, pickled]


def shown(value: Any) -> Any:
    """A value to compare: exceptions have no equality."""
    if isinstance(value, BaseException):
        return type(value), str(value), shown(value.args), shown(vars(value))
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items()}
    return tuple(map(shown, value)) if type(value) is tuple else value


def test_every_exception_is_tried() -> None:
    """The list of exceptions is complete."""
    assert {getattr(errors, name) for name in errors.__all__} <= set(MADE)


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("error", MADE.values(), ids=lambda error: type(error).__name__)
def test_a_copy_is_like_the_original(error: Any, copied: Callable[[Any], Any]) -> None:
    """A copied or pickled exception has the class, text, arguments and attributes."""
    error.add_note("seen by a test")
    other = copied(error)
    assert other is not error
    assert shown(other) == shown(error)
    assert repr(other) == repr(error)
    assert other.__notes__ == error.__notes__
    if isinstance(error, OSError):
        assert (other.errno, other.strerror) == (error.errno, error.strerror)
    del error.__notes__


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_keeps_the_attributes_of_its_class(copied: Callable[[Any], Any]) -> None:
    """The attributes that programs read: status, destination, URL, the timeout's limit."""
    response = copied(MADE[errors.ClientResponseError])
    assert (response.status, response.message) == (502, "Bad Gateway")
    assert response.request_info == INFO == copied(INFO)
    assert type(copied(INFO).headers) is CIMultiDictProxy
    assert type(response.headers) is CIMultiDictProxy
    assert response.headers == HEADERS
    connector = copied(MADE[errors.ClientConnectorError])
    assert (connector.host, connector.port, connector.ssl) == ("h", 443, True)
    assert type(connector.os_error) is ConnectionRefusedError
    assert connector.os_error.errno == 111
    assert copied(MADE[errors.InvalidURL]).description == "the port is not a number"
    late = copied(MADE[errors.SocketTimeoutError])
    assert (late.timeout, late.phase, late.limit) == ("sock_read", "wait", 1.5)
    certificate = copied(MADE[errors.ClientConnectorCertificateError])
    assert type(certificate.certificate_error) is ssl.SSLCertVerificationError


class TenantError(httptrace.ClientError):
    """Subclasses as programs write them: a constructor with its own parameters."""

    def __init__(self, tenant: str, *, code: int) -> None:
        super().__init__(f"{tenant}: {code}")
        self.tenant = tenant
        self.code = code


@pytest.mark.parametrize("copied", COPIES)
def test_a_subclass_with_other_parameters(copied: Callable[[Any], Any]) -> None:
    """The constructor of a subclass is not called for a copy."""
    other = copied(TenantError("ann", code=7))
    assert (type(other), str(other), other.tenant, other.code) == (TenantError, "ann: 7", "ann", 7)


def test_what_cannot_be_pickled_is_left_out() -> None:
    """An SSL context in the key becomes the default; other attributes become None."""
    key = KEY._replace(ssl=ssl.create_default_context())
    error = errors.ClientConnectorError(key, SocksError("refused by its rules", 2))
    error.timeline = lambda: None  # type: ignore[attr-defined]
    other = pickled(error)
    assert other.args[0] == KEY
    assert other.timeline is None
    assert (type(other.os_error), str(other.os_error)) == (SocksError, "refused by its rules")
    assert other.os_error.status == 2
    assert str(other) == "Cannot connect to host h:443 ssl:default [refused by its rules]"


async def test_the_responses_in_history_are_left_out(
    leak_check: object, aiohttp_server: AiohttpServer
) -> None:
    """A pickle has no responses; a shallow copy keeps them."""
    async with httptrace.ClientSession(aiohttp_server.url) as session:
        with pytest.raises(httptrace.TooManyRedirects) as caught:
            await session.get("/redirect/5", max_redirects=2)
    error = caught.value
    assert len(error.history) > 0
    for other in (pickled(error), copy.deepcopy(error)):
        assert other.history == ()
        assert other.args == (error.request_info, ())
        assert str(other) == str(error)
    assert copy.copy(error).history == error.history


async def test_an_error_of_a_real_connection(leak_check: object, scripted: Any) -> None:
    """A request that fails gives exceptions that can be pickled, whatever they refer to."""

    async def hang_up(peer: Any) -> None:
        await peer.read_head()

    server: ScriptedServer = await scripted(hang_up)
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ServerDisconnectedError) as disconnected:
            await session.get(server.url)
        with pytest.raises(httptrace.ClientConnectorError) as refused:
            await session.get("http://127.0.0.1:1/")
    assert pickled(disconnected.value).args == disconnected.value.args
    assert str(pickled(refused.value)) == str(refused.value)


async def test_an_error_of_a_real_handshake(
    leak_check: object, aiohttp_tls_server: AiohttpServer
) -> None:
    """The certificate's error is kept with its reason."""
    async with httptrace.ClientSession() as session:
        with pytest.raises(httptrace.ClientConnectorCertificateError) as caught:
            await session.get(aiohttp_tls_server.url)
    other = pickled(caught.value)
    assert str(other) == str(caught.value)
    reason = caught.value.certificate_error.verify_message  # type: ignore[attr-defined]
    assert other.certificate_error.verify_message == reason
