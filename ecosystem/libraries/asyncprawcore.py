"""Reddit's tokens are fetched and requests are made with them; an URL for authorization is made."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["asyncprawcore"]
WAY = "alias"


async def token(request: web.Request) -> web.Response:
    """A token for a client that gave its name and secret."""
    if request.headers.get("Authorization") != "Basic aWQ6c2VjcmV0":
        return web.json_response({"error": "invalid_grant"}, status=401)
    answer = {"access_token": "token", "expires_in": 3600, "scope": "*"}
    return web.json_response(answer)


async def me(request: web.Request) -> web.Response:
    """Who has the token."""
    limits = {"x-ratelimit-remaining": "9", "x-ratelimit-reset": "9", "x-ratelimit-used": "1"}
    if request.headers["Authorization"].lower() != "bearer token":
        return web.Response(status=401, headers=limits)
    posted = dict(await request.post())
    return web.json_response({"name": "me", "posted": posted}, headers=limits)


async def test_an_authorized_request_is_made() -> None:
    """The token is fetched with the client's name, then used."""
    import asyncprawcore

    handlers = {"/api/v1/access_token": token, "/api/v1/me": me}
    async with serve(handlers) as url:
        requestor = asyncprawcore.Requestor(
            user_agent="a test of libraries", oauth_url=url, reddit_url=url
        )
        try:
            authenticator = asyncprawcore.TrustedAuthenticator(
                client_id="id", client_secret="secret", requestor=requestor
            )
            authorizer = asyncprawcore.ReadOnlyAuthorizer(authenticator=authenticator)
            await authorizer.refresh()
            async with asyncprawcore.session(authorizer=authorizer) as session:
                answer = await session.request(method="GET", path="/api/v1/me")
                assert answer["name"] == "me"
                answer = await session.request(method="POST", path="/api/v1/me", data={"a": "b"})
                assert answer["posted"]["a"] == "b"
        finally:
            await requestor.close()


async def test_an_url_for_authorization_is_made() -> None:
    """No request is sent for it."""
    import asyncprawcore

    requestor = asyncprawcore.Requestor(user_agent="a test of libraries")
    authenticator = asyncprawcore.TrustedAuthenticator(
        client_id="id",
        client_secret="secret",
        redirect_uri="http://localhost/back",
        requestor=requestor,
    )
    url = authenticator.authorize_url(
        duration="permanent", scopes=["identity", "read"], state="state 1"
    )
    assert "client_id=id" in str(url), url
    assert "scope=identity+read" in str(url), url
