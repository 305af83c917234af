"""Transports that a program has opened itself, as the methods of its connector return them."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from .byte_streams import TransportStream
from .tls import tls_facts
from .tls_transport import TlsTransport


def adopted(transport: asyncio.Transport) -> asyncio.Transport:
    """The transport; with TLS, a `TlsTransport` around it.

    Raises
    ------
    OSError
        If it is closed.
    """
    if transport.is_closing():
        raise OSError(None, "the connection was closed")
    tls = transport.get_extra_info("ssl_object")
    if tls is None or isinstance(transport, TlsTransport):
        return transport
    try:
        return TlsTransport(transport, _socket_transport(transport), tls_facts(tls))
    except ValueError:  # the server has already ended the session
        raise OSError(None, "the server closed the connection") from None


def peer_address(transport: asyncio.Transport) -> str | None:
    """The address and port of the peer as in a URL, or the path of its Unix socket."""
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return peer or None
    host, port, *_ = peer
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def stream_over(transport: asyncio.Transport, received: bytes) -> TransportStream:
    """The byte stream of the transport; `received` has arrived on it already."""
    stream = TransportStream()
    transport.set_protocol(stream)
    stream.connection_made(transport)
    if received:
        stream.data_received(received)
    return stream


def _socket_transport(transport: Any) -> Any:
    """The transport that reads from the socket, below each layer of TLS."""
    while (below := _below(transport)) is not None:
        transport = below
    return transport


def _below(transport: Any) -> Any:
    """The transport below a layer of TLS; None if there is none, or it cannot be found."""
    protocol = getattr(transport, "_ssl_protocol", None)
    if protocol is not None:  # asyncio's
        return getattr(protocol, "_transport", None)
    if type(transport).__name__ != "_SSLProtocolTransport":
        return None
    # uvloop has no attribute for it. Without it a body that is read slowly could lose its end.
    for held in gc.get_referents(transport):
        if type(held).__name__ == "SSLProtocol":
            parts = [one for one in gc.get_referents(held) if hasattr(one, "pause_reading")]
            return next((one for one in parts if one is not transport), None)
    return None
