"""slack_sdk: its asynchronous client of Slack's API gets a session of httptrace."""

from __future__ import annotations

import io

import pytest
from aiohttp import web
from tests.ecosystem.conftest import Serve, module

from httptrace import ClientSession

slack = module("slack_sdk.web.async_client")
slack_errors = module("slack_sdk.errors")


async def api(request: web.Request) -> web.Response:
    """Returns the received JSON, form or files; without a token it rejects them."""
    if not request.headers.get("Authorization"):
        return web.json_response({"ok": False, "error": "not_authed"})
    if request.content_type == "application/json":
        return web.json_response({"ok": True, "got": await request.json()})
    fields = {
        name: value.file.read().decode() if isinstance(value, web.FileField) else value
        for name, value in (await request.post()).items()
    }
    return web.json_response({"ok": True, "got": fields})


async def test_methods_are_called(serve: Serve, session: ClientSession) -> None:
    """A message is posted as JSON, a file as multipart."""
    url = await serve({"/api/{method}": api})
    client = slack.AsyncWebClient("xoxb-token", base_url=f"{url}/api/", session=session)
    answer = await client.api_call("chat.postMessage", json={"channel": "C1", "text": "hi"})
    assert answer["got"] == {"channel": "C1", "text": "hi"}
    answer = await client.api_call(
        "files.upload", files={"file": io.BytesIO(b"content")}, data={"title": "a file"}
    )
    assert answer["got"]["file"] == "content"
    assert answer["got"]["title"] == "a file"


async def test_refusals_are_its_errors(serve: Serve, session: ClientSession) -> None:
    """A rejection by Slack is slack_sdk's error."""
    url = await serve({"/api/{method}": api})
    client = slack.AsyncWebClient(base_url=f"{url}/api/", session=session)
    with pytest.raises(slack_errors.SlackApiError, match="not_authed"):
        await client.api_call("chat.postMessage", json={"channel": "C1"})
