"""A TLS transport whose flow control happens at the transport below TLS.

Pausing the loops' own TLS transports loses data or fails. uvloop drops decrypted bytes that it has
not yet passed to the protocol when the peer closes the connection: a body that is read slowly would
lose its end, without an error if the body ends with the connection. asyncio reports an
invalid state to the loop's exception handler. So this class pauses the transport below, which
delivers neither bytes nor EOF until it is resumed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..trace.record import TlsFacts


class TlsTransport(asyncio.Transport):
    """The loop's TLS transport `tls`, paused and resumed at the transport `below` it.

    `facts` are the results of the handshake.
    """

    def __init__(self, tls: asyncio.Transport, below: asyncio.Transport, facts: TlsFacts) -> None:
        super().__init__()
        self.facts = facts
        self.tls = tls
        self.below = below
        self.write = tls.write  # type: ignore[method-assign]
        self.writelines = tls.writelines  # type: ignore[method-assign]

    def pause_reading(self) -> None:
        """Stop reading from the socket."""
        if not self.below.is_closing():
            self.below.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again, unless it is closed."""
        if not self.below.is_closing():
            self.below.resume_reading()

    def is_reading(self) -> bool:
        """Whether the transport reads from the socket."""
        return self.below.is_reading()

    def close(self) -> None:
        """Close after the buffered data is sent."""
        self.resume_reading()  # TLS waits for the peer's close_notify
        self.tls.close()

    def abort(self) -> None:
        """Close at once."""
        self.tls.abort()

    def is_closing(self) -> bool:
        """Whether the transport is closed or closing."""
        return self.tls.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The TLS transport's information."""
        return self.tls.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the protocol."""
        self.tls.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The current protocol."""
        return self.tls.get_protocol()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the buffer sizes at which writing is paused and resumed."""
        self.tls.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """The number of buffered bytes."""
        return self.tls.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The buffer sizes at which writing is resumed and paused."""
        return self.tls.get_write_buffer_limits()

    def can_write_eof(self) -> bool:
        """TLS has no half-closed state."""
        return False


def socket_transport(transport: asyncio.Transport) -> asyncio.Transport:
    """The transport that reads from the socket: the one to pause."""
    return transport.below if isinstance(transport, TlsTransport) else transport


def loop_transport(transport: asyncio.Transport) -> asyncio.Transport:
    """The transport that the event loop made: the one to pass to ``loop.start_tls``."""
    return transport.tls if isinstance(transport, TlsTransport) else transport
