"""Private names of aiohttp's connectors, responses and WebSockets that libraries read."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.proxies.scripts import OK
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.ws.servers import aiohttp_echo

import httptrace
from httptrace.pool.private_names import READ, READ_OF_TCP, REFUSED, REFUSED_OF_TCP
from httptrace.testing import response_bytes

# --- connectors ---


async def test_open_connections(
    make_session: MakeSession, aiohttp_tls_server: AiohttpServer, client_ssl: ssl.SSLContext
) -> None:
    """`_conns` has the idle connections by key, as gql reads them; `_acquired` those in use."""
    session = make_session(connector=httptrace.TCPConnector(ssl=client_ssl))
    connector: Any = session.connector
    assert (connector._conns, connector._acquired) == ({}, set())
    async with session.get(f"{aiohttp_tls_server.url}/inspect") as response:
        await response.read()
    (idle,) = connector._conns.values()
    ((handler, since),) = idle
    assert handler.transport.get_extra_info("ssl_object") is not None
    assert since > 0 and handler.protocol is not None
    ((key, _),) = connector._conns.items()
    assert (key.host, key.is_ssl) == ("127.0.0.1", True)
    waiting = asyncio.ensure_future(session.get(f"{aiohttp_tls_server.url}/gate"))
    await aiohttp_tls_server.entered.wait()
    (acquired,) = connector._acquired
    assert acquired.transport is not None and connector._conns == {}
    aiohttp_tls_server.gate.set()
    await (await waiting).read()
    handler.close()
    assert connector._conns == {} and handler.protocol is None


async def test_settings_of_a_connector(session: httptrace.ClientSession) -> None:
    """What programs read of a connector's settings is there."""
    resolver = httptrace.ThreadedResolver()
    connector: Any = httptrace.TCPConnector(
        limit=7, limit_per_host=3, keepalive_timeout=2, resolver=resolver, ssl=False, family=2
    )
    read = {name: getattr(connector, name) for name in (*READ, *READ_OF_TCP)}
    assert read == {
        "_acquired": set(),
        "_closed": False,
        "_conns": {},
        "_force_close": False,
        "_keepalive_timeout": 2,
        "_limit": 7,
        "_limit_per_host": 3,
        "_loop": session.loop,
        "_family": 2,
        "_resolver": resolver,
        "_ssl": False,
        "_use_dns_cache": True,
    }
    await connector.close()
    assert connector._closed
    async with httptrace.UnixConnector("/nowhere", force_close=True) as unix:
        assert unix._keepalive_timeout is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*READ, *READ_OF_TCP])
async def test_settings_are_not_assigned(name: str) -> None:
    """Assigning a private attribute of a connector says that it cannot be set."""
    async with httptrace.TCPConnector() as connector:
        with pytest.raises(AttributeError, match=f"{name} .* cannot be set: use its parameters"):
            setattr(connector, name, None)


@pytest.mark.parametrize("name", [*REFUSED, *REFUSED_OF_TCP])
async def test_settings_that_are_not_there(name: str) -> None:
    """A private attribute of aiohttp's that has no counterpart is neither read nor set."""
    async with httptrace.TCPConnector() as connector:
        with pytest.raises(AttributeError, match=f"has no {name}"):
            getattr(connector, name)
        with pytest.raises(AttributeError, match=name):
            setattr(connector, name, None)


# --- objects around a connector ---


class Around:
    """Looks like the connector that it holds, as wrapt's proxies do."""

    def __init__(self, connector: httptrace.BaseConnector) -> None:
        self.held = connector
        self.asked: list[str] = []

    @property
    def __class__(self) -> Any:
        return type(self.held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.held, name)

    async def connect(self, req: Any, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(req.url.path)
        return await self.held.connect(req, *args, **kwargs)


@pytest.mark.parametrize("given", [False, True], ids=["assigned", "given"])
async def test_a_connector_that_is_wrapped(
    given: bool, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Each request of the session asks the wrapper's `connect`; those of other sessions do not."""
    server = await scripted(OK)
    connector = httptrace.TCPConnector()
    around: Any = Around(connector)
    session = make_session(connector=around if given else connector)
    session._connector = around
    other = make_session(connector=connector, connector_owner=False)
    for path in ("/1", "/2"):
        async with session.get(f"{server.url}{path}") as response:
            assert await response.text() == "hello"
    async with other.get(f"{server.url}/3") as response:
        assert await response.text() == "hello"
    assert around.asked == ["/1", "/2"]
    assert len(server.connections) == 1
    assert session.connector is around
    await session.close()
    assert connector.closed


async def test_a_wrapper_that_refuses(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A wrapper that raises after it got a connection leaves no place taken."""
    server = await scripted(OK)

    class Refusing(Around):
        async def connect(self, req: Any, *args: Any, **kwargs: Any) -> Any:
            await super().connect(req, *args, **kwargs)
            raise PermissionError("not to this host")

    around: Any = Refusing(httptrace.TCPConnector(limit=1))
    session = make_session(connector=around)
    for _ in range(2):
        with pytest.raises(httptrace.ClientOSError, match="not to this host"):
            await session.get(server.url)
    assert around.held.stats().open == 0


# --- WebSockets ---


async def test_the_connection_of_a_websocket(make_session: MakeSession) -> None:
    """`_conn` has the transport while the WebSocket is open; ccxt finds no queue behind it."""
    async with aiohttp_echo() as url, make_session().ws_connect(url) as websocket:
        connection = websocket._conn
        assert connection is not None and connection.protocol is None
        assert connection.transport is not None
        assert connection.transport.get_extra_info("peername")[0] == "127.0.0.1"
        await websocket.close()
        assert websocket._conn is None


# --- responses ---


async def test_the_fallback_charset(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """`_resolve_charset` of a session and of a response is read, and decides when it is set."""
    server = await scripted(response_bytes(200, "é".encode("latin-1")))
    session = make_session(fallback_charset_resolver=lambda response, body: "latin-1")
    async with session.get(server.url) as response:
        assert await response.text() == "é"
        assert response._resolve_charset(response, b"") == "latin-1"
        response._resolve_charset = lambda response, body: "cp437"
        assert await response.text() == "Θ"
    session._resolve_charset = lambda response, body: "cp1253"
    async with session.get(server.url) as response:
        assert await response.text() == "ι"
    with pytest.raises(TypeError, match="_resolve_charset"):
        session._resolve_charset = "utf-8"
