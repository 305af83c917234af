"""Dialers: they open connections when the pool asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..errors import ClientConnectionError
from .counters import DialCounters
from .timeouts import ConnectTimeouts, StepTimeout

if TYPE_CHECKING:
    from ..trace.record import Record
    from .byte_streams import TransportPair
    from .key import ConnectionKey
    from .transports import ProtocolFactory


class AnyDialer(Protocol):
    """The interface of `BaseConnector`'s ``dialer``, which opens the connector's connections."""

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> TransportPair:
        """Connect to the key's destination; return the transport and the factory's protocol.

        The protocol's ``connection_made`` has been called by then. A dialer that cannot connect
        raises `ClientConnectionError` or a subclass of it, and leaves nothing open.
        """
        ...

    async def close(self) -> None:
        """Open no more connections, and cancel the attempts that are running."""


class Dial(NamedTuple):
    """A connection that is being opened: its destination, the attempt that needs it, its limits."""

    key: ConnectionKey
    record: Record
    timeouts: ConnectTimeouts

    def within_sock_connect(self) -> StepTimeout:
        """The timeout of sockets, tunnel and TLS together."""
        return StepTimeout(self.key, self.record, "sock_connect", self.timeouts.sock_connect)

    def within_tls(self) -> StepTimeout:
        """The timeout of a TLS handshake."""
        return StepTimeout(self.key, self.record, "tls", self.timeouts.tls)


class BaseDialer:
    """Base of the dialers of this package. A subclass implements `_connect`."""

    def __init__(self) -> None:
        self.counters = DialCounters()
        self._closed = False

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> TransportPair:
        """Connect to the key's destination; return the transport and the factory's protocol.

        The limits are in seconds; None or 0 means no limit. `sock_connect` covers sockets, a
        proxy's tunnel and TLS together, but not DNS; `dns` covers each look-up, `tls` each
        handshake. When this raises, the caller flushes the events of the record's trace.

        Raises
        ------
        ClientConnectorDNSError
            When the host has no address.
        ClientConnectorError
            When no address can be connected to; the text gives the reason for each address.
        ClientSSLError, ServerFingerprintMismatch
            When TLS fails.
        ClientProxyConnectionError, ClientHttpProxyError
            When the proxy cannot be reached or refuses the tunnel.
        ConnectionTimeoutError
            When a limit is reached.
        ClientConnectionError
            When the dialer is closed.
        """
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        dial = Dial(key, record, ConnectTimeouts(sock_connect, dns, tls))
        return await self._connect(dial, protocol_factory)

    async def _connect(self, dial: Dial, protocol_factory: ProtocolFactory) -> TransportPair:
        raise NotImplementedError

    async def close(self) -> None:
        """Open no more connections."""
        self._closed = True
