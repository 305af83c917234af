"""Tunnels through proxies, by CONNECT (RFC 9110 §9.3.6) or SOCKS."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NoReturn, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict, CIMultiDictProxy

from ..errors import ClientHttpProxyError
from ..headers.head import headers_of, serialize
from ..headers.limits import BadHeadError
from ..headers.lines import FieldLines
from ..masking import mask_headers
from ..request_info import RequestInfo
from ..trace.events import (
    TraceProxyConnectEndParams,
    TraceProxyConnectExceptionParams,
    TraceProxyConnectStartParams,
)
from .sockets import reason
from .socks import SCHEMES, Destination, Login, SocksError, negotiate

if TYPE_CHECKING:
    from ..trace.record import Record
    from .byte_streams import ByteStream
    from .counters import DialCounters
    from .key import ConnectionKey

_MOST_HEAD = 1 << 16
_MOST_INFORMATIONAL = 32
"""How many 1xx responses may arrive at once; each second allows one more."""


class TunnelOpener:
    """Opens tunnels, each with a span."""

    def __init__(self, counters: DialCounters) -> None:
        self._counters = counters

    async def open(
        self,
        stream: ByteStream,
        key: ConnectionKey,
        proxy_key: ConnectionKey,
        to: Destination,
        record: Record,
    ) -> None:
        """Ask the proxy for a tunnel over the stream; if that fails, the stream is closed.

        Raises
        ------
        ClientHttpProxyError
            When an HTTP proxy responds with an error.
        ClientProxyConnectionError
            When the proxy closes the connection or does not speak the protocol, or when a SOCKS
            proxy refuses.
        """
        record.enter("connect")
        trace, proxy = record.trace, key.proxy
        try:
            if trace is not None:
                await trace.tell(TraceProxyConnectStartParams, record, 0, proxy, str(to))
            status = await _negotiated(stream, key, proxy_key, to)
        except BaseException as exc:
            stream.abort()
            self._counters.tunnels_failed += 1
            if trace is not None:
                seen = record.error_for_caller(exc)
                data = (proxy, str(to), _status_of(seen), seen)
                trace.note(TraceProxyConnectExceptionParams, record, 0, *data)
            raise
        self._counters.tunnels += 1
        if trace is not None:
            try:
                await trace.tell(TraceProxyConnectEndParams, record, 0, proxy, str(to), status)
            except BaseException:
                stream.abort()
                raise


def _status_of(exc: BaseException) -> int | None:
    """The status or reply code of the proxy, if that caused the error."""
    own = getattr(exc, "status", None)
    return own if own is not None else getattr(exc.__cause__, "status", None)


async def _negotiated(
    stream: ByteStream, key: ConnectionKey, proxy_key: ConnectionKey, to: Destination
) -> int:
    """The status or reply code with which the proxy opened the tunnel."""
    proxy = proxy_key.proxy
    try:
        if proxy is not None and proxy.scheme in SCHEMES:
            return await _socks(stream, proxy.scheme, to, login_of(key.proxy_auth))
        return await _connect(stream, key, to)
    except _BadAnswer as exc:
        raise proxy_key.failure(exc) from None
    except SocksError as exc:
        raise proxy_key.failure(exc) from exc
    except OSError as exc:
        text = f"{reason(exc)} while asking for a tunnel"
        raise proxy_key.failure(OSError(exc.errno, text)) from exc


class _BadAnswer(OSError):
    """The proxy violated the protocol, or closed the connection."""

    def __init__(self, text: str) -> None:
        super().__init__(None, text)


# --- CONNECT --------------------------------------------------------------------------------------


async def _connect(stream: ByteStream, key: ConnectionKey, to: Destination) -> int:
    fields = connect_fields(key, to)
    await stream.send(serialize("CONNECT", str(to), "1.1", fields))
    unread = b""
    sent_ns, informational, received = perf_counter_ns(), 0, 0
    while True:
        head, unread = await _head(stream, unread)
        answer = _parsed(head)
        if answer.status >= 200 or answer.status == 101:
            break
        informational, received = informational + 1, received + len(head)
        seconds = (perf_counter_ns() - sent_ns) // 1_000_000_000
        if received > _MOST_HEAD:
            raise _BadAnswer(f"over {_MOST_HEAD} bytes of 1xx responses to CONNECT")
        if informational > _MOST_INFORMATIONAL + seconds:
            text = f"{informational} responses of status 1xx to CONNECT in {seconds} s"
            raise _BadAnswer(text)
    if not 200 <= answer.status < 300:
        _raise_refusal(key, fields, answer)
    if unread:
        # The client sends first, so these bytes are not the origin's.
        raise _BadAnswer("it sent more than its answer to CONNECT")
    return answer.status


def connect_fields(key: ConnectionKey, to: Destination) -> CIMultiDict[str]:
    """The header fields of a CONNECT request: only those for the proxy."""
    fields = CIMultiDict({"Host": str(to)})
    for name, value in key.proxy_headers:
        if name.lower() != "host":
            fields.add(name, value)
    if key.proxy_auth is not None:
        fields["Proxy-Authorization"] = key.proxy_auth.encode()
    return fields


async def _head(stream: ByteStream, data: bytes) -> tuple[bytes, bytes]:
    """The head of the next response, rewritten for llhttp, and the bytes after it."""
    lines, head, received = FieldLines(of_head=True), b"", 0
    while True:
        received += len(data)
        try:
            head += lines.feed(data)
        except BadHeadError as exc:
            raise _BadAnswer(f"its answer to CONNECT is not HTTP: {exc}") from exc
        if lines.rest is not None:
            return head, lines.rest
        if received > _MOST_HEAD:
            raise _BadAnswer(f"over {_MOST_HEAD} bytes of head in answer to CONNECT")
        data = await stream.receive()
        if not data:
            raise _BadAnswer("it closed the connection instead of answering CONNECT")


class _Answer:
    """A response to CONNECT; the parser's callbacks set its attributes."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.raw: list[tuple[bytes, bytes]] = []

    def on_status(self, reason: bytes) -> None:
        """Add a piece of the reason phrase."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field."""
        self.raw.append((name, value))


def _parsed(head: bytes) -> _Answer:
    answer = _Answer()
    parser = HttpResponseParser(answer)
    try:
        parser.feed_data(head)
    except HttpParserUpgrade:
        pass
    except HttpParserError as exc:
        raise _BadAnswer(f"its answer to CONNECT is not HTTP: {exc}") from exc
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


async def _socks(stream: ByteStream, scheme: str, to: Destination, login: Login | None) -> int:
    negotiation, unread = negotiate(scheme, to, login), b""
    try:
        request, wanted = next(negotiation)
        while True:
            if request:
                await stream.send(request)
            while len(unread) < wanted:
                more = await stream.receive()
                if not more:
                    raise _BadAnswer("it closed the connection in the middle of SOCKS")
                unread += more
            answer, unread = unread[:wanted], unread[wanted:]
            request, wanted = negotiation.send(answer)
    except StopIteration as done:
        if unread:
            raise _BadAnswer("it sent more than its answer to SOCKS") from None
        return cast("int", done.value)


def login_of(auth: Any) -> Login | None:
    """The credentials as bytes."""
    if auth is None:
        return None
    return Login(auth.login.encode("utf-8"), auth.password.encode("utf-8"))
