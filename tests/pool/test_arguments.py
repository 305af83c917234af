"""The connector's parameter `keepalive_timeout`."""

from __future__ import annotations

import pytest

from httptrace import TCPConnector
from httptrace.pool.connector import pool_of


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
async def test_longer_than_any_program_runs(seconds: float) -> None:
    """A very long time means no limit, like None."""
    connector, for_ever = (TCPConnector(keepalive_timeout=kept) for kept in (seconds, None))
    assert pool_of(connector).keepalive_ns == pool_of(for_ever).keepalive_ns
    await connector.close()
