"""`connect` of aiohttp's connectors, where a program overrides it: each request calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ClientError, ClientOSError, ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..call.exchange import Exchange
    from ..http1.connection import Http1Connection
    from ..timeouts import ClientTimeout
    from .pool import ConnectionPool
    from .state import HostPool


def use_connect(pool: ConnectionPool, connect: Callable[..., Awaitable[Any]] | None) -> None:
    """Let each request call this `connect`; with None, let the pool give connections again."""
    if connect is not None:
        pool.reuse = no_reuse
        pool.obtain = obtain_by(pool, connect)  # type: ignore[method-assign]
    elif pool.reuse is no_reuse:
        pool.reuse = pool.state.reuse
        del pool.obtain


def obtain_by(
    pool: ConnectionPool, connect: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Http1Connection]]:
    """An `obtain` that calls a `connect` with aiohttp's arguments."""

    async def obtain(
        host: HostPool, exchange: Exchange, timeout: ClientTimeout, send: Any = None
    ) -> Http1Connection:
        call = exchange.call
        try:
            connected = await connect(call.core.request_class._of(call), [], timeout)
            connection: Http1Connection = connected._connection
        except BaseException as exc:
            unused = pool.handed_out.pop(exchange, None)
            if unused is not None:
                pool.discard(unused, exchange, "error")
            if (error := client_error(exc, host.key)) is not exc:
                raise error from exc
            raise
        finally:
            pool.leave_queue(exchange)
        pool.handed_out.pop(exchange, None)
        if call.headers is not None:
            call.head = None  # they may have changed
        return connection

    return obtain


def no_reuse(host: HostPool, not_before_ns: int) -> None:
    """No connection: `connect` gets it."""


def client_error(exc: BaseException, key: Any) -> BaseException:
    """What a request raises if a program's own way to connect raises `exc`, as in aiohttp."""
    if isinstance(exc, ClientError) or not isinstance(exc, OSError):
        return exc
    if isinstance(exc, TimeoutError) and exc.errno is None:
        return ConnectionTimeoutError(f"Connection timeout to host {key.authority}")
    return ClientOSError(*exc.args)
