"""What a connector has counted."""

from __future__ import annotations

from typing import Any, NamedTuple


class ConnectorStats(NamedTuple):
    """Counters of a connector since it was made, and what it holds now."""

    created: int
    """Connections that were opened."""
    reused: int
    """Requests that found an open connection."""
    closed: dict[str, int]
    """Connections that were closed, by reason."""
    failed: int
    """Connections that could not be made."""
    queued: dict[str, int]
    """Requests that had to wait, by the limit that was reached."""
    queued_seconds: float
    """Time that requests have spent waiting, those that still wait not included."""
    open: int
    """Connections open now, busy and idle."""
    idle: int
    """Connections that are open and unused now."""
    waiting: int
    """Requests that wait for a connection now."""

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return self._asdict()
