"""What the pool and the session know of a connection, whichever protocol it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ..pool.state import HostPool
    from .exchange import Exchange


class Connection(Protocol):
    """An open connection to one origin."""

    id: int
    """Its number in this process."""
    host: HostPool
    """The part of the pool that it belongs to."""
    opened_ns: int
    idle_since_ns: int
    requests_served: int
    closed: bool
    """Whether it can no longer be used."""
    write_blocked: bool
    """Whether the transport holds so much that who writes should `drain` first."""

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write a request whose body is at hand; its response goes to the exchange."""

    def send_body(self, data: bytes | memoryview) -> None:
        """Write more of a request's body, framed already."""

    def send_chunk(self, data: bytes | memoryview) -> None:
        """Write more of a request's body as one chunk."""

    def unsent(self) -> int:
        """Bytes that the system has not taken yet."""
        ...

    async def drain(self) -> None:
        """Wait until the transport takes more."""

    def resume_reading(self) -> None:
        """The caller has taken data: read on if reading was paused."""

    def request_complete(self) -> None:
        """The request is written whole; until then a complete response does not free it."""

    def close(self, reason: str) -> None:
        """Close at once; an exchange under way fails."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows (``asyncio.BaseTransport.get_extra_info``)."""
