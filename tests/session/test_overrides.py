"""What programs override or assign of aiohttp's classes takes effect, or is refused."""

from __future__ import annotations

from typing import Any
from unittest import mock

import aiohttp
import pytest
from multidict import CIMultiDict
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace.overrides import CALLED, UNCALLED
from httptrace.testing import response_bytes

OK = response_bytes(200, b"hello")


# --- _request and _ws_connect ---


@pytest.mark.parametrize("verb", ["get", "post", "head", "options", "put", "patch", "delete"])
async def test_request_replaced_on_the_class(session: httptrace.ClientSession, verb: str) -> None:
    """Each verb of an existing session calls a `_request` that is set on the class."""
    asked: list[Any] = []

    async def fake(self: Any, method: str, url: Any, **kwargs: Any) -> str:
        asked.append((self, method, url))
        return "recorded"

    with mock.patch.object(httptrace.ClientSession, "_request", fake):
        assert await getattr(session, verb)("http://host.test/") == "recorded"
    assert asked == [(session, verb.upper(), "http://host.test/")]
    with pytest.raises(httptrace.ClientConnectorError):
        await getattr(session, verb)("http://127.0.0.1:1/")


async def test_request_replaced_below_a_subclass(make_session: MakeSession) -> None:
    """A patch of ClientSession applies to subclasses too, unless they override it themselves."""

    class Plain(httptrace.ClientSession):
        pass

    class Own(httptrace.ClientSession):
        async def _request(self, *args: Any, **kwargs: Any) -> Any:
            return "own"

    async def fake(self: Any, *args: Any, **kwargs: Any) -> str:
        return "patched"

    async with Plain() as plain, Own() as own:
        with mock.patch.object(httptrace.ClientSession, "_request", fake):
            assert await plain.get("http://host.test/") == "patched"
            assert await own.get("http://host.test/") == "own"
        assert await own.get("http://host.test/") == "own"


async def test_request_replaced_on_the_instance(session: httptrace.ClientSession) -> None:
    """A `_request` that is assigned to the session is called, also by ``async with``."""
    response = mock.AsyncMock()
    response.__aenter__.return_value = "entered"
    session._request = mock.AsyncMock(return_value=response)  # type: ignore[method-assign]
    async with session.get("http://host.test/", params={"a": "b"}) as entered:
        assert entered == "entered"
    session._request.assert_awaited_once_with("GET", "http://host.test/", params={"a": "b"})


async def test_the_original_is_called_on(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A replacement may call the original, as agents do."""
    server = await scripted(OK)
    original = httptrace.ClientSession._request

    async def wrapped(self: Any, method: str, url: Any, **kwargs: Any) -> Any:
        kwargs["headers"] = {**(kwargs.get("headers") or {}), "X-Traced": "1"}
        return await original(self, method, url, **kwargs)

    with mock.patch.object(httptrace.ClientSession, "_request", wrapped):
        async with session.get(server.url) as response:
            assert await response.text() == "hello"
    assert server.requests[0].header("X-Traced") == "1"


async def test_ws_connect_replaced(session: httptrace.ClientSession) -> None:
    """A replaced `_ws_connect` is called by `ws_connect`."""

    async def fake(self: Any, url: Any, **kwargs: Any) -> str:
        return f"{url} {kwargs['protocols']}"

    with mock.patch.object(httptrace.ClientSession, "_ws_connect", fake):
        assert await session.ws_connect("ws://host.test/", protocols=("a",)) == (
            "ws://host.test/ ('a',)"
        )


# --- private attributes of the session ---


async def test_assigned_private_attributes(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """Assigned headers, credentials, cookies and limits apply to later requests."""
    server = await scripted(OK)
    await (await session.get(server.url)).read()
    session._default_headers = {"X-Own": "1"}
    session._default_auth = httptrace.BasicAuth("user", "secret")
    jar = httptrace.CookieJar(unsafe=True)
    jar.update_cookies({"a": "b"})
    session._cookie_jar = jar
    session._timeout = httptrace.ClientTimeout(total=3)
    await (await session.get(server.url)).read()
    first, second = server.requests
    assert (first.header("X-Own"), first.header("Cookie")) == (None, None)
    assert second.header("X-Own") == "1"
    assert second.header("Authorization") == session._default_auth.encode()
    assert second.header("Cookie") == "a=b"
    assert session.timeout.total == session._timeout.total == 3
    assert session.headers is session._default_headers and session.cookie_jar is jar


async def test_read_private_attributes(session: httptrace.ClientSession) -> None:
    """The private attributes of a session that programs read exist."""
    assert session._loop is session.loop and session._connector is session.connector
    assert session._cookie_jar is session.cookie_jar and session._base_url is None
    assert session._raise_for_status is False and session._trust_env is False
    session.headers["A"] = "1"
    assert session._prepare_headers({"b": "2"}) == CIMultiDict({"A": "1", "B": "2"})
    assert str(session._build_url("http://host.test/")) == "http://host.test/"
    with pytest.raises(AttributeError, match="no attribute '_nothing'"):
        _ = session._nothing


@pytest.mark.parametrize("name", ["_default_proxy", "_json_serialize", "_middlewares", "_loop"])
async def test_refused_assignments(session: httptrace.ClientSession, name: str) -> None:
    """Assigning another private attribute of aiohttp's session raises an error."""
    with pytest.raises(AttributeError, match=f"{name} .* give it to ClientSession"):
        setattr(session, name, None)


async def test_assigned_connector(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """Requests use an assigned connector; anything but a connector is refused."""
    server = await scripted(OK)
    old, connector = session.connector, httptrace.TCPConnector()
    session._connector = connector
    await (await session.get(server.url)).read()
    assert connector.stats().created == 1 and session.connector is connector
    with pytest.raises(TypeError, match="connector"):
        session._connector = "none"
    assert old is not None
    await old.close()


# --- connectors ---


class Guard(httptrace.TCPConnector):
    """Refuses the addresses of this machine, as guards against forged requests do."""

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
        for address in await super()._resolve_host(host, port, traces):
            if address["host"].startswith(("127.", "::1")):
                raise OSError(None, "a private address")
        raise AssertionError("no address of this machine")


async def test_resolve_host_overridden(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A `_resolve_host` that filters is called for names and for addresses in URLs.

    What it raises is an error of the look-up, as in aiohttp.
    """
    server = await scripted(OK)
    session = make_session(connector=Guard())
    for host in ("127.0.0.1", "localhost"):
        error = rf"no address for host {host}: a private address"
        with pytest.raises(httptrace.ClientConnectorDNSError, match=error):
            await session.get(f"http://{host}:{server.port}/")
    assert server.connections == []


async def test_the_cache_behind_resolve_host(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """An override that calls the original gets cached addresses, and shares look-ups."""
    server = await scripted(OK)

    class Passing(httptrace.TCPConnector):
        async def _resolve_host(self, host: str, port: int, traces: Any = None) -> Any:
            return await super()._resolve_host(host, port, traces)

    class Counting(httptrace.ThreadedResolver):
        asked = 0

        async def resolve(self, *args: Any, **kwargs: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                raise OSError(None, "try again")
            return await super().resolve(*args, **kwargs)

    for cached in (True, False):
        resolver = Counting()
        connector = Passing(resolver=resolver, force_close=True, use_dns_cache=cached)
        session = make_session(connector=connector)
        url = f"http://localhost:{server.port}/"
        with pytest.raises(httptrace.ClientConnectorDNSError, match="try again"):
            await session.get(url)
        for _ in range(2):
            assert await (await session.get(url)).text() == "hello"
        assert resolver.asked == (2 if cached else 3)


@pytest.mark.parametrize("found", [[], [{"host": "name.test", "port": 80}]], ids=["none", "name"])
async def test_resolve_host_gives_no_address(make_session: MakeSession, found: Any) -> None:
    """A result without an address is an error of the look-up."""
    session = make_session()
    connector: Any = session.connector
    connector._resolve_host = mock.AsyncMock(return_value=found)
    with pytest.raises(httptrace.ClientConnectorDNSError, match="TCPConnector"):
        await session.get("http://host.test/")


async def test_resolve_host_replaced(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """Replaced on the class or the instance, it chooses the address and the port."""
    server = await scripted(OK)
    answer = {
        "hostname": "host.test", "host": "127.0.0.1", "port": server.port,
        "family": 2, "proto": 0, "flags": 0,
    }  # fmt: skip

    async def fake(self: Any, host: str, port: int, traces: Any = None) -> Any:
        return [answer]

    with mock.patch.object(httptrace.TCPConnector, "_resolve_host", fake):
        session = make_session()
        assert await (await session.get("http://host.test/")).text() == "hello"
    session = make_session()
    connector: Any = session.connector
    connector._resolve_host = mock.AsyncMock(return_value=[answer])
    assert await (await session.get("http://host.test/")).text() == "hello"
    connector._resolve_host.assert_awaited_once_with("host.test", 80, traces=[])


async def test_connect_overridden(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A connector's `connect` is called for each request, and returns the connection."""
    server = await scripted(OK)
    asked: list[str] = []

    class Counting(httptrace.TCPConnector):
        async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
            asked.append(str(req.url))
            connection = await super().connect(req, traces, timeout)
            assert connection.transport is not None and not connection.closed
            connection.transport.set_write_buffer_limits(16 * 1024)
            return connection

    session = make_session(connector=Counting(limit=1))
    for _ in range(2):
        assert await (await session.get(server.url)).text() == "hello"
    assert asked == [f"{server.url}/"] * 2 or asked == [server.url] * 2
    assert len(server.connections) == 1


async def test_connect_on_the_instance_that_refuses(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A `connect` that raises fails the request and holds no place; OSError as in aiohttp."""
    server = await scripted(OK)
    session = make_session(connector=httptrace.TCPConnector(limit=1))
    connector: Any = session.connector

    async def refusing(req: Any, traces: Any, timeout: Any) -> Any:
        await type(connector).connect(connector, req, traces, timeout)
        raise PermissionError("not to this host")

    connector.connect = refusing
    for _ in range(2):
        with pytest.raises(httptrace.ClientOSError, match="not to this host"):
            await session.get(server.url)
    stats = connector.stats()
    assert (stats.open, stats.waiting) == (0, 0)


@pytest.mark.parametrize("name", UNCALLED["BaseConnector"])
async def test_uncalled_methods_of_connectors(name: str) -> None:
    """A connector that overrides a method which is never called is refused when it is created."""
    kind = type("Own", (httptrace.TCPConnector,), {name: lambda self: None})
    with pytest.raises(TypeError, match=rf"Own overrides BaseConnector\.{name}, which httptrace"):
        kind()
    async with httptrace.TCPConnector() as connector:
        with pytest.raises(AttributeError, match=name):
            setattr(connector, name, None)


# --- requests, responses, sessions, jars ---


@pytest.mark.parametrize("name", UNCALLED["ClientRequest"])
async def test_uncalled_methods_of_requests(name: str) -> None:
    """A `request_class` that signs or sends by itself is refused."""
    kind = type("Signing", (httptrace.ClientRequest,), {name: lambda self: None})
    with pytest.raises(TypeError, match=rf"Signing overrides ClientRequest\.{name}.*middleware"):
        httptrace.ClientSession(request_class=kind)


@pytest.mark.parametrize("name", UNCALLED["ClientResponse"])
async def test_uncalled_methods_of_responses(name: str) -> None:
    """A `response_class` with a method that is never called is refused, also a patched one."""
    kind = type("Own", (httptrace.ClientResponse,), {name: lambda self: None})
    with pytest.raises(TypeError, match=rf"Own overrides ClientResponse\.{name}"):
        httptrace.ClientSession(response_class=kind)
    with (
        mock.patch.object(httptrace.ClientResponse, name, None, create=True),
        pytest.raises(TypeError, match=rf"ClientResponse\.{name}"),
    ):
        httptrace.ClientSession()


@pytest.mark.parametrize("name", UNCALLED["CookieJar"])
async def test_uncalled_methods_of_jars(name: str) -> None:
    """A jar that overrides a private method is refused."""
    kind = type("Own", (httptrace.CookieJar,), {name: lambda self: None})
    with pytest.raises(TypeError, match=rf"Own overrides CookieJar\.{name}"):
        httptrace.ClientSession(cookie_jar=kind())


@pytest.mark.parametrize("name", UNCALLED["ClientWebSocketResponse"])
async def test_uncalled_methods_of_websockets(name: str) -> None:
    """A `ws_response_class` with a method that is never called is refused."""
    kind = type("Own", (httptrace.ClientWebSocketResponse,), {name: lambda self: None})
    with pytest.raises(TypeError, match=rf"Own overrides ClientWebSocketResponse\.{name}"):
        httptrace.ClientSession(ws_response_class=kind)


@pytest.mark.parametrize("name", UNCALLED["ClientSession"])
async def test_uncalled_methods_of_sessions(name: str) -> None:
    """A class of sessions that overrides a method which is never called is refused."""
    kind: Any = type(httptrace.ClientSession)
    with pytest.raises(TypeError, match=rf"Own overrides ClientSession\.{name}"):
        kind("Own", (httptrace.ClientSession,), {name: lambda self: None})


# --- the tables ---


def methods(cls: type) -> set[str]:
    """The methods and properties of a class of aiohttp, without those of its own mechanics."""
    kinds = (property, staticmethod, classmethod)
    return {
        name
        for base in cls.__mro__
        if base.__module__.startswith("aiohttp")
        for name, value in vars(base).items()
        if not name.startswith(("__", f"_{base.__name__}__"))
        and (callable(value) or isinstance(value, kinds))
    }


@pytest.mark.parametrize(
    "name",
    [
        *("BaseConnector", "TCPConnector", "UnixConnector", "NamedPipeConnector"),
        *("ClientRequest", "ClientResponse", "ClientSession", "ClientWebSocketResponse"),
        "CookieJar",
    ],
)
def test_no_method_is_forgotten(name: str) -> None:
    """Each method of aiohttp's class is there, or a class that overrides it is refused."""
    ours = getattr(httptrace, name)
    refused = {one for base in ours.__mro__ for one in UNCALLED.get(base.__name__, ())}
    assert {one for one in methods(getattr(aiohttp, name)) - refused if not hasattr(ours, one)} == (
        set()
    )


def test_the_tables_name_methods_of_aiohttp() -> None:
    """The tables have no method that aiohttp does not have, and none twice."""
    assert "ClientRequest" in CALLED and "ClientRequest" in UNCALLED
    for base in CALLED.keys() | UNCALLED.keys():
        names = [*CALLED.get(base, ()), *UNCALLED.get(base, ())]
        assert len(names) == len(set(names))
        theirs = [aiohttp.TCPConnector] if base == "BaseConnector" else []
        kind = getattr(aiohttp, base, None) or aiohttp.client_proto.ResponseHandler
        known = {name for one in (kind, *theirs) for name in dir(one)}
        assert set(names) <= known
