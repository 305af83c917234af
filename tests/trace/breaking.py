"""What breaks off, for tests of its events."""

from __future__ import annotations

from httptrace.testing import Peer, response_bytes

HALF = response_bytes(200, b"hello")[:-3]


async def half(peer: Peer) -> None:
    """Answer with a body of which the end does not come."""
    await peer.request()
    await peer.send(HALF)
    await peer.hang()
