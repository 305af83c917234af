"""An exchange's REST API, and many messages of its WebSocket."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from ecosystem.serving import answering, serve

REQUIREMENTS = ["ccxt"]
WAY = "alias"

MESSAGES = 500


async def prices(request: web.Request) -> web.WebSocketResponse:
    """After a subscription, many prices at once."""
    websocket = web.WebSocketResponse()
    await websocket.prepare(request)
    async for message in websocket:
        if json.loads(message.data).get("method") == "subscribe":
            for number in range(MESSAGES):
                await websocket.send_json({"price": number})
    return websocket


async def test_an_answer_is_fetched() -> None:
    """By the exchange's own session, and errors are the library's."""
    import ccxt.async_support as ccxt

    exchange = ccxt.Exchange({"id": "local", "enableRateLimit": False})
    handlers = {"/": answering({"price": 1}), "/bad": answering({"error": 1}, status=503)}
    async with serve(handlers) as url:
        try:
            assert await exchange.fetch(f"{url}/") == {"price": 1}
            assert await exchange.fetch(f"{url}/", "POST", {}, '{"a": 1}') == {"price": 1}
            try:
                await exchange.fetch(f"{url}/bad")
            except ccxt.ExchangeNotAvailable:
                pass
            else:
                raise AssertionError("the error was not raised")
            try:
                await exchange.fetch("http://127.0.0.1:1/")
            except ccxt.ExchangeNotAvailable:
                pass
        finally:
            await exchange.close()


async def test_messages_are_watched() -> None:
    """Every message is handled in its order, also those that the library takes from the queue."""
    from ccxt.async_support.base.exchange import Exchange

    seen: list[int] = []
    all_seen = asyncio.Event()

    class Local(Exchange):
        def handle_message(self, client: Any, message: Any) -> None:
            if not seen:
                client.resolve(message, "price")
            seen.append(message["price"])
            if len(seen) == MESSAGES:
                all_seen.set()

    exchange = Local({"id": "local", "enableRateLimit": False})
    async with serve({"/": prices}) as url:
        try:
            watched = exchange.watch(
                url.replace("http", "ws"), "price", {"method": "subscribe"}, "price"
            )
            async with asyncio.timeout(10):
                assert (await watched)["price"] == 0
                await all_seen.wait()
        finally:
            await exchange.close()
    assert seen == list(range(MESSAGES))
