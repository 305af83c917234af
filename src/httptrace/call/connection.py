"""The interface of a connection, whichever protocol it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from ..trace.record import TlsFacts
    from .exchange import Exchange


class Connection(Protocol):
    """An open connection to one origin."""

    id: int
    """Its number in this process."""
    host: Any
    """The pool's `Host` that it belongs to."""
    address: str | None
    """The peer's address and port."""
    tls: TlsFacts | None
    opened_ns: int
    idle_since_ns: int
    requests_served: int
    early: bytes
    """What the server sent before it had a request."""
    closed: bool
    """Whether it can no longer be used."""
    close_reason: str | None
    write_blocked: bool
    """Whether the transport holds so much that a writer should await `drain` first."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport that it runs over."""

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write a request whose body is at hand; its response goes to the exchange."""

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Write the head of a request whose body follows in pieces."""

    def send_body(self, data: bytes | memoryview) -> None:
        """Write more of a request's body, framed already."""

    def send_chunk(self, data: bytes | memoryview) -> None:
        """Write more of a request's body as one chunk."""

    def request_complete(self) -> None:
        """The request is written whole; until then a complete response does not free it."""

    def is_readable(self) -> bool:
        """Whether the system holds bytes, or the end of the stream, that were not read yet."""
        ...

    def answer_early(self) -> None:
        """Take what the server had sent before the request as the answer to it."""

    def unsent(self) -> int:
        """Bytes that the system has not taken yet."""
        ...

    async def drain(self) -> None:
        """Wait until the transport takes more."""

    def resume_reading(self) -> None:
        """The caller has taken data: read on if reading was paused."""

    def close(self, reason: str) -> None:
        """Close at once; an exchange under way fails."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows (``asyncio.BaseTransport.get_extra_info``)."""
