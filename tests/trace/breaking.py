"""Truncated responses, for tests of their events."""

from __future__ import annotations

from httptrace.testing import Peer, response_bytes

HALF = response_bytes(200, b"hello")[:-3]


async def half(peer: Peer) -> None:
    """Respond with a body whose end never arrives."""
    await peer.request()
    await peer.send(HALF)
    await peer.hang()
