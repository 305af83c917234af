"""A call and its response, for tests of sessions."""

from __future__ import annotations

from typing import Any

import httptrace
from httptrace.testing import response_bytes

OK = response_bytes(200, b"ok")


async def ok(call: Any) -> httptrace.ClientResponse:
    """The response of a call, read."""
    async with call as response:
        await response.read()
        assert response.ok
        return response  # type: ignore[no-any-return]
