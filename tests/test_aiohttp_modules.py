"""The modules with aiohttp's names, whose contents behave as aiohttp's."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import aiohttp.helpers
import aiohttp.http_exceptions
import aiohttp.test_utils
import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from scripts import generate_compat as compat
from yarl import URL

import httptrace
from httptrace import (
    client,
    client_middlewares,
    client_proto,
    client_reqrep,
    connector,
    helpers,
    http,
    http_exceptions,
    log,
    test_utils,
    typedefs,
)

MODULES = compat.modules()


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_module_is_an_attribute_of_the_package(name: str) -> None:
    """``import httptrace`` is enough for ``httptrace.<module>``, which is imported by that."""
    code = f"import httptrace; print(httptrace.{name}.__name__)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == f"httptrace.{name}\n"


def test_modules_are_imported_lazily() -> None:
    """``import httptrace`` imports none of the modules that only have aiohttp's names."""
    code = "import httptrace, json, sys; print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    imported = set(json.loads(run.stdout))
    thin = {f"httptrace.{name}" for name in MODULES if name != "client_exceptions"}
    assert not imported & (thin | {"httptrace.aiohttp_names"})


def test_modules_hide_no_public_name() -> None:
    """No module has the name of a public function or class of the package."""
    assert set(httptrace.__all__) & {*MODULES} == {"hdrs"}
    for name in MODULES:
        importlib.import_module(f"httptrace.{name}")
    assert inspect.isfunction(httptrace.request)
    assert inspect.isfunction(httptrace.record)


@pytest.mark.parametrize("name", MODULES)
def test_module_says_what_it_has(name: str) -> None:
    """``__all__`` of each module names what is there, including all that aiohttp's module has."""
    module = importlib.import_module(f"httptrace.{name}")
    if name == "hdrs":
        return
    assert all(hasattr(module, one) for one in module.__all__)
    here, _missing = compat.module_names(name)
    assert {*here} <= {*module.__all__}


@pytest.mark.parametrize("name", MODULES)
def test_module_has_the_packages_own_objects(name: str) -> None:
    """A name that the package has too is the same object in the module."""
    module = importlib.import_module(f"httptrace.{name}")
    shared = [one for one in httptrace.__all__ if one in vars(module)]
    assert [one for one in shared if getattr(module, one) is not getattr(httptrace, one)] == []


@pytest.mark.parametrize("name", MODULES)
def test_page_has_the_module(name: str) -> None:
    """The page about compatibility has a row for each module, with all missing names."""
    row = next(line for line in compat.page().splitlines() if line.startswith(f"| `{name}` | "))
    assert all(f"`{missing}`" in row for missing in compat.module_names(name)[1])


def test_missing_modules_are_explained() -> None:
    """The page names each public module of aiohttp that is missing."""
    assert {*compat.missing_modules()} == {*compat.MODULES_NOT_HERE}


REEXPORTS = {
    "client": ("URL", "DEFAULT_TIMEOUT", "_RequestContextManager", "_WSRequestContextManager"),
    "client_reqrep": ("MappingProxyType", "ContentDisposition", "RequestInfo", "Fingerprint"),
    "streams": ("StreamReader", "EMPTY_PAYLOAD"),
    "connector": ("Connection", "TCPConnector"),
    "base_protocol": ("BaseProtocol",),
}


@pytest.mark.parametrize("name", REEXPORTS)
def test_names_that_libraries_import(name: str) -> None:
    """Names that libraries import from aiohttp's modules have the same kind here."""
    for one in REEXPORTS[name]:
        theirs = getattr(importlib.import_module(f"aiohttp.{name}"), one)
        ours = getattr(importlib.import_module(f"httptrace.{name}"), one)
        assert inspect.isclass(ours) or not inspect.isclass(theirs)
    assert client_reqrep.MappingProxyType is types.MappingProxyType
    assert client.URL is URL
    assert client.DEFAULT_TIMEOUT == httptrace.ClientTimeout(total=300, sock_connect=30)


# --- client ---------------------------------------------------------------------------------------


async def test_request_context_manager_takes_a_coroutine(aiohttp_server: Any) -> None:
    """A program can create a `_RequestContextManager` from a coroutine."""
    server = await aiohttp_server(_application())
    async with httptrace.ClientSession() as session:

        async def fetch() -> httptrace.ClientResponse:
            return await session.get(server.make_url("/"))

        async with client._RequestContextManager(fetch()) as response:
            assert response.status == 200


class Counting(client_middlewares.ClientMiddlewareType):  # type: ignore[misc]
    """A middleware that is a subclass of the alias, as libraries write it."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, request: Any, handler: Any) -> Any:
        self.count += 1
        return await handler(request)


async def test_middleware_type_can_be_a_base(aiohttp_server: Any) -> None:
    """A class can derive from `ClientMiddlewareType`, and its objects are middlewares."""
    counting = Counting()
    server = await aiohttp_server(_application())
    async with httptrace.ClientSession(middlewares=[counting]) as session:
        await session.get(server.make_url("/"))
    assert counting.count == 1


@pytest.mark.parametrize("package", [aiohttp, httptrace], ids=lambda package: package.__name__)
async def test_middlewares_are_built_around_a_handler(package: Any) -> None:
    """`build_client_middlewares` calls the first middleware first, and the handler last."""
    order: list[str] = []

    async def outer(request: Any, handler: Any) -> Any:
        order.append("outer")
        return await handler(request)

    async def inner(request: Any, handler: Any) -> Any:
        order.append("inner")
        return await handler(request)

    async def handler(request: Any) -> Any:
        order.append("handler")
        return "response"

    build = importlib.import_module(f"{package.__name__}.client_middlewares")
    built = build.build_client_middlewares(handler, [outer, inner])
    assert await built("request") == "response"
    assert order == ["outer", "inner", "handler"]


# --- client_proto ---------------------------------------------------------------------------------


async def test_response_handler_keeps_the_transport() -> None:
    """A `ResponseHandler` subclass that becomes a transport's protocol keeps it until it closes."""

    class Handler(client_proto.ResponseHandler):
        pass

    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
    handler = Handler(loop=loop)
    transport.set_protocol(handler)
    handler.connection_made(transport)
    assert handler.connected
    assert handler.is_connected()
    assert handler.transport is transport
    handler.pause_reading()
    handler.resume_reading()
    await handler._drain_helper()
    handler.close()
    assert not handler.is_connected()
    with pytest.raises(httptrace.ClientConnectionResetError):
        await handler._drain_helper()
    server.close()


async def test_drain_waits_while_writing_is_paused() -> None:
    """`_drain_helper` waits until the transport has room, and raises if the connection is lost."""
    handler = client_proto.ResponseHandler(asyncio.get_running_loop())
    handler.connection_made(mock.Mock(spec=asyncio.Transport))
    handler.pause_writing()
    waiting = asyncio.ensure_future(handler._drain_helper())
    await asyncio.sleep(0)
    assert handler.writing_paused
    assert not waiting.done()
    handler.resume_writing()
    await waiting
    handler.pause_writing()
    waiting = asyncio.ensure_future(handler._drain_helper())
    await asyncio.sleep(0)
    handler.connection_lost(OSError("gone"))
    with pytest.raises(httptrace.ClientConnectionResetError):
        await waiting


async def test_stream_of_a_mocked_loop() -> None:
    """A stream on a `ResponseHandler` with a mocked loop can be fed and read."""
    handler = client_proto.ResponseHandler(loop=mock.Mock())
    stream = client_proto.StreamReader(handler, limit=2**16, loop=asyncio.get_running_loop())
    stream.feed_data(b"body")
    stream.feed_eof()
    assert await stream.read() == b"body"


# --- helpers --------------------------------------------------------------------------------------

CONTENT_TYPES = ["text/html; charset=latin-1", "application/json", "", 'text/plain;charset="utf-8"']


@pytest.mark.parametrize("value", CONTENT_TYPES)
def test_headers_mixin(value: str) -> None:
    """`HeadersMixin` parses the content type, charset and length of ``_headers`` as aiohttp's."""
    found = []
    for base in (aiohttp.helpers.HeadersMixin, helpers.HeadersMixin):
        made: Any = type("Message", (base,), {})()
        made._headers = CIMultiDictProxy(CIMultiDict({"Content-Length": "12"}))
        if value:
            made._headers = CIMultiDict({"Content-Type": value})
        found.append((made.content_type, made.charset, made.content_length))
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "url", ["http://example.com/a?b#c", "http://user@example.com/", "http://u%40:p%3A@h:81/"]
)
def test_credentials_are_taken_off_a_url(url: str) -> None:
    """`strip_auth_from_url` returns the same URL and credentials as aiohttp's."""
    theirs = aiohttp.helpers.strip_auth_from_url(URL(url))
    ours = helpers.strip_auth_from_url(URL(url))
    assert ours[0] == theirs[0]
    assert tuple(ours[1] or ())[:2] == tuple(theirs[1] or ())[:2]


def test_timer_noop() -> None:
    """`TimerNoop` is a context manager that does nothing."""
    with helpers.TimerNoop() as timer:
        timer.assert_timeout()
    with pytest.raises(LookupError), helpers.TimerNoop():
        raise LookupError
    assert isinstance(timer, helpers.BaseTimerContext)


async def test_noop_can_be_awaited() -> None:
    """Awaiting `noop()` returns None."""
    assert await helpers.noop() is None


async def test_sentinel_means_not_given(aiohttp_server: Any) -> None:
    """A request with ``timeout=sentinel`` has the session's limits."""
    server = await aiohttp_server(_application())
    async with httptrace.ClientSession() as session:
        response = await session.get(server.make_url("/"), timeout=helpers.sentinel)
        assert response.status == 200


def test_reify() -> None:
    """A reified property is computed once and cannot be set, as aiohttp's."""
    for reify in (aiohttp.helpers.reify, helpers.reify):
        calls: list[int] = []

        def compute(self: Any, calls: list[int] = calls) -> int:
            calls.append(1)
            return 7

        made: Any = type("Made", (), {"value": reify(compute)})()
        made._cache = {}
        assert (made.value, made.value, len(calls)) == (7, 7, 1)
        with pytest.raises(AttributeError):
            made.value = 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials come from the file that ``$NETRC`` names; a missing host raises LookupError."""
    path = tmp_path / "netrc"
    path.write_text("machine example.com login user password secret\n")
    monkeypatch.setenv("NETRC", str(path))
    for module in (aiohttp.helpers, helpers):
        found = module.basicauth_from_netrc(module.netrc_from_env(), "example.com")
        assert found[:2] == ("user", "secret")
        with pytest.raises(LookupError):
            module.basicauth_from_netrc(module.netrc_from_env(), "other.example")
    path.unlink()
    assert helpers.netrc_from_env() is None
    with pytest.raises(LookupError):
        helpers.basicauth_from_netrc(None, "example.com")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_env_proxy_for_url` returns the proxy and its credentials, or raises LookupError."""
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.example:3128")
    for module in (aiohttp.helpers, helpers):
        url, auth = module.get_env_proxy_for_url(URL("http://example.com/"))
        assert url == URL("http://proxy.example:3128")
        assert tuple(auth)[:2] == ("user", "secret")
        with pytest.raises(LookupError):
            module.get_env_proxy_for_url(URL("ftp://example.com/"))


@pytest.mark.parametrize("host", [None, "", "127.0.0.1", "::1", "example.com", "1.example", "10"])
def test_is_ip_address(host: str | None) -> None:
    """Text that looks like an address counts as one, as in aiohttp."""
    assert helpers.is_ip_address(host) == aiohttp.helpers.is_ip_address(host)


def test_content_disposition_header() -> None:
    """The value of the field is made with aiohttp's parameters."""
    for module in (aiohttp.helpers, helpers):
        made = module.content_disposition_header("form-data", _charset="utf-8", name="a")
        assert made == 'form-data; name="a"'


async def test_results_are_set_once() -> None:
    """`set_result` and `set_exception` do nothing to a future that is done."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    helpers.set_result(future, 1)
    helpers.set_result(future, 2)
    helpers.set_exception(future, LookupError())
    assert await future == 1
    failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    helpers.set_exception(failed, LookupError(), OSError("cause"))
    with pytest.raises(LookupError) as caught:
        await failed
    assert isinstance(caught.value.__cause__, OSError)


# --- http, http_exceptions, log, typedefs ---------------------------------------------------------


def test_reason_phrases() -> None:
    """`RESPONSES` has the phrase and description of each status."""
    assert dict(http.RESPONSES) == dict(aiohttp.http.RESPONSES)


async def test_server_software_is_the_user_agent(aiohttp_server: Any) -> None:
    """`SERVER_SOFTWARE` is what sessions send as User-Agent."""
    server = await aiohttp_server(_application())
    async with httptrace.ClientSession() as session:
        response = await session.get(server.make_url("/"))
        assert await response.text() == http.SERVER_SOFTWARE


ERRORS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("HttpProcessingError", (), {"code": 400, "message": "bad"}),
    ("BadHttpMessage", ("bad",), {}),
    ("BadStatusLine", ("HTTP/x",), {}),
    ("BadStatusLine", (), {}),
    ("BadHttpMethod", ("G@T",), {}),
    ("InvalidHeader", (b"a b: c",), {}),
    ("LineTooLong", ("a", 8190), {}),
    ("TransferEncodingError", ("bad",), {}),
    ("InvalidURLError", ("bad",), {}),
]


@pytest.mark.parametrize("name, args, kwargs", ERRORS)
def test_parser_errors(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """The errors of aiohttp's parser can be created, and have aiohttp's attributes and bases."""
    theirs = getattr(aiohttp.http_exceptions, name)(*args, **kwargs)
    ours = getattr(http_exceptions, name)(*args, **kwargs)
    assert (str(ours), repr(ours)) == (str(theirs), repr(theirs))
    assert (ours.code, ours.message, ours.headers) == (theirs.code, theirs.message, theirs.headers)
    assert [base.__name__ for base in type(ours).__mro__] == [
        base.__name__ for base in type(theirs).__mro__
    ]


@pytest.mark.parametrize("package", [aiohttp, httptrace], ids=lambda package: package.__name__)
async def test_malformed_responses_are_no_parser_errors(package: Any) -> None:
    """Both clients raise ClientResponseError for a malformed response, so the same clause works."""
    parsing = importlib.import_module(f"{package.__name__}.http_exceptions")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 2x0 OK\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with package.ClientSession() as session:
        with pytest.raises(package.ClientResponseError) as caught:
            await session.get(f"http://127.0.0.1:{port}/")
        assert caught.value.status == 400
        assert not isinstance(caught.value, parsing.HttpProcessingError)
    server.close()


def test_client_logger_is_httptraces() -> None:
    """`client_logger` is the logger of the package, the servers' loggers are aiohttp's."""
    assert log.client_logger.name == "httptrace"
    assert log.access_logger is aiohttp.log.access_logger


def test_types_can_be_evaluated() -> None:
    """The aliases of `typedefs` can be evaluated where aiohttp's can: in unions, as parameters."""
    for name in typedefs.__all__:
        alias = getattr(typedefs, name)
        if inspect.isclass(alias) or "|" in repr(alias) or "Union" in repr(alias):
            assert alias | None
    assert client._WSRequestContextManager | None


def test_connection_class_is_what_connectors_give() -> None:
    """`connector.Connection` is the class of what a connector's `connect` returns."""
    hints = inspect.signature(connector.TCPConnector.connect).return_annotation
    assert hints == connector.Connection.__name__


# --- test_utils -----------------------------------------------------------------------------------


async def _user_agent(request: web.Request) -> web.Response:
    return web.Response(text=request.headers["User-Agent"])


def _application() -> web.Application:
    application = web.Application()
    application.router.add_get("/", _user_agent)
    return application


@pytest.fixture
async def aiohttp_server() -> Any:
    """Starts `TestServer`s of `httptrace.test_utils`, and stops them."""
    started: list[Any] = []

    async def start(application: web.Application) -> Any:
        server = test_utils.TestServer(application)
        await server.start_server()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.close()


async def test_raw_server() -> None:
    """`RawTestServer` serves a handler; `make_url` joins paths only."""
    async with test_utils.RawTestServer(_user_agent) as server:
        assert server.started
        assert server.make_url("/a").port == server.port
        with pytest.raises(AssertionError):
            server.make_url("http://example.com/")
        async with httptrace.ClientSession() as session:
            response = await session.get(server.make_url("/"), headers={"User-Agent": "me"})
            assert await response.text() == "me"
    assert server.closed


async def test_server_of_ones_own() -> None:
    """A subclass of `BaseTestServer` creates the runner, and may pass ``scheme=sentinel``."""

    class Own(test_utils.BaseTestServer):
        async def _make_runner(self, **kwargs: Any) -> Any:
            return web.ServerRunner(web.Server(_user_agent, **kwargs))

    async with Own(scheme=helpers.sentinel, host="127.0.0.1") as server:
        assert server.scheme == "http"
        assert server.handler is not None
        async with httptrace.ClientSession() as session:
            response = await session.get(server.make_url("/"))
            assert response.status == 200


async def test_client_of_a_test_server() -> None:
    """`TestClient` makes requests to a `TestServer`, by path."""
    async with test_utils.TestClient(test_utils.TestServer(_application())) as test_client:
        response = await test_client.get("/")
        assert response.status == 200


async def test_mocked_coroutine() -> None:
    """`make_mocked_coro` returns or raises as configured, and records calls, as aiohttp's."""
    for make in (aiohttp.test_utils.make_mocked_coro, test_utils.make_mocked_coro):
        returns, raises = make(return_value=3), make(raise_exception=LookupError())
        assert await returns(1) == 3
        returns.assert_called_once_with(1)
        with pytest.raises(LookupError):
            await raises()


def test_unused_port() -> None:
    """`unused_port` returns a port that can be bound."""
    test_utils.get_port_socket("127.0.0.1", test_utils.unused_port()).close()


# --- streams --------------------------------------------------------------------------------------


async def test_data_queue_can_be_subclassed() -> None:
    """A subclass of `DataQueue` may override `feed_data` with two positional arguments."""
    streams = importlib.import_module("httptrace.streams")

    class Counted(streams.DataQueue):  # type: ignore[misc, name-defined]
        def __init__(self, protocol: Any, *, loop: asyncio.AbstractEventLoop) -> None:
            super().__init__(loop=loop)
            self.protocol, self.size = protocol, 0

        def feed_data(self, data: bytes, size: int = 0) -> None:
            super().feed_data(data, size)
            self.size += size

        async def read(self) -> Any:
            item = await super().read()
            self.size -= len(item)
            return item

    loop = asyncio.get_running_loop()
    queue = Counted(client_proto.ResponseHandler(loop), loop=loop)
    queue.feed_data(b"abc", 3)
    assert queue.size == 3
    assert await queue.read() == b"abc"
    assert queue.size == 0
    queue.feed_eof()
    with pytest.raises(streams.EofStream):
        await queue.read()
