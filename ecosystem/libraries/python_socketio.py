"""Events go both ways over long polling, over a WebSocket, and from the first to the second."""

from __future__ import annotations

import asyncio

from aiohttp import web

from httptrace.testing import TestServer

REQUIREMENTS = ["python-socketio[asyncio_client]"]
WAY = "alias"


async def test_events_go_both_ways() -> None:
    """With an answer to each; binary data too."""
    import socketio

    server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
    app = web.Application()
    server.attach(app)

    @server.event
    async def ask(sid: str, data: object) -> object:
        await server.emit("told", data, to=sid)
        return {"got": data}

    async with TestServer(app) as served:
        for transports in (["polling"], ["websocket"], None):
            client = socketio.AsyncClient()
            told: asyncio.Queue[object] = asyncio.Queue()
            client.on("told", told.put)
            await client.connect(str(served.make_url("/")), transports=transports)
            try:
                assert await client.call("ask", {"a": 1}, timeout=5) == {"got": {"a": 1}}
                assert await client.call("ask", b"bytes", timeout=5) == {"got": b"bytes"}
                async with asyncio.timeout(5):
                    assert [await told.get() for _ in range(2)] == [{"a": 1}, b"bytes"]
            finally:
                await client.disconnect()
