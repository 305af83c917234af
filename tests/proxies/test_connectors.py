"""Connector features beyond aiohttp's: timeouts for DNS and TLS, age, dialers; named pipes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aiohttp_app import AiohttpServer

import httptrace
from httptrace.errors import ClientConnectorError, ConnectionTimeoutError
from httptrace.pool.connector import pool_of
from httptrace.testing import EventRecorder, ScriptedServer, hang

from .conftest import MakeSession
from .scripts import OK


async def read(session: httptrace.ClientSession, url: str, **options: Any) -> str:
    async with session.get(url, **options) as response:
        return await response.text()


# --- limits ---------------------------------------------------------------------------------------


class Never(httptrace.AbstractResolver):
    """Never returns."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("proxied", [True, False])
async def test_a_limit_for_dns(
    cached: bool, proxied: bool, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """ClientTimeout.dns ends a look-up, of the origin's or the proxy's name."""
    connector = httptrace.TCPConnector(resolver=Never(), use_dns_cache=cached)
    session = make_session(
        connector=connector, timeout=httptrace.ClientTimeout(dns=0.05, sock_connect=5)
    )
    options = {"proxy": "http://proxy.test"} if proxied else {}
    with pytest.raises(ConnectionTimeoutError, match="dns not done within") as caught:
        await session.get("http://origin.test/", **options)
    error = caught.value
    assert (error.timeout, error.phase, error.limit) == ("dns", "dns", 0.05)
    assert error.elapsed is not None
    assert error.elapsed > 0.04
    (event,) = recorder.of("dns_resolvehost_exception")
    assert (event.exception, event.host) == (error, "proxy.test" if proxied else "origin.test")


async def test_a_limit_for_tls(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """ClientTimeout.tls ends a handshake, and is the limit in the error."""
    server = await scripted(hang)
    session = make_session(timeout=httptrace.ClientTimeout(tls=0.05, sock_connect=5))
    with pytest.raises(ConnectionTimeoutError, match="tls not done within") as caught:
        await session.get(f"https://127.0.0.1:{server.port}/")
    assert (caught.value.timeout, caught.value.phase) == ("tls", "tls")
    assert recorder.of("tls_handshake_exception")[0].exception is caught.value


async def test_sock_connect_holds_within_tls(scripted: Any, make_session: MakeSession) -> None:
    """The shorter of two limits applies: sock_connect covers the handshake too."""
    server = await scripted(hang)
    session = make_session(timeout=httptrace.ClientTimeout(tls=5, sock_connect=0.05))
    with pytest.raises(ConnectionTimeoutError) as caught:
        await session.get(f"https://127.0.0.1:{server.port}/")
    assert (caught.value.timeout, caught.value.phase) == ("sock_connect", "tls")


async def test_limits_that_are_kept(
    make_session: MakeSession, aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """A request within its limits is not affected."""
    session = make_session(timeout=httptrace.ClientTimeout(dns=5, tls=5, sock_connect=5))
    url = f"https://localhost:{aiohttp_tls_server.port}/"
    assert await read(session, url, ssl=client_ssl) == "hello"


# --- age ------------------------------------------------------------------------------------------


async def test_an_old_connection_is_closed_when_idle(
    scripted: Any, make_session: MakeSession
) -> None:
    """An idle connection is closed when it reaches its age."""
    server = await scripted(OK)
    connector = httptrace.TCPConnector(max_connection_age=0.05)
    session = make_session(connector=connector)
    await read(session, server.url)
    assert await server.connections[0].until_closed() in ("eof", "reset")
    assert connector.stats().closed == {"max age": 1}
    await read(session, server.url)
    assert len(server.connections) == 2


async def test_an_old_connection_is_not_released(
    scripted: Any, make_session: MakeSession, recorder: EventRecorder
) -> None:
    """A connection that is too old when its response ends is closed for that reason."""

    async def slow(peer: Any) -> None:
        await peer.request()
        await asyncio.sleep(0.06)
        await peer.send(OK)
        await peer.hang()

    server = await scripted(slow)
    session = make_session(connector=httptrace.TCPConnector(max_connection_age=0.05))
    await read(session, server.url)
    assert recorder.of("connection_closed")[0].reason == "max age"


async def test_a_young_connection_is_used_again(scripted: Any, make_session: MakeSession) -> None:
    """Until then it is used like any other."""
    server = await scripted(OK)
    session = make_session(connector=httptrace.TCPConnector(max_connection_age=60))
    for _ in range(3):
        await read(session, server.url)
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("age", "error"), [(0, ValueError), (-1, ValueError), (True, TypeError), ("1", TypeError)]
)
async def test_ages_that_cannot_be(age: Any, error: type[Exception]) -> None:
    """An age is a number of seconds above 0."""
    with pytest.raises(error, match="max_connection_age"):
        httptrace.TCPConnector(max_connection_age=age)


# --- parameters passed on -------------------------------------------------------------------------


async def test_ssl_shutdown_timeout_is_checked() -> None:
    """The connector refuses what the dialer refuses."""
    with pytest.raises(ValueError, match="ssl_shutdown_timeout"):
        httptrace.TCPConnector(ssl_shutdown_timeout=-1)
    await httptrace.TCPConnector(ssl_shutdown_timeout=2).close()


async def test_the_filter_lets_pass(scripted: Any, make_session: MakeSession) -> None:
    """True and None allow an address; the filter gets the resolver's result."""
    server, seen = await scripted(OK), []
    for verdict in (True, None):

        def allow(address: Any, verdict: bool | None = verdict) -> bool | None:
            seen.append((address["host"], address["port"]))
            return verdict

        connector = httptrace.TCPConnector(address_filter=allow)
        assert await read(make_session(connector=connector), server.url) == "hello"
    assert seen == [("127.0.0.1", server.port)] * 2


async def test_the_filter_is_not_asked_about_the_proxy(
    scripted: Any, make_session: MakeSession
) -> None:
    """The filter is not called for a proxy's address, nor for names that it resolves."""
    proxy = await scripted(OK)
    connector = httptrace.TCPConnector(address_filter=lambda address: False)
    session = make_session(connector=connector, proxy=proxy.url)
    assert await read(session, "http://origin.test/") == "hello"


# --- connectors of one's own ----------------------------------------------------------------------


class Elsewhere:
    """A dialer that always connects to the same port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.closed = False

    async def connect(
        self,
        key: Any,
        record: Any,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> Any:
        record.enter("connect")
        loop = asyncio.get_running_loop()
        return await loop.create_connection(protocol_factory, "127.0.0.1", self.port)

    async def close(self) -> None:
        self.closed = True


class OwnConnector(httptrace.BaseConnector):
    """The example of the documentation."""

    uses_proxies = False

    def __init__(self, port: int, **options: Any) -> None:
        super().__init__(dialer=Elsewhere(port), **options)


async def test_a_connector_of_ones_own(scripted: Any, make_session: MakeSession) -> None:
    """A subclass provides a dialer; queue, keep-alive and events are those of every connector."""
    server = await scripted(OK)
    connector = OwnConnector(server.port, limit=1)
    session = make_session(connector=connector)
    for _ in range(2):
        assert await read(session, "http://anything.test/") == "hello"
    assert len(server.connections) == 1
    await session.close()
    assert pool_of(connector).dialer.closed  # type: ignore[union-attr]


async def test_the_environments_proxy_is_not_for_a_unix_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_session: MakeSession
) -> None:
    """A connector to a local path connects there, whatever proxy the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    async with ScriptedServer(OK, unix_path=tmp_path / "s") as server:
        connector = httptrace.UnixConnector(str(tmp_path / "s"))
        session = make_session(connector=connector, trust_env=True)
        assert await read(session, "http://localhost/") == "hello"
        assert server.requests[0].target == "/"
        with pytest.raises(httptrace.ClientProxyConnectionError, match="no proxy"):
            await session.get("http://localhost/", proxy="http://proxy.test")
        await session.close()


# --- named pipes ----------------------------------------------------------------------------------


async def test_named_pipes_need_a_proactor() -> None:
    """Without Windows, the connector raises when it is created, as aiohttp's does."""
    with pytest.raises(RuntimeError, match="Windows"):
        httptrace.NamedPipeConnector(r"\\.\pipe\name")


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_a_named_pipe(tmp_path: Path, make_session: MakeSession) -> None:
    """On a loop with pipes (here a Unix socket instead) requests are sent over the pipe."""
    loop: Any = asyncio.get_running_loop()
    loop.create_pipe_connection = lambda factory, path: loop.create_unix_connection(factory, path)
    async with ScriptedServer(OK, unix_path=tmp_path / "pipe") as server:
        session = make_session(connector=httptrace.NamedPipeConnector(str(tmp_path / "pipe")))
        assert await read(session, "http://localhost/") == "hello"
        assert server.requests[0].header("Host") == "localhost"
        with pytest.raises(ClientConnectorError, match="no TLS over a named pipe"):
            await session.get("https://localhost/")
        await session.close()
    session = make_session(connector=httptrace.NamedPipeConnector(str(tmp_path / "none")))
    with pytest.raises(ClientConnectorError, match="No such file"):
        await session.get("http://localhost/")
