"""`Cache`: a private HTTP cache (RFC 9111) as a middleware."""

from __future__ import annotations

import logging
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..cache.entry import Entry
from ..cache.memory import MemoryCacheStore
from ..cache.policy import ERRORS, Refuse, Send, Use, after_error, decide, request_directives
from ..cache.storing import invalidated, key_of, selects
from ..cache.validation import CONDITIONS, freshened, head_agrees, is_about
from ..checks import checked_callable
from ..errors import ClientError
from ..trace.events import TraceCacheMissParams
from ..trace.record import CacheFacts
from .cache_answers import answer_from, refuse
from .cache_storing import begin_storing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..cache.fields import Directives
    from ..cache.store import CacheStore
    from ..call.call import Call
    from ..request.client_request import ClientHandlerType, ClientRequest
    from ..response.response import ClientResponse

_logger = logging.getLogger("httptrace")
_refreshing: ContextVar[str | None] = ContextVar("refreshing", default=None)
"""The key that a request in the background refreshes: no stored response answers it unasked."""
_STORE_METHODS = ("find", "writer", "read", "update", "remove")


class Cache:
    """A private HTTP cache (RFC 9111). It is used as a middleware: ``middlewares=[Cache()]``.

    It may serve any number of sessions. `store` is a `MemoryCacheStore` of 64 MiB unless given;
    several caches may share one.

    :param store: where responses are kept.
    :param clock: returns the time in seconds since 1970, for tests.

    Raises
    ------
    TypeError
        If `store` is no store, or `clock` cannot be called.
    """

    def __init__(
        self, store: CacheStore | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        if store is not None and not all(hasattr(store, name) for name in _STORE_METHODS):
            raise TypeError(
                "store must be a MemoryCacheStore, a SqliteCacheStore or another CacheStore, "
                f"not {store!r}"
            )
        self.store: CacheStore = MemoryCacheStore() if store is None else store
        self._clock = checked_callable("clock", clock)
        self._refreshed: set[str] = set()

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        call = request._call
        headers = call.request_headers
        if "Upgrade" in headers:
            return await handler(request)
        method, key = call.method, key_of(call.target.url)
        if method not in ("GET", "HEAD") or call.body or call.payload is not None:
            return await self._pass_on(call, request, handler)
        directives = request_directives(headers)
        entries = await self.store.find(key)
        decision = decide(method, headers, directives, entries, self._clock())
        if isinstance(decision, Use):
            if _refreshing.get() == key:
                entry = decision.entry
                decision = Send("it is being refreshed", entry, entry.conditions())
            else:
                if decision.refresh:
                    self._refresh(call, key)
                state = "stale" if decision.stale else "hit"
                response = await answer_from(self.store, call, decision, state)
                if response is not None:
                    return response
                decision = Send("its stored body is no longer there")
        if isinstance(decision, Refuse):
            return refuse(call, decision.reason)
        return await self._send(call, request, handler, directives, decision, entries)

    async def clear(self) -> None:
        """Forget every stored response."""
        await self.store.clear()

    async def close(self) -> None:
        """Finish what is being stored, and close the store's file."""
        await self.store.close()

    async def _pass_on(
        self, call: Call[Any], request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """Send a request that no stored response can answer; it may make some invalid."""
        method, url = call.method, call.target.url
        kind = "a body" if method in ("GET", "HEAD") else method
        self._tell_miss(call, f"requests with {kind} are not answered from a cache")
        response = await handler(request)
        for key in invalidated(method, url, response.status, response.headers):
            self.store.remove(key)
        return response

    async def _send(
        self,
        call: Call[Any],
        request: ClientRequest,
        handler: ClientHandlerType,
        directives: Directives,
        decision: Send,
        entries: Any,
    ) -> ClientResponse:
        if not decision.conditions:
            self._tell_miss(call, decision.reason)
        headers, asked = call.request_headers, self._clock()
        headers.update(decision.conditions)
        try:
            response = await handler(request)
        except (ClientError, OSError) as exc:
            error = f"the origin failed ({type(exc).__name__})"
            stale = await self._after_error(call, decision, directives, error)
            if stale is None:
                raise
            return stale
        finally:
            for name in decision.conditions:
                headers.popall(name, None)
        if getattr(response, "_exchange", None) is not call.exchange:
            return response  # another middleware has made it
        answered = self._clock()
        if response.status == 304 and decision.conditions:
            valid = await self._revalidated(call, response, decision, asked, answered)
            if valid is not None:
                return valid
            again = Send("the origin confirmed a response that is not stored")
            return await self._send(call, request, handler, directives, again, entries)
        if response.status in ERRORS:
            error = f"the origin answered {response.status}"
            stale = await self._after_error(call, decision, directives, error)
            if stale is not None:
                return stale
        reason = decision.reason
        if decision.conditions:
            reason += "; the origin sent another response"
            self._tell_miss(call, reason)
        call.exchange.cache = CacheFacts("miss", reason)
        self._keep(call, response, directives, entries, asked, answered)
        return response

    async def _revalidated(
        self,
        call: Call[Any],
        response: ClientResponse,
        decision: Send,
        asked: float,
        answered: float,
    ) -> ClientResponse | None:
        """The stored response that a 304 confirms (RFC 9111 §4.3.4); None if it is not there."""
        entry = decision.entry
        if entry is None:
            etag = response.headers.get("ETag")
            same = [one for one in decision.others if one.headers.get("ETag") == etag]
            entry = same[0] if etag and same else None
        if entry is None or not is_about(entry, response.headers, decision.conditions):
            return None
        new = freshened(entry, response._exchange.raw_headers, asked, answered)
        self.store.update(entry, new)
        use = Use(new, entry.age(answered), decision.reason)
        return await answer_from(self.store, call, use, "revalidated")

    async def _after_error(
        self, call: Call[Any], decision: Send, directives: Directives, error: str
    ) -> ClientResponse | None:
        use = after_error(decision, directives, self._clock(), error)
        if use is None or call.timeout_error is not None:
            return None
        return await answer_from(self.store, call, use, "stale")

    def _keep(
        self,
        call: Call[Any],
        response: ClientResponse,
        directives: Directives,
        entries: Any,
        asked: float,
        answered: float,
    ) -> None:
        """Do what a response changes in the store."""
        selected = [entry for entry in entries if selects(entry, call.request_headers)]
        if call.method == "HEAD":
            if response.status == 200:
                self._update_by_head(response, selected, asked, answered)
        elif response.status == 304:  # to the caller's own condition
            etag = response.headers.get("ETag")
            for entry in selected:
                if etag and etag == entry.strong_etag:
                    fields = response._exchange.raw_headers
                    self.store.update(entry, freshened(entry, fields, asked, answered))
        else:
            begin_storing(self.store, call, directives, selected, asked, answered)

    def _update_by_head(
        self, response: ClientResponse, selected: list[Entry], asked: float, answered: float
    ) -> None:
        for entry in selected:
            if head_agrees(entry, response.headers):
                fields = response._exchange.raw_headers
                self.store.update(entry, freshened(entry, fields, asked, answered))
            else:
                self.store.remove(entry.key)

    def _tell_miss(self, call: Call[Any], reason: str) -> None:
        exchange = call.exchange
        exchange.cache = CacheFacts("miss", reason)
        if exchange.trace is not None:
            exchange.trace.note(TraceCacheMissParams, exchange, 0, reason)

    def _refresh(self, call: Call[Any], key: str) -> None:
        """Ask the origin for a newer response in the background (RFC 5861 §3)."""
        if key in self._refreshed:
            return
        self._refreshed.add(key)
        left_out = {"host", "cookie", *CONDITIONS, *call.propagated}
        left_out = {name.lower() for name in left_out}
        headers = [(n, v) for n, v in call.request_headers.items() if n.lower() not in left_out]
        if call.cookie_header:
            headers.append(("Cookie", call.cookie_header))
        target, options = call.target.key, {"headers": headers, "cookies": call.own_cookies}
        options.update(ssl=target.ssl, server_hostname=target.server_hostname)
        options.update(proxy=target.proxy, proxy_auth=target.proxy_auth)
        options = {name: value for name, value in options.items() if value is not None}
        if self not in call.core.middlewares:
            options["middlewares"] = (self,)
        call.core.create_task(self._fetch(call.session, key, call.target.url, options))

    async def _fetch(self, session: Any, key: str, url: Any, options: dict[str, Any]) -> None:
        _refreshing.set(key)
        try:
            async with session.get(url, allow_redirects=False, **options) as response:
                await response.read()
        except (ClientError, OSError, RuntimeError, ValueError, TypeError) as exc:
            _logger.debug("A stored response could not be refreshed: %s", type(exc).__name__)
        finally:
            self._refreshed.discard(key)
