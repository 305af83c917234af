"""The demonstration's servers, for tests that run the command against them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from httptrace.demo.servers import BundledServers


@pytest.fixture
async def servers() -> AsyncIterator[BundledServers]:
    """The demonstration's servers, running in the test's own loop."""
    async with BundledServers() as running:
        yield running
