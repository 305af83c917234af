"""Pages of GitHub's API are followed, an issue is made, a refusal is the library's error."""

from __future__ import annotations

from aiohttp import web

from ecosystem.client import client as http
from ecosystem.serving import serve

REQUIREMENTS = ["gidgethub[aiohttp]"]
WAY = "session"


async def issues(request: web.Request) -> web.Response:
    """Two pages of issues; whoever posts one needs a title."""
    if request.method == "POST":
        given = await request.json()
        status = 201 if given.get("title") else 400
        return web.json_response({"number": 3, "message": "no title", **given}, status=status)
    if request.query.get("page") == "2":
        return web.json_response([{"number": 2}])
    following = request.url.with_query(page=2)
    return web.json_response([{"number": 1}], headers={"Link": f'<{following}>; rel="next"'})


async def test_issues() -> None:
    """By the session that it is given."""
    import gidgethub
    from gidgethub.aiohttp import GitHubAPI

    async with serve({"/issues": issues}) as url, http.ClientSession() as session:
        client = GitHubAPI(session, "tests", base_url=url, oauth_token="secret")
        assert [item["number"] async for item in client.getiter("/issues")] == [1, 2]
        assert (await client.post("/issues", data={"title": "New"}))["number"] == 3
        try:
            await client.post("/issues", data={})
        except gidgethub.BadRequest:
            return
    raise AssertionError("the error was not raised")
