"""From a host's addresses to a connected socket: `address_filter`, order, Happy Eyeballs."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from socket import AddressFamily, socket
from typing import TYPE_CHECKING

from .addresses import format_address, interleaved
from .happy_eyeballs import Attempt, HappyEyeballs

if TYPE_CHECKING:
    from ..trace.record import Record
    from .counters import DialCounters
    from .key import ConnectionKey
    from .resolver import ResolveResult
    from .sockets import SocketOpener

AddressFilter = Callable[["ResolveResult"], bool | None]
"""Called before an address is dialled: True or None allows it, any other result forbids it."""


class AddressDialer:
    """Connects sockets to the addresses of a host (RFC 8305)."""

    def __init__(
        self,
        sockets: SocketOpener,
        delay: float | None,
        interleave: int,
        allowed: AddressFilter | None,
        counters: DialCounters,
    ) -> None:
        self._sockets = sockets
        self._delay = delay
        self._interleave = interleave
        self._allowed = allowed
        self._counters = counters

    async def connect(
        self, key: ConnectionKey, record: Record, addresses: list[ResolveResult]
    ) -> socket:
        """A socket to one of the host's addresses that the filter allows.

        Raises
        ------
        ClientConnectorError
            When every address failed or is forbidden; the text gives the reason for each.
        """
        permitted, forbidden = self._filtered(addresses)
        return await self._connect(key, record, permitted, forbidden)

    async def connect_to_proxy(
        self, key: ConnectionKey, record: Record, addresses: list[ResolveResult]
    ) -> socket:
        """The same for a proxy. The program chose the proxy, so the filter is not called."""
        return await self._connect(key, record, addresses, [])

    async def _connect(
        self,
        key: ConnectionKey,
        record: Record,
        permitted: list[ResolveResult],
        forbidden: list[ResolveResult],
    ) -> socket:
        record.enter("connect")
        eyeballs = HappyEyeballs(key, record, self._counters)
        for address in forbidden:
            eyeballs.forbidden(format_address(address))
        return await eyeballs.connect(self._attempts(permitted), self._delay)

    def permitted(
        self, key: ConnectionKey, addresses: list[ResolveResult], *, ask: bool = True
    ) -> list[ResolveResult]:
        """The addresses that something else may connect to, in the order to try.

        `ask` is whether the filter is called.

        Raises
        ------
        ClientConnectorError
            When the filter forbids all of them.
        """
        permitted, forbidden = self._filtered(addresses) if ask else (addresses, [])
        if not permitted:
            names = [f"{format_address(one)}: not allowed by address_filter" for one in forbidden]
            raise key.failure(PermissionError(errno.EACCES, "; ".join(names)))
        return self._ordered(permitted)

    def _filtered(
        self, addresses: list[ResolveResult]
    ) -> tuple[list[ResolveResult], list[ResolveResult]]:
        """The addresses that the filter allows, and those that it forbids."""
        if self._allowed is None:
            return addresses, []
        permitted: list[ResolveResult] = []
        forbidden: list[ResolveResult] = []
        for address in addresses:
            verdict = self._allowed(address)
            (permitted if verdict is True or verdict is None else forbidden).append(address)
        return permitted, forbidden

    def _ordered(self, addresses: list[ResolveResult]) -> list[ResolveResult]:
        if len(addresses) > 1 and self._interleave:
            return interleaved(addresses, self._interleave)
        return addresses

    def _attempts(self, addresses: list[ResolveResult]) -> list[Attempt]:
        return [
            Attempt(
                format_address(one), AddressFamily(one["family"]), partial(self._sockets.open, one)
            )
            for one in self._ordered(addresses)
        ]
