"""Middlewares: their order, how often they are called, and what they get and return."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.session.calling import OK, ok
from yarl import URL

import httptrace
from httptrace.testing import response_bytes


async def test_middlewares(make_session: MakeSession, aiohttp_server: AiohttpServer) -> None:
    """Middlewares run in order, once for each hop; the request's replace the session's."""
    order: list[str] = []

    def named(name: str) -> Any:
        async def middleware(request: httptrace.ClientRequest, handler: Any) -> Any:
            order.append(f"{name}>{request.url.path}")
            response = await handler(request)
            order.append(f"{name}<{response.status}")
            return response

        return middleware

    session = make_session(aiohttp_server.url, middlewares=(named("a"), named("b")))
    await ok(session.get("/redirect/1"))
    first = ["a>/redirect/1", "b>/redirect/1", "b<302", "a<302"]
    assert order == [*first, "a>/redirect/0", "b>/redirect/0", "b<200", "a<200"]
    order.clear()
    await ok(session.get("/", middlewares=(named("c"),)))
    await ok(session.get("/", middlewares=()))
    assert order == ["c>/", "c<200"]


async def test_a_middleware_repeats(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A middleware may send the request again, with its body and other headers."""

    async def insist(request: httptrace.ClientRequest, handler: Any) -> Any:
        for attempt in range(3):
            request.headers["X-Attempt"] = str(attempt)
            response = await handler(request)
            if response.status != 503:
                break
        return response

    busy = response_bytes(503, b"busy")
    from httptrace.testing.scripted import responding

    server = await scripted(responding(busy, busy, OK))
    session = make_session(middlewares=(insist,))
    for body in (b"body", b"x" * 100_000):
        async with session.post(server.url, data=body) as response:
            assert await response.read() == b"ok"
    assert [request.header("X-Attempt") for request in server.requests] == ["0", "1", "2", "0"]
    assert [len(request.body) for request in server.requests] == [4, 4, 4, 100_000]


async def test_a_middleware_answers(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """A middleware may raise, and may return an earlier response."""
    async with make_session().get(aiohttp_server.url) as kept:
        await kept.read()

    async def cache(request: Any, handler: Any) -> Any:
        if request.url.path == "/forbidden":
            raise PermissionError(request.url.path)
        return kept

    session = make_session(aiohttp_server.url, middlewares=(cache,))
    async with session.get("/cached") as response:
        assert await response.text() == "hello"
    with pytest.raises(PermissionError):
        await session.get("/forbidden")
    assert aiohttp_server.requests == 1


async def test_what_a_middleware_sees(
    make_session: MakeSession, aiohttp_server: AiohttpServer
) -> None:
    """A ClientRequest has aiohttp's documented attributes."""
    seen: dict[str, Any] = {}

    async def look(request: httptrace.ClientRequest, handler: Any) -> Any:
        for name in ("method", "url", "original_url", "host", "port", "session", "version", "ssl"):
            seen[name] = getattr(request, name)
        seen["is_ssl"] = request.is_ssl()
        seen["key"] = request.connection_key.port
        seen["info"] = request.request_info.method
        return await handler(request)

    session = make_session(middlewares=(look,))
    await ok(session.put(f"{aiohttp_server.url}/echo#f", data=b"x"))
    assert seen == {
        "method": "PUT",
        "url": URL(f"{aiohttp_server.url}/echo"),
        "original_url": URL(f"{aiohttp_server.url}/echo#f"),
        "host": "127.0.0.1",
        "port": aiohttp_server.port,
        "session": session,
        "version": httptrace.HttpVersion11,
        "ssl": True,
        "is_ssl": False,
        "key": aiohttp_server.port,
        "info": "PUT",
    }
