"""Responses on the wire, in any pieces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from httptrace.testing.peer import Peer

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
Script = Callable[[Peer], Awaitable[None]]


def length(size: int) -> bytes:
    """The head of a response with a body of this size."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size


def chunk(data: bytes) -> bytes:
    """One chunk (RFC 9112 §7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def sending(*pieces: bytes) -> Script:
    """Script: responds to each request with these pieces, each in a segment of its own."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces(pieces)

    return script
