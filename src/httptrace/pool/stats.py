"""`ConnectorStats`: the counters of a connector."""

from __future__ import annotations

from typing import Any, NamedTuple


class ConnectorStats(NamedTuple):
    """Counters since the connector was created, and its current connections and requests."""

    created: int
    """Connections that were opened."""
    reused: int
    """Requests that were sent on a connection that was open already."""
    closed: dict[str, int]
    """Closed connections, by reason."""
    failed: int
    """Attempts to open a connection that failed."""
    queued: dict[str, int]
    """Requests that waited for a connection, by the limit that was reached."""
    queued_seconds: float
    """The time that requests have waited, without requests that still wait."""
    open: int
    """Open connections, busy and idle."""
    idle: int
    """Open connections without a request."""
    waiting: int
    """Requests that are waiting for a connection."""
    round_trips: dict[str, float]
    """Seconds of the shortest round trip to each peer with an open connection, by its address. It
    is what the kernel told when a response last began; only Linux tells it."""
    retransmitted: int
    """Segments that were sent again on the open connections, as the kernel told then."""

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON."""
        return self._asdict()
