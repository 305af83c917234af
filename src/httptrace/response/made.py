"""Responses that programs make themselves, with aiohttp's parameters: mocks, recorders and caches.

`MadeResponse` is the base of `ClientResponse` for what only such programs use. The responses of the
engine do not go through its ``__init__``: see `received`.
"""

from __future__ import annotations

from time import perf_counter_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ..call.exchange import Exchange

if TYPE_CHECKING:
    from ..call.call import Call
    from ..headers.head import RawHeaders
    from ..request_info import RequestInfo


class MadeResponse:
    """The constructor with aiohttp's parameters, and the private names of aiohttp's responses."""

    __slots__ = ()

    _call: Call[Any]
    _exchange: Exchange

    def __init__(
        self,
        method: str,
        url: URL | str,
        *,
        writer: Any = None,
        continue100: Any = None,
        timer: Any = None,
        request_info: RequestInfo | None = None,
        traces: Any = None,
        loop: Any = None,
        session: Any = None,
        stream_writer: Any = None,
    ) -> None:
        """A response that no server has sent. What it has is assigned to its attributes.

        `continue100`, `timer` and `traces` are accepted and not used.
        """
        made: Any = self
        made._call = call = _made_call(method, URL(url), request_info, loop, session)
        made._exchange = call.exchange
        made._exchange.upload = writer
        made._exchange.body_sent = getattr(stream_writer, "output_size", 0)
        made._body = made._content = None
        made.status = None  # until it is assigned, as in aiohttp
        if request_info is not None:
            made._request_info = request_info

    @property
    def _headers(self) -> CIMultiDictProxy[str]:
        return self._exchange.response_headers

    @_headers.setter
    def _headers(self, value: Any) -> None:
        if not isinstance(value, CIMultiDictProxy):
            value = CIMultiDictProxy(CIMultiDict(value))
        self._exchange._response_headers = value

    @property
    def _raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return tuple(self._exchange.raw_headers)

    @_raw_headers.setter
    def _raw_headers(self, value: RawHeaders) -> None:
        self._exchange.raw_headers = value

    @property
    def _released(self) -> bool:
        return self._exchange.dropped

    @_released.setter
    def _released(self, value: bool) -> None:
        self._exchange.dropped = value

    @property
    def _resolve_charset(self) -> Any:
        own = vars(self).get("_resolve_charset")
        return self._call.core.fallback_charset if own is None else own

    @_resolve_charset.setter
    def _resolve_charset(self, value: Any) -> None:
        vars(self)["_resolve_charset"] = value

    @property
    def _loop(self) -> Any:
        return self._call.loop

    @property
    def _session(self) -> Any:
        return self._call.session


def _made_call(
    method: str, url: URL, request_info: RequestInfo | None, loop: Any, session: Any
) -> Any:
    """The ended call of a response that a program created."""
    headers = CIMultiDict(() if request_info is None else request_info.headers)
    charset = getattr(session, "_resolve_charset", None)
    call: Any = SimpleNamespace(
        method=method,
        url=url,
        target=SimpleNamespace(url=url, key=SimpleNamespace(proxy=None)),
        request_headers=headers,
        request_id=0,
        context_id=None,
        core=SimpleNamespace(fallback_charset=charset or _utf8),
        session=session,
        loop=loop,
        settings=SimpleNamespace(auto_decompress=False, read_bufsize=1 << 16, max_decoded_size=0),
        timeout_error=None,
        finished=True,
        entered=False,
        exchange=None,
    )
    now_ns = perf_counter_ns()
    call.exchange = exchange = Exchange(call, now_ns)
    exchange.send_ns = exchange.sent_ns = exchange.first_byte_ns = exchange.head_ns = now_ns
    exchange.end_ns, exchange.complete = now_ns, True
    return call


def _utf8(response: object, body: bytes) -> str:
    return "utf-8"


def constructed(cls: Any, call: Call[Any], exchange: Exchange) -> Any:
    """The response of an exchange, of a class whose constructor is its own."""
    response = cls(
        exchange.method,
        exchange.url,
        writer=None,
        continue100=None,
        timer=None,
        request_info=call.request_info,
        traces=[],
        loop=call.loop,
        session=call.session,
        stream_writer=SimpleNamespace(output_size=exchange.body_sent),
    )
    response._call, response._exchange = call, exchange
    response._content, response.status = None, exchange.status
    return response
