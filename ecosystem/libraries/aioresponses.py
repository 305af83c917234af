"""Mocked errors are raised, other requests are refused, some pass through."""

from __future__ import annotations

from ecosystem.serving import answering, serve

REQUIREMENTS = ["aioresponses"]
WAY = "alias"

# An answer with a body is not asked for: aioresponses 0.7.9 cannot make one for aiohttp 3.14, whose
# ClientResponse has a further required parameter.


async def test_errors_are_raised() -> None:
    """An exception that was asked for, and one for what is not mocked; the calls are noted."""
    import aiohttp
    from aioresponses import aioresponses
    from yarl import URL

    with aioresponses() as mocked:
        mocked.post("http://example.test/?a=1", exception=aiohttp.ServerDisconnectedError())
        async with aiohttp.ClientSession("http://example.test/", headers={"X-A": "b"}) as session:
            for error in (aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionError):
                try:
                    await session.post("/", params={"a": "1"}, data="x", headers={"X-C": "d"})
                except error as raised:
                    assert type(raised) is error
                    continue
                raise AssertionError(f"{error} was not raised")
        first, _second = mocked.requests["POST", URL("http://example.test/?a=1")]
        assert first.kwargs["data"] == "x"
        assert first.kwargs["headers"] == {"X-A": "b", "X-C": "d"}


async def test_requests_pass_through() -> None:
    """What is to be let through reaches the server."""
    import aiohttp
    from aioresponses import aioresponses

    async with serve({"/": answering({"real": True})}) as url:
        with aioresponses(passthrough=[url]):
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert await response.json() == {"real": True}
