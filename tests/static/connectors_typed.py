"""What type checkers see of connectors that override aiohttp's methods."""

from __future__ import annotations

import asyncio
from typing import Any, assert_type

import httptrace
from httptrace.abc import ResolveResult
from httptrace.client_proto import ResponseHandler


class Own(httptrace.TCPConnector):
    """Overrides them with the types that libraries for aiohttp write."""

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[httptrace.AddrInfoType],
        req: httptrace.ClientRequest,
        timeout: httptrace.ClientTimeout,
        client_error: type[Exception] = httptrace.ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        given: dict[str, Any] = {"addr_infos": addr_infos, "req": req, "timeout": timeout}
        pair = await super()._wrap_create_connection(*args, **given, **kwargs)
        assert_type(pair, tuple[asyncio.Transport, ResponseHandler])
        return pair

    async def _create_connection(
        self, req: httptrace.ClientRequest, traces: list[Any], timeout: httptrace.ClientTimeout
    ) -> ResponseHandler:
        return await super()._create_connection(req, traces, timeout)

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        return await super()._resolve_host(host, port, traces)


class Plain(httptrace.ClientRequest):
    """Overrides what is called of requests."""

    def is_ssl(self) -> bool:
        return super().is_ssl()


def private_names(connector: Own) -> None:
    """The factory of protocols is typed; other private names are not."""
    assert_type(connector._factory(), ResponseHandler)
