"""The demo's WebSocket, with the clients of aiohttp and httptrace."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

import httptrace
from httptrace.demo.servers import BundledServers
from httptrace.testing import EventRecorder

pytestmark = pytest.mark.usefixtures("leak_check")


@pytest.mark.parametrize("module", [aiohttp, httptrace], ids=["aiohttp", "httptrace"])
async def test_what_is_said_comes_back(module: Any) -> None:
    """Messages of every length are echoed, pings are answered, and closing is a handshake."""
    async with BundledServers() as servers, module.ClientSession(servers.http) as session:
        async with session.ws_connect("/websocket/0.01", autoping=False) as ws:
            for size in (0, 125, 126, 65_536):
                await ws.send_str("*" * size)
                assert await ws.receive_str() == "*" * size
            await ws.send_bytes(b"bytes")
            assert await ws.receive_bytes() == b"bytes"
            await ws.ping(b"there?")
            message = await ws.receive()
            assert (message.type, message.data) == (module.WSMsgType.PONG, b"there?")
            assert await ws.close(code=4000)
            assert ws.close_code == 4000


async def test_a_request_that_is_none(recorder: EventRecorder) -> None:
    """A plain request gets an explanation."""
    async with BundledServers() as servers, httptrace.ClientSession(servers.http) as session:
        async with session.get("/websocket") as response:
            assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
