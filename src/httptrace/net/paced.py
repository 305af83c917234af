"""TLS that is paused where the socket is read.

Event loops are not good at pausing TLS itself. uvloop drops what it has not yet handed on when the
peer closes meanwhile: the end of a body that is read slowly would be lost, without an error if the
body lasts until the connection ends. asyncio reports a wrong state to its exception handler. So TLS
is never paused; the transport below it is, which brings neither bytes nor the end until it is read
again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..trace.record import TlsFacts


class PacedTransport(asyncio.Transport):
    """A TLS transport whose reading is paused and resumed at the transport below.

    `facts` are what the handshake agreed on.
    """

    def __init__(self, tls: asyncio.Transport, below: asyncio.Transport, facts: TlsFacts) -> None:
        super().__init__()
        self.facts = facts
        self.tls = tls
        self.below = below
        self.write = tls.write  # type: ignore[method-assign]
        self.writelines = tls.writelines  # type: ignore[method-assign]

    def pause_reading(self) -> None:
        """Read no more from the socket."""
        if not self.below.is_closing():
            self.below.pause_reading()

    def resume_reading(self) -> None:
        """Read again; a socket that was closed meanwhile has nothing more to bring."""
        if not self.below.is_closing():
            self.below.resume_reading()

    def is_reading(self) -> bool:
        """Whether the socket is read."""
        return self.below.is_reading()

    def close(self) -> None:
        """Close when all is written."""
        self.resume_reading()  # TLS reads the other end's farewell
        self.tls.close()

    def abort(self) -> None:
        """Close at once."""
        self.tls.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or will be."""
        return self.tls.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows."""
        return self.tls.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change the protocol."""
        self.tls.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol."""
        return self.tls.get_protocol()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When writing is paused and resumed."""
        self.tls.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait to be sent."""
        return self.tls.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """When writing is paused and resumed."""
        return self.tls.get_write_buffer_limits()

    def can_write_eof(self) -> bool:
        """TLS has no half-closed state."""
        return False


def below(transport: asyncio.Transport) -> asyncio.Transport:
    """The transport at which reading is to be paused for TLS on this one."""
    return transport.below if isinstance(transport, PacedTransport) else transport


def within(transport: asyncio.Transport) -> asyncio.Transport:
    """The loop's own transport."""
    return transport.tls if isinstance(transport, PacedTransport) else transport
