"""From a host's addresses to a connected socket: which may be dialled, and in which order."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from socket import AddressFamily, socket
from typing import TYPE_CHECKING

from .addresses import interleaved, shown
from .attempts import Attempt, Attempts

if TYPE_CHECKING:
    from ..trace.record import Record
    from .counters import DialCounters
    from .key import ConnectionKey
    from .limit import Limit
    from .resolver import ResolveResult
    from .sockets import Sockets

AddressFilter = Callable[["ResolveResult"], bool | None]
"""Asked before an address is dialled: True or None lets it pass, anything else forbids it."""


class Plugs:
    """Connects sockets by RFC 8305, to addresses that the filter lets pass."""

    def __init__(
        self,
        sockets: Sockets,
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

    async def connected(
        self, key: ConnectionKey, addresses: list[ResolveResult], record: Record, limit: Limit
    ) -> socket:
        """A socket to one of the host's addresses.

        Raises
        ------
        ClientConnectorError
            When none answers or may be dialled; the text tells why for each.
        """
        record.enter("connect")
        attempts = Attempts(key, record, limit, self._counters)
        permitted, forbidden = self._sorted(addresses)
        for to in forbidden:
            attempts.forbidden(shown(to))
        return await attempts.connect(self._planned(permitted), self._delay)

    async def connected_to_proxy(
        self, key: ConnectionKey, addresses: list[ResolveResult], record: Record, limit: Limit
    ) -> socket:
        """The same for a proxy: whoever named it has chosen its address, no filter is asked."""
        record.enter("connect")
        attempts = Attempts(key, record, limit, self._counters)
        return await attempts.connect(self._planned(addresses), self._delay)

    def permitted(self, key: ConnectionKey, addresses: list[ResolveResult]) -> list[ResolveResult]:
        """The addresses that a proxy may be asked for, in the order in which to ask.

        Raises
        ------
        ClientConnectorError
            When there are none.
        """
        permitted, forbidden = self._sorted(addresses)
        if not permitted:
            names = "; ".join(f"{shown(to)}: not allowed by address_filter" for to in forbidden)
            raise key.failure(PermissionError(errno.EACCES, names))
        return self._ordered(permitted)

    def _sorted(
        self, addresses: list[ResolveResult]
    ) -> tuple[list[ResolveResult], list[ResolveResult]]:
        """What may be dialled, and what may not."""
        if self._allowed is None:
            return addresses, []
        permitted: list[ResolveResult] = []
        forbidden: list[ResolveResult] = []
        for to in addresses:
            verdict = self._allowed(to)
            (permitted if verdict is True or verdict is None else forbidden).append(to)
        return permitted, forbidden

    def _ordered(self, addresses: list[ResolveResult]) -> list[ResolveResult]:
        if len(addresses) > 1 and self._interleave:
            return interleaved(addresses, self._interleave)
        return addresses

    def _planned(self, addresses: list[ResolveResult]) -> list[Attempt]:
        return [
            Attempt(shown(to), AddressFamily(to["family"]), partial(self._sockets.connect, to))
            for to in self._ordered(addresses)
        ]
