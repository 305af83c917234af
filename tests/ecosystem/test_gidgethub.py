"""gidgethub: its client of GitHub's API gets a session of httptrace."""

from __future__ import annotations

import pytest
from aiohttp import web
from tests.ecosystem.conftest import Serve, module

from httptrace import ClientSession

gidgethub = module("gidgethub")
github = module("gidgethub.aiohttp")


async def issues(request: web.Request) -> web.Response:
    """Two pages of issues; a new issue needs a title."""
    if request.method == "POST":
        given = await request.json()
        if not given.get("title"):
            return web.json_response({"message": "no title"}, status=400)
        return web.json_response({"number": 3, **given}, status=201)
    if request.query.get("page") == "2":
        return web.json_response([{"number": 2}])
    following = request.url.with_query(page=2)
    return web.json_response([{"number": 1}], headers={"Link": f'<{following}>; rel="next"'})


async def test_pages_are_followed(serve: Serve, session: ClientSession) -> None:
    """A list in several pages is read completely, by the links of each page."""
    url = await serve({"/issues": issues})
    client = github.GitHubAPI(session, "tests", base_url=url)
    assert [item["number"] async for item in client.getiter("/issues")] == [1, 2]


async def test_things_are_created_and_refused(serve: Serve, session: ClientSession) -> None:
    """A post returns the new issue, and a rejection is gidgethub's error."""
    url = await serve({"/issues": issues})
    client = github.GitHubAPI(session, "tests", base_url=url, oauth_token="secret")
    assert (await client.post("/issues", data={"title": "New"}))["number"] == 3
    with pytest.raises(gidgethub.BadRequest, match="no title"):
        await client.post("/issues", data={})
