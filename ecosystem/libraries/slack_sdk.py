"""Methods of Slack's API are called with JSON and files; a refusal is the library's error."""

from __future__ import annotations

import io

from aiohttp import web

from ecosystem.client import client as http
from ecosystem.serving import serve

REQUIREMENTS = ["slack_sdk"]
WAY = "session"


async def api(request: web.Request) -> web.Response:
    """Says what came: JSON or files; without a token it refuses."""
    if not request.headers.get("Authorization"):
        return web.json_response({"ok": False, "error": "not_authed"})
    if request.content_type == "application/json":
        return web.json_response({"ok": True, "got": await request.json()})
    file = (await request.post())["file"]
    assert isinstance(file, web.FileField)
    return web.json_response({"ok": True, "got": file.file.read().decode()})


async def test_methods_are_called() -> None:
    """By the session that it is given."""
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.async_client import AsyncWebClient

    async with serve({"/api/{method}": api}) as url, http.ClientSession() as session:
        client = AsyncWebClient("xoxb-token", base_url=f"{url}/api/", session=session)
        answer = await client.api_call("chat.postMessage", json={"text": "hi"})
        assert answer["got"] == {"text": "hi"}
        files = {"file": io.BytesIO(b"content")}
        assert (await client.api_call("files.upload", files=files, data={}))["got"] == "content"
        stranger = AsyncWebClient(base_url=f"{url}/api/", session=session)
        try:
            await stranger.api_call("chat.postMessage", json={})
        except SlackApiError:
            return
    raise AssertionError("the error was not raised")
