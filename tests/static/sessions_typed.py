"""What type checkers see of a session: its constructor and its properties."""

from __future__ import annotations

from typing import assert_type

from yarl import URL

import httptrace


async def logged(
    request: httptrace.ClientRequest, handler: httptrace.ClientHandlerType
) -> httptrace.ClientResponse:
    """A middleware as users annotate it."""
    assert_type(request.url, URL)
    assert_type(request.method, str)
    request.headers["X-Signed"] = "yes"
    response = await handler(request)
    assert_type(response, httptrace.ClientResponse)
    return response


async def a_session_takes_middlewares() -> None:
    """Functions and objects; all of them are ClientMiddlewareType."""
    digest = httptrace.DigestAuthMiddleware("user", "password")
    chain: list[httptrace.ClientMiddlewareType] = [logged, digest]
    async with httptrace.ClientSession(middlewares=chain) as session:
        await session.get("http://localhost", middlewares=(logged, digest))


async def the_digest_middleware_keeps_the_response_type(
    request: httptrace.ClientRequest, handler: httptrace.ClientHandlerType
) -> None:
    """Called by another middleware, it returns the handler's result."""
    digest = httptrace.DigestAuthMiddleware("user", "password")
    assert_type(await digest(request, handler), httptrace.ClientResponse)


def internal(url: URL) -> bool:
    """Which hosts get the ids."""
    return url.host == "localhost"


async def a_session_takes_its_settings() -> None:
    """Connector, timeout, cookies, credentials, and who gets the request ids."""
    async with httptrace.ClientSession(
        "http://localhost",
        connector=httptrace.TCPConnector(limit=10, ssl=False),
        timeout=httptrace.ClientTimeout(total=10, sock_read=1),
        cookie_jar=httptrace.CookieJar(unsafe=True),
        auth=httptrace.BasicAuth("user", "password"),
        headers={"X-A": "b"},
        cookies={"a": "b"},
        propagate="api.example",
    ) as session:
        assert_type(session, httptrace.ClientSession)
        assert_type(session.timeout, httptrace.ClientTimeout)
        assert_type(session.cookie_jar, httptrace.AbstractCookieJar)
        assert_type(session.connector, httptrace.BaseConnector | None)
        assert_type(session.closed, bool)
    httptrace.ClientSession(propagate=["api.example", ".internal.example"])
    httptrace.ClientSession(propagate=internal)
    httptrace.ClientSession(propagate=httptrace.Propagation(internal, trace=True))
    httptrace.ClientSession(propagate=None)


def propagation_refuses_other_types() -> None:
    """True would send the ids to every host."""
    assert_type(httptrace.Propagation.of("api.example"), httptrace.Propagation | None)
    httptrace.Propagation.of(True)  # type: ignore[arg-type]
    httptrace.Propagation.of(8080)  # type: ignore[arg-type]
    httptrace.ClientSession(propagate=True)  # type: ignore[arg-type]


async def a_request_takes_forms(session: httptrace.ClientSession) -> None:
    """`FormData`, `MultipartWriter`, mappings, pairs, bytes and iterables."""
    form = httptrace.FormData({"name": "value"})
    form.add_field("file", b"content", filename="a.txt", content_type="text/plain")
    await session.post("http://localhost", data=form)
    with httptrace.MultipartWriter("mixed") as writer:
        assert_type(writer, httptrace.MultipartWriter)
        writer.append(b"content")
    await session.post("http://localhost", data=writer)
    await session.get("http://localhost", params={"a": 1, "b": ["c", "d"]})


def timeouts_can_be_changed(timeout: httptrace.ClientTimeout) -> None:
    """`replace` returns another ClientTimeout."""
    assert_type(timeout.total, float | None)
    assert_type(timeout.replace(total=5), httptrace.ClientTimeout)


def credentials_have_their_types(url: URL) -> None:
    """Reading credentials may return None."""
    assert_type(httptrace.BasicAuth.from_url(url), httptrace.BasicAuth | None)
    assert_type(httptrace.BasicAuth("user", "password").encode(), str)
