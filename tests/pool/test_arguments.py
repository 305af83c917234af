"""What connectors take for how long an unused connection is kept."""

from __future__ import annotations

import pytest

from httptrace import TCPConnector


@pytest.mark.parametrize("seconds", [float("inf"), 1e300])
async def test_longer_than_any_program_runs(seconds: float) -> None:
    """Such a time is as good as None: for ever."""
    connector = TCPConnector(keepalive_timeout=seconds)
    assert connector.keepalive_ns == TCPConnector(keepalive_timeout=None).keepalive_ns
    await connector.close()
