"""The interface of connections, the same for every version of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from ..trace.record import TlsFacts
    from ..trace.tcp_info import TcpInfo
    from .exchange import Exchange
    from .kept import ConnectionFacts


class Upgraded(Protocol):
    """A connection on which a program speaks its own protocol after a 101 (RFC 9110 §7.8)."""

    def leave(self) -> None:
        """Close the connection once everything was sent that has been written to it."""


class Connection(Protocol):
    """An open connection to one origin."""

    id: int
    """The connection's number in this process."""
    host: Any
    """The `Host` of the pool that the connection belongs to."""
    address: str | None
    """The peer's address and port."""
    tls: TlsFacts | None
    kernel: TcpInfo | None
    """The latest facts that the kernel told about the connection."""
    facts: ConnectionFacts | None
    """What exchanges keep of it when their calls have ended; None until it is asked for."""
    opened_ns: int
    idle_since_ns: int
    requests_served: int
    early: bytes
    """Bytes that the server sent before the first request."""
    closed: bool
    """Whether the connection was closed."""
    close_reason: str | None
    write_blocked: bool
    """Whether the transport has called `pause_writing`: await `drain` before the next write."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport; None before it exists."""

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write a request with its whole body. The exchange receives the response."""

    def begin(self, exchange: Exchange, head: bytes) -> None:
        """Write the head of a request. `send_body` or `send_chunk` write its body."""

    def send_body(self, data: bytes | memoryview) -> None:
        """Write a piece of the body as it is."""

    def send_chunk(self, data: bytes | memoryview) -> None:
        """Write a piece of the body as one chunk."""

    def request_complete(self) -> None:
        """The whole request was written: the connection may be reused after the response."""

    def is_readable(self) -> bool:
        """Whether the socket has bytes to read or has reached the end of the stream."""
        ...

    def answer_early(self) -> None:
        """Parse the bytes in `early` as the response to the request that was just written."""

    def unsent(self) -> int:
        """The number of bytes in the transport's write buffer."""
        ...

    async def drain(self) -> None:
        """Wait until the transport calls `resume_writing`."""

    def resume_reading(self) -> None:
        """Resume reading if it was paused."""

    def close(self, reason: str) -> None:
        """Abort the transport. A current exchange fails."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The same as ``asyncio.BaseTransport.get_extra_info``."""
