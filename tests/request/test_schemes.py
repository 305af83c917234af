"""Schemes of URLs beside http and https: unix, tcp, ws, and what a connector does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from tests.ws.peers import TEXT, after_accepting, close_frame, read_close, server_frame
from yarl import URL

import httptrace
from httptrace import (
    InvalidUrlClientError,
    InvalidUrlRedirectClientError,
    NonHttpUrlClientError,
    NonHttpUrlRedirectClientError,
)
from httptrace.testing import EventRecorder, responding, response_bytes
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, per_request

OK = response_bytes(200, b"ok")


async def redirecting(peer: Peer, request: Any) -> None:
    """Answer /to?LOCATION with a redirect there, and all else with 200."""
    _path, _, location = request.target.partition("/to?")
    await peer.send(response_bytes(302, b"", ("Location", location)) if location else OK)


@pytest.fixture
async def socket(leak_check: Leaks, scripted: ScriptedFactory, tmp_path: Path) -> ScriptedServer:
    """A server on a Unix socket."""
    return await scripted(per_request(redirecting), unix_path=tmp_path / "socket")


def session_on(server: ScriptedServer, **options: Any) -> httptrace.ClientSession:
    """A session whose connector goes to the server's Unix socket."""
    connector = httptrace.UnixConnector(server.unix_path or "")
    return httptrace.ClientSession(connector=connector, **options)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("unix://localhost/v1/x?a=b", "localhost"),
        ("UNIX://LOCALHOST/v1/x?a=b", "localhost"),
        ("unix://localhost:80/v1/x?a=b", "localhost:80"),
        ("unix://[::1]/v1/x?a=b", "[::1]"),
        ("http://localhost/v1/x?a=b", "localhost"),
        ("ws://localhost/v1/x?a=b", "localhost"),
    ],
)
async def test_unix_urls(socket: ScriptedServer, url: str, host: str) -> None:
    """A UnixConnector takes unix:// too: the host is sent, and says nothing of where to connect."""
    async with session_on(socket) as session, session.get(url) as response:
        assert await response.text() == "ok"
    (request,) = socket.requests
    assert (request.target, request.header("Host")) == ("/v1/x?a=b", host)
    assert (response.url, response.host) == (URL(url), URL(url).host)
    assert response.timeline.hops[0].address == socket.unix_path


async def test_one_socket_has_one_pool(socket: ScriptedServer) -> None:
    """Whatever a URL calls the socket, its connection is reused."""
    async with session_on(socket) as session:
        for url in ("unix://localhost/", "http://localhost/", "unix://localhost/again"):
            async with session.get(url) as response:
                await response.read()
    assert len(socket.connections) == 1


async def test_base_url_of_a_socket(socket: ScriptedServer) -> None:
    """Relative URLs are joined to a unix:// base as RFC 3986 has it."""
    async with session_on(socket, base_url="unix://localhost/v1/") as session:
        for url in ("x", "/y", "../z?a=b"):
            async with session.get(url) as response:
                await response.read()
            assert response.url.scheme == "unix"
    assert [request.target for request in socket.requests] == ["/v1/x", "/y", "/z?a=b"]


@pytest.mark.parametrize(
    "location", ["there?a", "/there?a", "unix://x/there?a", "http://x/there?a"]
)
async def test_redirects_on_a_socket(
    socket: ScriptedServer, recorder: EventRecorder, location: str
) -> None:
    """A redirect may be relative, to the scheme of the request, or to http."""
    url = f"unix://localhost/to?{location}"
    async with session_on(socket) as session, session.get(url) as response:
        assert await response.text() == "ok"
    there = location if "//" in location else "unix://localhost/there?a"
    assert str(response.url) == there
    assert socket.requests[1].target == "/there?a"
    assert len(recorder.of("request_redirect")) == 1


async def test_a_websocket_on_a_socket(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory, tmp_path: Path
) -> None:
    """`ws_connect` takes unix:// too."""

    async def script(peer: Peer) -> None:
        await peer.send(server_frame(TEXT, b"hello"))
        await read_close(peer)
        await peer.send(close_frame())

    server = await scripted(after_accepting(script), unix_path=tmp_path / "socket")
    async with session_on(server) as session:
        async with session.ws_connect("unix://localhost/events") as ws:
            assert await ws.receive_str() == "hello"
    assert server.requests[0].target == "/events"


async def test_tcp_urls(
    leak_check: Leaks, recorder: EventRecorder, scripted: ScriptedFactory
) -> None:
    """A TCPConnector takes tcp:// as http://, and ws:// for a request that is no WebSocket."""
    server = await scripted(responding(OK, OK, OK))
    async with httptrace.ClientSession() as session:
        for scheme in ("tcp", "ws", "http"):
            url = URL(server.url).with_scheme(scheme) / "x"
            async with session.get(url) as response:
                assert await response.text() == "ok"
            assert response.url == url
    assert len(server.connections) == 1
    assert {request.header("Host") for request in server.requests} == {URL(server.url).authority}


async def test_tcp_by_a_proxy(leak_check: Leaks, scripted: ScriptedFactory) -> None:
    """A proxy is asked for the http URL: it knows no other."""
    proxy = await scripted(OK)
    async with httptrace.ClientSession(proxy=proxy.url) as session:
        async with session.get("tcp://docker.test:2375/version") as response:
            assert await response.text() == "ok"
    assert proxy.requests[0].target == "http://docker.test:2375/version"


class Https(httptrace.TCPConnector):
    """Nothing without TLS."""

    allowed_protocol_schema_set = frozenset({"https"})


REFUSED = [
    (httptrace.TCPConnector, "unix://localhost/x", "not 'unix' (it needs a UnixConnector)"),
    (httptrace.TCPConnector, "npipe://./x", "not 'npipe' (it needs a NamedPipeConnector)"),
    (httptrace.TCPConnector, "ftp://localhost/x", "one of http, https, tcp, ws, wss, not 'ftp'"),
    (Https, "http://localhost/x", "the scheme must be one of https, not 'http'"),
    (httptrace.UnixConnector, "tcp://localhost:1/", "not 'tcp' (it needs a TCPConnector)"),
    (httptrace.UnixConnector, "npipe://./x", "not 'npipe' (it needs a NamedPipeConnector)"),
]


@pytest.mark.parametrize(("connector", "url", "text"), REFUSED)
async def test_schemes_that_a_connector_does_not_take(connector: Any, url: str, text: str) -> None:
    """The error names the schemes that it takes, or the connector that takes this one."""
    made = connector("/nowhere") if connector is httptrace.UnixConnector else connector()
    async with httptrace.ClientSession(connector=made) as session:
        with pytest.raises(NonHttpUrlClientError) as caught:
            await session.get(url)
    assert text in str(caught.value)


@pytest.mark.parametrize("url", ["unix:///var/run/docker.sock", "unix:/var/run/docker.sock"])
async def test_the_path_of_a_socket_is_no_url(url: str) -> None:
    """A URL needs a host: the path of the socket is the connector's."""
    async with httptrace.ClientSession(connector=httptrace.UnixConnector("/nowhere")) as session:
        with pytest.raises(InvalidUrlClientError, match="it has no host"):
            await session.get(url)


async def test_tcp_needs_a_port() -> None:
    """No port belongs to tcp://."""
    async with httptrace.ClientSession() as session:
        with pytest.raises(InvalidUrlClientError, match="it has no port"):
            await session.get("tcp://localhost/x")


@pytest.mark.parametrize("location", ["unix://localhost/x", "tcp://localhost:1/x", "ws://a.test/"])
async def test_a_server_does_not_choose_another_kind(
    leak_check: Leaks, scripted: ScriptedFactory, location: str
) -> None:
    """A redirect leads to http, https or the scheme of the request, also if more are taken."""
    server = await scripted(per_request(redirecting))
    async with httptrace.ClientSession() as session:
        with pytest.raises(NonHttpUrlRedirectClientError, match="must be one of http, https, not"):
            await session.get(f"{server.url}/to?{location}")


async def test_a_redirect_to_a_path_of_a_socket(socket: ScriptedServer) -> None:
    """It has no host."""
    async with session_on(socket) as session:
        with pytest.raises(InvalidUrlRedirectClientError, match="it has no host"):
            await session.get("unix://localhost/to?unix:/there")


async def test_what_a_connector_takes_holds_for_redirects(
    leak_check: Leaks, scripted: ScriptedFactory
) -> None:
    """A connector that takes no http is not led to it, by a URL or by a redirect."""
    connector = httptrace.TCPConnector()
    server = await scripted(per_request(redirecting))
    async with httptrace.ClientSession(connector=connector) as session:
        connector.allowed_protocol_schema_set = frozenset({"tcp"})
        url = URL(server.url).with_scheme("tcp").with_path("/to").with_query(server.url)
        with pytest.raises(NonHttpUrlRedirectClientError, match="must be one of tcp, not 'http'"):
            await session.get(url)
    assert len(server.requests) == 1
