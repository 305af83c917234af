"""Requests to any host, http and https, are answered by a local server."""

from __future__ import annotations

REQUIREMENTS = ["aresponses", "pytest-asyncio"]
WAY = "alias"


async def test_hosts_are_answered() -> None:
    """Routes by host and path; https is answered too; the history has the requests."""
    import asyncio

    import aiohttp
    from aresponses import ResponsesMockServer

    async with ResponsesMockServer(loop=asyncio.get_running_loop()) as server:
        server.add("one.test", "/", "GET", response="one")
        server.add("two.test", "/json", "POST", response={"two": 2})
        async with aiohttp.ClientSession() as session:
            async with session.get("http://one.test/") as response:
                assert await response.text() == "one"
            async with session.post("https://two.test/json", json={}) as response:
                assert await response.json() == {"two": 2}
        server.assert_plan_strictly_followed()
        assert [log.request.host for log in server.history] == ["one.test", "two.test"]


async def test_requests_pass_through() -> None:
    """What is to be let through reaches the real server, by a session of the library's own."""
    import asyncio

    import aiohttp
    from aresponses import ResponsesMockServer

    from ecosystem.serving import answering, serve

    async with (
        serve({"/": answering({"real": True})}) as url,
        ResponsesMockServer(loop=asyncio.get_running_loop()) as server,
    ):
        server.add_local_passthrough(repeat=1)
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert await response.json() == {"real": True}
