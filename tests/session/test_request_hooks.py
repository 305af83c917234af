"""What programs override, patch, call and set of the requests of a session."""

from __future__ import annotations

import ssl
from typing import Any
from unittest import mock

import pytest
from tests.client.conftest import MakeSession
from tests.proxies.scripts import OK
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.testing import responding


class Plain(httptrace.ClientRequest):
    """Never uses TLS."""

    def is_ssl(self) -> bool:
        return False


async def read(session: httptrace.ClientSession, url: Any, **options: Any) -> str:
    async with session.get(url, **options) as response:
        return await response.text()


async def test_is_ssl_overridden(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A `request_class` decides whether a request goes over TLS, also that of a redirect."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: https://localhost:%d/\r\nContent-Length: 0\r\n\r\n"
    server = await scripted(OK)
    first = await scripted(moved % server.port)
    session = make_session(request_class=Plain)
    assert await read(session, f"https://127.0.0.1:{first.port}/") == "hello"
    assert await read(session, f"https://localhost:{server.port}/", middlewares=()) == "hello"
    assert len(server.connections) == 1


async def test_credentials_of_such_requests(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A redirect to the same origin keeps credentials, though `is_ssl` says otherwise."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n"
    server = await scripted(responding(moved, OK))
    session = make_session(request_class=Plain)
    auth = httptrace.BasicAuth("user", "secret")
    assert await read(session, f"https://127.0.0.1:{server.port}/", auth=auth) == "hello"
    assert [one.header("Authorization") for one in server.requests] == [auth.encode()] * 2


async def test_patched_while_a_session_exists(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A mock that patches requests and look-ups gets those of every session, as aresponses does."""
    server = await scripted(OK)
    session = make_session()
    kind, connector = httptrace.ClientRequest, httptrace.TCPConnector
    old_init, old_is_ssl = kind.__init__, kind.is_ssl

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        old_init(self, *args, **kwargs)
        self.update_headers({**self.headers, "X-TLS": str(old_is_ssl(self))})

    async def here(self: Any, host: str, port: int, traces: Any = None) -> Any:
        assert self._family == 0
        return [{"hostname": host, "host": "127.0.0.1", "port": server.port, "family": 0}]

    with (
        mock.patch.object(kind, "__init__", init),
        mock.patch.object(kind, "is_ssl", lambda self: False),
        mock.patch.object(connector, "_resolve_host", here),
    ):
        assert await read(session, "https://one.test/", headers={"X-Own": "1"}) == "hello"
        assert await read(session, "http://two.test/") == "hello"
    seen = [(r.header("Host"), r.header("X-TLS"), r.header("X-Own")) for r in server.requests]
    assert seen == [("one.test", "True", "1"), ("two.test", "False", None)]
    with pytest.raises(httptrace.ClientConnectorError):
        await session.get("https://127.0.0.1:1/")


async def test_one_request_per_hop(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """The middlewares of a hop get the same object of a `request_class`, and those of the next
    hop another."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n"
    server = await scripted(responding(moved, OK))
    seen: list[Any] = []

    class Own(httptrace.ClientRequest):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.marks = 0

    async def marking(request: Any, handler: Any) -> Any:
        request.marks += 1
        seen.append(request)
        return await handler(request)

    session = make_session(request_class=Own, middlewares=[marking, marking])
    assert await read(session, server.url) == "hello"
    first, same, second, last = seen
    assert first is same and second is last and first is not second
    assert (first.marks, second.marks) == (2, 2)


async def test_update_headers(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """`update_headers` replaces all headers but Host."""
    server = await scripted(OK)

    async def bare(request: Any, handler: Any) -> Any:
        request.update_headers([("X-A", "1"), ("X-A", "2")])
        return await handler(request)

    assert await read(make_session(middlewares=[bare]), server.url) == "hello"
    host = (b"Host", b"127.0.0.1:%d" % server.port)
    assert server.requests[0].headers == [host, (b"X-A", b"1"), (b"X-A", b"2")]


async def test_ssl_that_is_set(
    make_session: MakeSession, aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """A middleware may set the context of a request; it is checked as the parameter is."""

    async def trusting(request: Any, handler: Any) -> Any:
        with pytest.raises(TypeError, match="ssl"):
            request._ssl = "yes"
        request._ssl = client_ssl
        return await handler(request)

    session = make_session(middlewares=[trusting])
    assert await read(session, f"{aiohttp_tls_server.url}/inspect")
    with pytest.raises(httptrace.ClientConnectorCertificateError):
        await session.get(f"{aiohttp_tls_server.url}/inspect", middlewares=())


async def test_an_override_that_comes_later(session: httptrace.ClientSession) -> None:
    """Putting a method that is never called on the class of a session's requests raises."""
    try:
        with pytest.raises(TypeError, match=r"ClientRequest\.send, which httptrace never calls"):
            httptrace.ClientRequest.send = lambda self: None  # type: ignore[attr-defined]
    finally:
        del httptrace.ClientRequest.send  # type: ignore[attr-defined]
    with pytest.raises(httptrace.ClientConnectorError):
        await session.get("http://127.0.0.1:1/")
