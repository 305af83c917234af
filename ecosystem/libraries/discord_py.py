"""A bot logs in, receives a message from the gateway, and replies with a file."""

from __future__ import annotations

import asyncio
import io
import json
import zlib
from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["discord.py"]
WAY = "alias"

USER = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
MESSAGE = {
    "id": "5",
    "channel_id": "3",
    "author": {**USER, "id": "2", "username": "person", "bot": False},
    "content": "ping",
    "timestamp": "2025-01-01T00:00:00+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "pinned": False,
    "type": 0,
}


def answer(body: object) -> web.Response:
    """JSON as Discord sends it: the library reads no other Content-Type as JSON."""
    return web.Response(body=json.dumps(body).encode(), content_type="application/json")


class Gateway:
    """Sends what happens, compressed as Discord does."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj()
        self._websocket = web.WebSocketResponse(compress=False)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Greets, and tells of one message when the bot has said who it is."""
        await self._websocket.prepare(request)
        await self._send({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for message in self._websocket:
            if json.loads(message.data)["op"] == 2:
                ready = {"v": 10, "user": USER, "guilds": [], "session_id": "s"}
                ready |= {"resume_gateway_url": "ws://127.0.0.1:1", "application": {"id": "1"}}
                await self._send({"op": 0, "t": "READY", "s": 1, "d": {**ready, "flags": 0}})
                await self._send({"op": 0, "t": "MESSAGE_CREATE", "s": 2, "d": MESSAGE})
        return self._websocket

    async def _send(self, event: dict[str, Any]) -> None:
        data = self._compressor.compress(json.dumps(event).encode())
        await self._websocket.send_bytes(data + self._compressor.flush(zlib.Z_SYNC_FLUSH))


async def test_a_bot_answers_a_message() -> None:
    """It closes its sockets afterwards."""
    import discord
    from discord.gateway import DiscordWebSocket
    from discord.http import Route
    from yarl import URL

    posted = asyncio.get_running_loop().create_future()

    async def me(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bot token"
        return answer(USER)

    async def application(request: web.Request) -> web.Response:
        about = {"name": "bot", "description": "", "icon": None, "verify_key": "", "owner": USER}
        options = {"bot_public": True, "bot_require_code_grant": False, "summary": ""}
        return answer({"id": "1", "flags": 0, **about, **options})

    async def messages(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["files[0]"]
        assert isinstance(file, web.FileField)
        text = json.loads(str(form["payload_json"]))["content"]
        posted.set_result((text, file.filename, file.file.read()))
        return answer({**MESSAGE, "author": USER, "content": "pong"})

    class Bot(discord.Client):
        async def on_message(self, message: Any) -> None:
            await message.channel.send("pong", file=discord.File(io.BytesIO(b"data"), "a.bin"))

    handlers = {
        "/users/@me": me,
        "/oauth2/applications/@me": application,
        "/channels/3/messages": messages,
        "/gw": Gateway().handle,
        "/gw/": Gateway().handle,
    }
    async with serve(handlers) as url:
        Route.BASE = url
        DiscordWebSocket.DEFAULT_GATEWAY = URL(url.replace("http", "ws") + "/gw/")
        bot = Bot(intents=discord.Intents.default())
        task = asyncio.create_task(bot.start("token", reconnect=False))
        try:
            async with asyncio.timeout(20):
                await asyncio.wait({task, posted}, return_when="FIRST_COMPLETED")
                assert posted.done(), task
                assert await posted == ("pong", "a.bin", b"data")
        finally:
            await bot.close()
            await asyncio.wait({task})
