"""`ResponseConnection`: what `ClientResponse.connection` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from ..call.connection import Connection
    from .response import ClientResponse


class ResponseConnection:
    """A response's hold on its connection (aiohttp's documentation, "Connection")."""

    def __init__(
        self, response: ClientResponse, connection: Connection, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._response = response
        self._connection = connection
        self._loop = loop

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, or the response no longer needs it."""
        return self._response.closed or self._connection.closed

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, which knows the peer and its certificate; None once it is `closed`."""
        return None if self.closed else self._connection.transport

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the session."""
        return self._loop

    def close(self) -> None:
        """As `ClientResponse.close`."""
        self._response.close()

    def release(self) -> None:
        """As `ClientResponse.release`."""
        self._response.release()
