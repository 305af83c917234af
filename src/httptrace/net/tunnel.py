"""Asking a proxy for a tunnel, with CONNECT (RFC 9110 §9.3.6) or SOCKS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict, CIMultiDictProxy

from ..errors import ClientHttpProxyError
from ..headers.head import headers_of, serialize
from ..masking import mask_headers
from ..request_info import RequestInfo
from ..trace.events import (
    TraceProxyConnectEndParams,
    TraceProxyConnectExceptionParams,
    TraceProxyConnectStartParams,
)
from .sockets import reason
from .socks import SCHEMES, Destination, Login, SocksError, talk

if TYPE_CHECKING:
    from ..trace.record import Record
    from .carriers import Carrier
    from .counters import DialCounters
    from .key import ConnectionKey, ProxyKey
    from .limit import Limit

_MOST_HEAD = 1 << 16
_MOST_INFORMATIONAL = 32


class Tunnels:
    """Asks proxies for tunnels, with a span for each."""

    def __init__(self, counters: DialCounters) -> None:
        self._counters = counters

    async def ask(
        self,
        carrier: Carrier,
        key: ConnectionKey,
        leg: ProxyKey,
        to: Destination,
        record: Record,
        limit: Limit,
    ) -> None:
        """Make the carrier one that leads to the destination; it is closed if that fails.

        Raises
        ------
        ClientHttpProxyError
            When an HTTP proxy answers with an error.
        ClientProxyConnectionError
            When the proxy breaks off, speaks something else, or a SOCKS proxy refuses.
        """
        record.enter("connect")
        trace, proxy = record.trace, key.proxy
        try:
            if trace is not None:
                await trace.tell(TraceProxyConnectStartParams, record, 0, proxy, str(to))
            status = await _granted(carrier, key, leg, to)
        except BaseException as exc:
            carrier.abort()
            self._counters.tunnels_failed += 1
            if trace is not None:
                seen = limit.seen(exc)
                data = (proxy, str(to), _status_of(seen), seen)
                trace.note(TraceProxyConnectExceptionParams, record, 0, *data)
            raise
        self._counters.tunnels += 1
        if trace is not None:
            try:
                await trace.tell(TraceProxyConnectEndParams, record, 0, proxy, str(to), status)
            except BaseException:
                carrier.abort()
                raise


def _status_of(exc: BaseException) -> int | None:
    """The proxy's answer, if it is the reason of an error."""
    own = getattr(exc, "status", None)
    return own if own is not None else getattr(exc.__cause__, "status", None)


async def _granted(carrier: Carrier, key: ConnectionKey, leg: ProxyKey, to: Destination) -> int:
    try:
        if leg.proxy is not None and leg.proxy.scheme in SCHEMES:
            return await _socks(carrier, leg.proxy.scheme, to, login_of(key.proxy_auth))
        return await _connect(carrier, key, to)
    except _Broken as exc:
        raise leg.failure(exc) from None
    except SocksError as exc:
        raise leg.failure(exc) from exc
    except OSError as exc:
        raise leg.failure(OSError(exc.errno, f"{reason(exc)} while asking for a tunnel")) from exc


class _Broken(OSError):
    """The proxy's answer is none."""

    def __init__(self, text: str) -> None:
        super().__init__(None, text)


# --- CONNECT --------------------------------------------------------------------------------------


async def _connect(carrier: Carrier, key: ConnectionKey, to: Destination) -> int:
    fields = connect_fields(key, to)
    await carrier.send(serialize("CONNECT", str(to), "1.1", fields))
    unread = b""
    for _ in range(_MOST_INFORMATIONAL):
        head, unread = await _head(carrier, unread)
        answer = _parsed(head)
        if answer.status >= 200 or answer.status == 101:
            break
    else:
        raise _Broken(f"more than {_MOST_INFORMATIONAL} responses of status 1xx to CONNECT")
    if not 200 <= answer.status < 300:
        _raise_refusal(key, fields, answer)
    if unread:
        # Who speaks first is the client: nobody could tell whose bytes these are.
        raise _Broken("it sent more than its answer to CONNECT")
    return answer.status


def connect_fields(key: ConnectionKey, to: Destination) -> CIMultiDict[str]:
    """The fields of a CONNECT request: those for the proxy and nothing of the origin's request."""
    fields = CIMultiDict({"Host": str(to)})
    for name, value in key.proxy_headers:
        if name.lower() != "host":
            fields.add(name, value)
    if key.proxy_auth is not None:
        fields["Proxy-Authorization"] = key.proxy_auth.encode()
    return fields


async def _head(carrier: Carrier, data: bytes) -> tuple[bytes, bytes]:
    """The next response's head and what came behind it."""
    while (end := data.find(b"\r\n\r\n")) < 0:
        if len(data) > _MOST_HEAD:
            raise _Broken(f"over {_MOST_HEAD} bytes of head in answer to CONNECT")
        more = await carrier.receive()
        if not more:
            raise _Broken("it closed the connection instead of answering CONNECT")
        data += more
    return data[: end + 4], data[end + 4 :]


class _Answer:
    """What llhttp makes of a head."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.raw: list[tuple[bytes, bytes]] = []

    def on_status(self, reason: bytes) -> None:
        """The reason phrase, whole or in part."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field."""
        self.raw.append((name, value))


def _parsed(head: bytes) -> _Answer:
    answer = _Answer()
    parser = HttpResponseParser(answer)
    try:
        parser.feed_data(head)
    except HttpParserUpgrade:
        pass
    except HttpParserError as exc:
        raise _Broken(f"its answer to CONNECT is no HTTP: {exc}") from exc
    answer.status = parser.get_status_code()
    return answer


def _raise_refusal(key: ConnectionKey, fields: CIMultiDict[str], answer: _Answer) -> NoReturn:
    proxy: Any = key.proxy
    shown = CIMultiDictProxy(CIMultiDict(mask_headers(fields.items())))
    raise ClientHttpProxyError(
        RequestInfo(proxy, "CONNECT", shown, proxy),
        (),
        status=answer.status,
        message=answer.reason.decode("latin-1"),
        headers=headers_of(answer.raw),
    )


# --- SOCKS ----------------------------------------------------------------------------------------


async def _socks(carrier: Carrier, scheme: str, to: Destination, login: Login | None) -> int:
    conversation, unread = talk(scheme, to, login), b""
    try:
        request, wanted = next(conversation)
        while True:
            if request:
                await carrier.send(request)
            while len(unread) < wanted:
                more = await carrier.receive()
                if not more:
                    raise _Broken("it closed the connection in the middle of SOCKS")
                unread += more
            answer, unread = unread[:wanted], unread[wanted:]
            request, wanted = conversation.send(answer)
    except StopIteration as done:
        if unread:
            raise _Broken("it sent more than its answer to SOCKS") from None
        return cast("int", done.value)


def login_of(auth: Any) -> Login | None:
    """Credentials as bytes."""
    if auth is None:
        return None
    return Login(auth.login.encode("utf-8"), auth.password.encode("utf-8"))
