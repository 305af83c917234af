"""A bot asks Telegram's API, uploads and downloads a file, and answers by a webhook."""

from __future__ import annotations

import io

from aiohttp import web

from ecosystem.serving import serve
from httptrace.testing import TestServer

REQUIREMENTS = ["aiogram"]
WAY = "alias"

TOKEN = "42:token"
MESSAGE = {"message_id": 7, "date": 1, "chat": {"id": 1, "type": "private"}}


async def api(request: web.Request) -> web.Response:
    """Answers each method."""
    method = request.match_info["method"]
    form = await request.post()
    if method == "getMe":
        result: object = {"id": 42, "is_bot": True, "first_name": "bot"}
    elif method == "getFile":
        result = {"file_id": "f", "file_unique_id": "u", "file_path": "a.bin"}
    elif method == "sendDocument":
        (file,) = (value for value in form.values() if isinstance(value, web.FileField))
        result = {**MESSAGE, "text": f"{file.filename} {len(file.file.read())}"}
    else:
        error = {"ok": False, "error_code": 400, "description": "no such method"}
        return web.json_response(error, status=400)
    return web.json_response({"ok": True, "result": result})


async def file(request: web.Request) -> web.Response:
    """The content of a file."""
    return web.Response(body=b"x" * 100_000)


async def test_methods_are_called() -> None:
    """With a file up and one down, and an error."""
    from aiogram import Bot
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.exceptions import TelegramBadRequest, TelegramNetworkError
    from aiogram.types import BufferedInputFile

    handlers = {f"/bot{TOKEN}/{{method}}": api, f"/file/bot{TOKEN}/a.bin": file}
    async with serve(handlers) as url:
        session = AiohttpSession(api=TelegramAPIServer.from_base(url))
        async with Bot(TOKEN, session=session) as bot:
            assert (await bot.me()).first_name == "bot"
            sent = await bot.send_document(1, BufferedInputFile(b"abc", "a.txt"))
            assert sent.text == "a.txt 3"
            into = io.BytesIO()
            await bot.download("f", into)
            assert len(into.getvalue()) == 100_000
            try:
                await bot.log_out()
            except TelegramBadRequest:
                pass
            else:
                raise AssertionError("the error was not raised")
    session = AiohttpSession(api=TelegramAPIServer.from_base("http://127.0.0.1:1"))
    async with Bot(TOKEN, session=session) as bot:
        try:
            await bot.me()
        except TelegramNetworkError:
            return
    raise AssertionError("the error was not raised")


async def test_a_webhook_answers() -> None:
    """The answer carries a method as multipart, in a response of aiohttp.web."""
    import aiohttp
    from aiogram import Bot, Dispatcher
    from aiogram.types import Message
    from aiogram.webhook.aiohttp_server import SimpleRequestHandler

    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> object:
        return message.answer("hello")

    app = web.Application()
    bot = Bot(TOKEN)
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False).register(app, "/hook")
    update = {"update_id": 1, "message": {**MESSAGE, "text": "hi"}}
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.post(server.make_url("/hook"), json=update) as response:
            assert response.status == 200, await response.text()
            assert b"sendMessage" in await response.read()
    await bot.session.close()
