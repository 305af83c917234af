"""A token is fetched by its client middleware, and sent with each request."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import answering, serve

REQUIREMENTS = ["aiohttp-oauth2-client"]
WAY = "alias"


async def page(request: web.Request) -> web.Response:
    """Who has the token may see it."""
    return web.Response(text=request.headers["Authorization"])


async def test_a_token_is_sent() -> None:
    """It is fetched once."""
    import aiohttp
    from aiohttp_oauth2_client.grant.client_credentials import ClientCredentialsGrant
    from aiohttp_oauth2_client.middleware import OAuth2Middleware

    fetched = 0
    answer = answering({"access_token": "abc", "token_type": "Bearer", "expires_in": 3600})

    async def token(request: web.Request) -> web.StreamResponse:
        nonlocal fetched
        fetched += 1
        assert (await request.post())["grant_type"] == "client_credentials"
        return await answer(request)

    async with serve({"/token": token, "/": page}) as url:
        grant = ClientCredentialsGrant(f"{url}/token", "id", "secret")
        async with (
            grant,
            aiohttp.ClientSession(middlewares=[OAuth2Middleware(grant)]) as session,
        ):
            for _ in range(2):
                async with session.get(url) as response:
                    assert await response.text() == "Bearer abc"
    assert fetched == 1
