"""`ResponseConnection`: the value of `ClientResponse.connection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import asyncio

    from ..call.connection import Connection
    from ..http1.upgraded import UpgradedConnection
    from .response import ClientResponse


class ResponseConnection:
    """The connection of a response (aiohttp's documentation, "Connection")."""

    def __init__(
        self, response: ClientResponse, connection: Connection, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._response = response
        self._connection = connection
        self._loop = loop

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, or the response no longer uses it."""
        return self._response.closed or self._connection.closed

    @property
    def transport(self) -> asyncio.Transport | None:
        """The `asyncio.Transport`, with the peer's address and certificate; None if `closed`."""
        if self.protocol is not None:
            return self.protocol.transport
        return None if self.closed else self._connection.transport

    @property
    def protocol(self) -> UpgradedConnection | None:
        """After a 101, what a program takes the connection over with; otherwise None."""
        return cast("UpgradedConnection | None", self._response._exchange.upgraded)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the session."""
        return self._loop

    def close(self) -> None:
        """Do the same as `ClientResponse.close`."""
        self._response.close()

    def release(self) -> None:
        """Do the same as `ClientResponse.release`."""
        self._response.release()
