"""WebSocket servers of other projects: aiohttp.web and websockets, each an echo."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

PROTOCOLS = ("chat", "echo")


@contextlib.asynccontextmanager
async def aiohttp_echo(tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """aiohttp.web: echoes; on "close" it closes with 4001; with compression."""
    from aiohttp import WSMsgType, web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0)
        await ws.prepare(request)
        async for message in ws:
            if message.data == "close":
                await ws.close(code=4001, message=b"as you wish")
            elif message.data == "ping me":
                await ws.ping(b"from aiohttp")
            elif message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            else:
                await ws.send_bytes(message.data)
        return ws

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"{'wss' if tls else 'ws'}://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def websockets_echo(tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """websockets: echoes; on "close" it closes with 4001; with compression."""
    from websockets.asyncio.server import serve

    async def echo(ws: Any) -> None:
        async for message in ws:
            if message == "close":
                await ws.close(4001, "as you wish")
            elif message == "ping me":
                await ws.ping(b"from websockets")
            else:
                await ws.send(message)

    def choose(ws: Any, offered: Any) -> Any:
        return next((name for name in offered if name in PROTOCOLS), None)

    async with serve(
        echo,
        "127.0.0.1",
        0,
        ssl=tls,
        max_size=None,
        subprotocols=list(PROTOCOLS),
        select_subprotocol=choose,
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/"
