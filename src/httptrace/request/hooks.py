"""What programs override, call and set of aiohttp's requests, apart from what a request is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from multidict import CIMultiDict

from ..call.call import Call
from ..call.target import Target
from ..net.key import ConnectionKey, ProxyKey, proxy_key
from ..overrides import original
from .fields import merge_headers

if TYPE_CHECKING:
    from ..call.exchange import Exchange
    from .options import LooseHeaders


class RequestHooks:
    """The base of `MadeRequest`."""

    _call: Call[Any]

    @original
    def is_ssl(self) -> bool:
        """Whether the request is sent over TLS.

        If a `request_class` or a patch overrides it, that decides.
        """
        return self._call.target.key.is_ssl

    @original
    def update_headers(self, headers: LooseHeaders | None) -> None:
        """Replace all headers but Host, which `headers` may also have (as in aiohttp)."""
        replaced: CIMultiDict[str] = CIMultiDict({"Host": self._call.target.authority})
        merge_headers(replaced, headers)
        self._call.request_headers.clear()
        self._call.request_headers.extend(replaced)

    @property
    def _ssl(self) -> Any:
        return self._call.target.key.ssl

    @_ssl.setter
    def _ssl(self, value: Any) -> None:
        from ..net.arguments import checked_ssl

        retarget(self._call, ssl=checked_ssl(value))

    @property
    def _destination(self) -> tuple[ConnectionKey, Exchange]:
        """Where a connector connects to, and the attempt that needs the connection."""
        return self._call.target.key, self._call.exchange

    def _for_proxy(self) -> Self:
        """The request that asks this request's proxy for a connection."""
        call, key = self._call, self._call.target.key
        assert key.proxy is not None
        asking: Call[Any] = Call(call.session, call.core, "GET")
        to_proxy = proxy_key(key, key.ssl)
        asking.target = Target(key.proxy, to_proxy, to_proxy.authority, "/")
        asking.exchange = call.exchange
        asking.headers = CIMultiDict({"Host": call.target.authority})
        asking.headers.extend(key.proxy_headers)
        if key.proxy_auth is not None:
            asking.headers["Proxy-Authorization"] = key.proxy_auth.encode()
        request = object.__new__(type(self))
        request._call = asking
        return request


def retarget(call: Call[Any], **changes: Any) -> None:
    """Change how the current hop is connected to: fields of its `ConnectionKey`."""
    old = call.target
    call.target = target = Target(old.url, old.key._replace(**changes), old.authority, old.path)
    target.via = old.via
    exchange = getattr(call, "exchange", None)
    if exchange is not None and not isinstance(target.key, ProxyKey):
        exchange.target = target
