"""Invalid input is refused with an error that names it, before a byte is sent."""

from __future__ import annotations

import asyncio
import gc
import inspect
import io
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace import (
    BasicAuth,
    ClientConnectionError,
    ClientSession,
    ClientTimeout,
    CookieJar,
    Fingerprint,
    InvalidURL,
    InvalidUrlClientError,
    NonHttpUrlClientError,
    TCPConnector,
    UnixConnector,
)
from httptrace.masking import mask_url
from httptrace.pool.connector import pool_of
from httptrace.testing.scripted import ScriptedServer, responding, response_bytes

CONTROLS = [chr(code) for code in (*range(32), 127)]
NO_NUMBER: list[Any] = ["5", b"5", [5], (5,), {5}, object()]


@pytest.fixture
async def server(scripted: ScriptedFactory) -> AsyncIterator[ScriptedServer]:
    """A server that must not receive anything."""
    server = await scripted(responding(response_bytes(200, b"ok")))
    yield server
    assert server.connections == []


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """A session that opens no connection, and can be used afterwards."""
    async with ClientSession() as session:
        yield session
        connector = session.connector
        assert connector is not None
        assert connector.stats().created == connector.stats().failed == 0
        assert not pool_of(connector).unconnected and not pool_of(connector).state.places


async def refused(call: Any, error: type[Exception], *words: str) -> None:
    """The call fails at once with exactly this error, whose text has these words."""
    with pytest.raises(error) as caught:
        await call
    assert caught.type is error
    text = str(caught.value).lower()
    assert text and all(word.lower() in text for word in words), text


# --- where to -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", InvalidUrlClientError),
        ("/", InvalidUrlClientError),
        ("/path", InvalidUrlClientError),
        ("example.com", InvalidUrlClientError),
        ("http://", InvalidUrlClientError),
        ("http:///path", InvalidUrlClientError),
        ("http://:80/", InvalidUrlClientError),
        ("http://x:0/", InvalidUrlClientError),
        ("http://x:99999/", InvalidUrlClientError),
        ("http://x:-1/", InvalidUrlClientError),
        ("http://x:abc/", InvalidUrlClientError),
        ("http://[::1", InvalidUrlClientError),
        ("http://[zz]/", InvalidUrlClientError),
        ("http://exa mple/", InvalidUrlClientError),
        ("http://127.0.0.1\\@example.com/", InvalidUrlClientError),
        ("ftp://x/", NonHttpUrlClientError),
        ("mailto:a@b", NonHttpUrlClientError),
        ("javascript:alert(1)", NonHttpUrlClientError),
        ("httpx://x/", NonHttpUrlClientError),
        ("file:///etc/passwd", NonHttpUrlClientError),
    ],
)
async def test_url(session: ClientSession, url: str, error: type[Exception]) -> None:
    """An unusable URL is refused as in aiohttp; the error names it, without passwords."""
    await refused(session.get(url), error, mask_url(url))
    assert issubclass(InvalidUrlClientError, InvalidURL) and issubclass(InvalidURL, ValueError)


@pytest.mark.parametrize("url", [None, 5, b"http://x/", ("http://x/",), ["http://x/"], object()])
async def test_url_of_the_wrong_type(session: ClientSession, url: Any) -> None:
    """What is not a URL is refused."""
    await refused(session.get(url), TypeError, "url")


@pytest.mark.parametrize("sign", CONTROLS, ids=repr)
async def test_control_characters_in_the_url(
    session: ClientSession, server: ScriptedServer, sign: str
) -> None:
    """A control character anywhere in a URL is refused."""
    for url in (
        f"{server.url}/{sign}",
        f"{server.url}/a{sign}b?c",
        f"{server.url}/?a={sign}",
        f"{server.url}/#{sign}",
        server.url.replace("127", f"1{sign}27"),
        server.url + sign,
    ):
        await refused(session.get(url), InvalidUrlClientError, "control")


@pytest.mark.parametrize("path", ["/a\r\nX: y", "/a b", "/a\0", "/\x7f", "/\n"])
async def test_encoded_url(session: ClientSession, server: ScriptedServer, path: str) -> None:
    """A URL that is marked as encoded cannot inject into the request line either."""
    url = URL(server.url).with_path(path, encoded=True)
    await refused(session.get(url), InvalidUrlClientError, "control characters")


@pytest.mark.parametrize("method", ["", "GE T", "GET:", "GÜT", "G\u0405T", "GET/1"])
async def test_method(session: ClientSession, server: ScriptedServer, method: str) -> None:
    """A method is a token (RFC 9110 §9.1)."""
    await refused(session.request(method, server.url), ValueError, "method", repr(method))


@pytest.mark.parametrize("sign", CONTROLS, ids=repr)
async def test_control_characters_in_the_method(
    session: ClientSession, server: ScriptedServer, sign: str
) -> None:
    """A method with a control character is refused."""
    for method in (f"GET{sign}", f"{sign}GET", f"G{sign}ET", f"GET /x HTTP/1.1{sign}"):
        await refused(session.request(method, server.url), ValueError, "method")


@pytest.mark.parametrize("method", [None, b"GET", 5, ("GET",)])
async def test_method_of_the_wrong_type(
    session: ClientSession, server: ScriptedServer, method: Any
) -> None:
    """A method is a str."""
    await refused(session.request(method, server.url), TypeError, "method")


# --- headers and cookies --------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [sign for sign in CONTROLS if sign != "\t"], ids=repr)
async def test_control_characters_in_headers(
    session: ClientSession, server: ScriptedServer, sign: str
) -> None:
    """Control characters except the tab are refused in names and values of headers."""
    for value in (f"a{sign}b", sign, f"a{sign}", f"{sign}b"):
        await refused(session.get(server.url, headers={"X-Name": value}), ValueError, "X-Name")
    for name in (f"X{sign}", f"{sign}X", f"X{sign}Y"):
        await refused(session.get(server.url, headers={name: "v"}), ValueError, repr(name))
    for name in ("Host", "Content-Type", "User-Agent", "Authorization", "Cookie"):
        await refused(session.post(server.url, data=b"x", headers={name: sign}), ValueError)


@pytest.mark.parametrize("sign", ["\r", "\n", "\r\n", "\0"], ids=repr)
async def test_injection_is_called_so(
    session: ClientSession, server: ScriptedServer, sign: str
) -> None:
    """CR, LF and NUL are refused with aiohttp's text."""
    call = session.get(server.url, headers={"X": f"a{sign}Y: z"})
    await refused(call, ValueError, "newline, carriage return, or null byte", "injection")


@pytest.mark.parametrize("name", ["", "a b", "a:", "ä", "a(b)", "a\\b", "a,b"])
async def test_header_name(session: ClientSession, server: ScriptedServer, name: str) -> None:
    """A header's name is a token (RFC 9110 §5.1)."""
    await refused(session.get(server.url, headers={name: "v"}), ValueError, repr(name))


@pytest.mark.parametrize("headers", ["a: b", 5, ["a"], [("a",)], {5: "a"}, {b"a": "b"}, object()])
async def test_headers_of_the_wrong_type(
    session: ClientSession, server: ScriptedServer, headers: Any
) -> None:
    """Headers are a mapping or pairs, of str."""
    await refused(session.get(server.url, headers=headers), TypeError, "header")


@pytest.mark.parametrize("value", [5, None, b"a", ["a"]])
async def test_header_value_of_the_wrong_type(
    session: ClientSession, server: ScriptedServer, value: Any
) -> None:
    """A header's value is a str; the error names the header."""
    await refused(session.get(server.url, headers={"X-Name": value}), TypeError, "X-Name")


async def test_session_headers(server: ScriptedServer) -> None:
    """The session's headers are checked too, even if they are changed later."""
    async with ClientSession(headers={"X": "a\r\nb"}) as session:
        await refused(session.get(server.url), ValueError, "'X'")
    async with ClientSession() as session:
        session.headers["X"] = "a\nb"
        await refused(session.get(server.url), ValueError, "'X'")


@pytest.mark.parametrize("sign", CONTROLS, ids=repr)
async def test_control_characters_in_cookies(
    session: ClientSession, server: ScriptedServer, sign: str
) -> None:
    """Control characters are refused in names and values of cookies."""
    if sign != "\t":  # which is sent in quotes, as octal digits
        await refused(session.get(server.url, cookies={"name": f"a{sign}b"}), ValueError, "name")
    for name in (f"n{sign}", f"{sign}n", f"n{sign}m"):
        await refused(session.get(server.url, cookies={name: "v"}), ValueError, repr(name))


@pytest.mark.parametrize("name", ["", "a b", "a;", "a=b", "a,b"])
async def test_cookie_name(session: ClientSession, server: ScriptedServer, name: str) -> None:
    """The name of a cookie cannot contain a delimiter."""
    await refused(session.get(server.url, cookies={name: "v"}), ValueError, repr(name))


@pytest.mark.parametrize("cookies", ["a=b", 5, [5], ["ab"], {5: "x"}, {"a": None}])
async def test_cookies_of_the_wrong_type(
    session: ClientSession, server: ScriptedServer, cookies: Any
) -> None:
    """Cookies are a mapping or pairs."""
    await refused(session.get(server.url, cookies=cookies), TypeError, "cookie")
    with pytest.raises(TypeError, match=r"(?i)cookie"):
        ClientSession(cookies=cookies)


# --- bodies ---------------------------------------------------------------------------------------


async def test_two_bodies(session: ClientSession, server: ScriptedServer) -> None:
    """A request has one body."""
    await refused(session.post(server.url, data=b"", json={}), ValueError, "data", "json")


@pytest.mark.parametrize("data", [5, 1.5, object(), {1}, [1], [("a",)], True])
async def test_data_of_the_wrong_type(
    session: ClientSession, server: ScriptedServer, data: Any
) -> None:
    """A value that cannot be a body is refused."""
    await refused(session.post(server.url, data=data), TypeError)


async def test_json_that_cannot_be_written(session: ClientSession, server: ScriptedServer) -> None:
    """A value that is not JSON raises the serializer's error."""
    await refused(session.post(server.url, json=object()), TypeError, "serializable")
    loop: list[Any] = []
    loop.append(loop)
    await refused(session.post(server.url, json=loop), ValueError, "circular")


async def test_closed_file(session: ClientSession, server: ScriptedServer) -> None:
    """A closed file cannot be a body."""
    file = io.BytesIO(b"x")
    file.close()
    await refused(session.post(server.url, data=file), ValueError, "closed")


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        ({"Content-Length": "5"}, b"four"),
        ({"Content-Length": "x"}, b"x"),
        ({"Content-Length": "-1"}, b"x"),
        ({"Content-Length": "+1"}, b"x"),
        ({"Content-Length": "\u0661"}, b"x"),
        ({"Content-Length": ""}, b""),
        ({"Content-Length": "5"}, None),
        ([("Content-Length", "1"), ("Content-Length", "1")], b"x"),
        ({"Transfer-Encoding": "gzip"}, b"x"),
        ({"Transfer-Encoding": "chunked, gzip"}, b"x"),
        ({"Transfer-Encoding": "xchunked"}, b"x"),
        ({"Transfer-Encoding": "chunked"}, None),
        ({"Transfer-Encoding": "chunked", "Content-Length": "1"}, b"x"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_framing(
    session: ClientSession, server: ScriptedServer, method: str, headers: Any, data: Any
) -> None:
    """Headers that contradict the framing of the request are refused."""
    call = session.request(method, server.url, headers=headers, data=data)
    await refused(call, ValueError)


@pytest.mark.parametrize(
    "options",
    [
        {"chunked": True, "headers": {"Content-Length": "1"}},
        {"chunked": True, "headers": {"Transfer-Encoding": "chunked"}},
        {"compress": True, "headers": {"Content-Encoding": "gzip"}},
        {"compress": "lzma"},
    ],
)
async def test_contradictions(
    session: ClientSession, server: ScriptedServer, options: dict[str, Any]
) -> None:
    """Options that contradict headers, or each other, are refused."""
    await refused(session.post(server.url, data=b"x", **options), ValueError)


# --- the other parameters of a request ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [("timout", "timeout="), ("verify", "ssl="), ("follow_redirects", "allow_redirects=")],
)
async def test_parameter_that_is_called_otherwise(
    session: ClientSession, server: ScriptedServer, name: str, meant: str
) -> None:
    """The error of a misspelled name, or another client's, has the right name."""
    options: Any = {name: True}
    call = session.get(server.url, **options)
    await refused(call, TypeError, f"argument '{name}': did you mean {meant}?")


async def test_unknown_parameter(session: ClientSession, server: ScriptedServer) -> None:
    """An unknown parameter is refused by name."""
    await refused(session.get(server.url, tiemout=5), TypeError, "tiemout")


WRONG: dict[str, list[Any]] = {
    "params": [5, object(), {"a": object()}, {"a": None}, ["a"], {"a": float("nan")}],
    "auth": [("a", "b"), "a:b", 5],
    "timeout": [True, -1, float("nan"), *NO_NUMBER],
    "allow_redirects": ["no", None, object()],
    "max_redirects": [-1, 1.5, True, None, *NO_NUMBER],
    "compress": [5, ["gzip"]],
    "chunked": ["yes"],
    "expect100": ["yes"],
    "raise_for_status": ["yes", 5],
    "ssl": ["x", 5, object()],
    "verify_ssl": ["x", 5],
    "ssl_context": ["x", 5],
    "fingerprint": [b"short", "x" * 32, 5],
    "server_hostname": [5, b"x"],
    "read_bufsize": [0, -1, 1.5, True, *NO_NUMBER],
    "max_line_size": [0, -1, *NO_NUMBER],
    "max_field_size": [0, -1, *NO_NUMBER],
    "max_headers": [0, -1, *NO_NUMBER],
    "auto_decompress": ["x", object()],
    "middlewares": [5, "x", [5]],
    "skip_auto_headers": ["User-Agent", 5, [5]],
    "trace_configs": [5, [5], "x"],
    "observers": [5, [5], "x"],
    "proxy": [5, "no url", "ftp://x/", "http://"],
}


@pytest.mark.parametrize("name", WRONG)
async def test_parameter(session: ClientSession, server: ScriptedServer, name: str) -> None:
    """An invalid value of a parameter is refused; the text names the parameter."""
    for value in WRONG[name]:
        with pytest.raises((TypeError, ValueError)) as caught:
            await session.get(server.url, **{name: value})
        assert name.rstrip("s") in str(caught.value).lower(), value


# --- sessions, connectors, limits -----------------------------------------------------------------


def takes_anything(kind: type, name: str) -> set[str]:
    """The parameters that are ignored, or are used as truth values."""
    return {
        ClientSession: {"ssl_shutdown_timeout", "propagate", "ws_response_class"},
        TCPConnector: {"enable_cleanup_closed", "timeout_ceil_threshold", "use_dns_cache"},
    }.get(kind, set())


def parameters(kind: type) -> list[str]:
    """The names of the checked parameters of a constructor."""
    names = [name for name in inspect.signature(kind).parameters if name not in ("self", "loop")]
    return [name for name in names if name not in takes_anything(kind, name)]


CONSTRUCTORS = [
    (kind, name)
    for kind in (ClientSession, TCPConnector, ClientTimeout)
    for name in parameters(kind)
]


@pytest.mark.parametrize(("kind", "name"), CONSTRUCTORS, ids=lambda of: getattr(of, "__name__", of))
async def test_constructor(kind: Callable[..., Any], name: str) -> None:
    """Each parameter refuses values of a wrong type, by name."""
    synonyms = {"read_timeout": "timeout", "conn_timeout": "timeout", "middlewares": "middleware"}
    for value in (object(), [object()]):
        with pytest.raises((TypeError, ValueError)) as caught:
            kind(**{name: value})
        assert synonyms.get(name, name).rstrip("s") in str(caught.value).lower(), value


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TCPConnector, "limit"),
        (TCPConnector, "limit_per_host"),
        (TCPConnector, "keepalive_timeout"),
        (TCPConnector, "ttl_dns_cache"),
        (TCPConnector, "happy_eyeballs_delay"),
        (TCPConnector, "interleave"),
        (TCPConnector, "dns_cache_max_size"),
        (ClientSession, "read_bufsize"),
        (ClientSession, "max_line_size"),
        (ClientSession, "max_field_size"),
        (ClientSession, "max_headers"),
        (ClientSession, "max_decoded_size"),
        (ClientTimeout, "total"),
        (ClientTimeout, "connect"),
        (ClientTimeout, "sock_connect"),
        (ClientTimeout, "sock_read"),
        (ClientTimeout, "pool"),
        (ClientTimeout, "dns"),
        (ClientTimeout, "tls"),
        (ClientTimeout, "response_headers"),
        (ClientTimeout, "ceil_threshold"),
    ],
)
async def test_negative(kind: Callable[..., Any], name: str) -> None:
    """A negative limit or timeout is refused by name."""
    with pytest.raises(ValueError, match=name):
        kind(**{name: -1})


@pytest.mark.parametrize("name", ["limit", "limit_per_host", "keepalive_timeout"])
async def test_unix_connector(name: str) -> None:
    """A Unix connector checks the same."""
    with pytest.raises(ValueError, match=name):
        UnixConnector("/x", **{name: -1})
    with pytest.raises(TypeError, match="path"):
        UnixConnector(5)  # type: ignore[arg-type]


async def test_keepalive_and_force_close() -> None:
    """keepalive_timeout and force_close exclude each other."""
    with pytest.raises(ValueError, match="force_close"):
        TCPConnector(keepalive_timeout=5, force_close=True)


@pytest.mark.parametrize("base_url", ["/x/", "example.com", "http://x/path", 5])
async def test_base_url(base_url: Any) -> None:
    """A base_url is absolute and ends in a slash."""
    with pytest.raises((ValueError, TypeError), match="base_url"):
        ClientSession(base_url)


async def test_credentials() -> None:
    """Credentials are strings, and a login has no colon."""
    with pytest.raises(ValueError, match="login"):
        BasicAuth("a:b")
    for login, password in ((5, ""), (b"a", ""), ("a", 5), ("a", b"b")):
        with pytest.raises(TypeError, match=r"login|password"):
            BasicAuth(login, password)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="login"):
        BasicAuth(None)  # type: ignore[arg-type]


async def test_credentials_twice(session: ClientSession, server: ScriptedServer) -> None:
    """Credentials can be given in one place only."""
    auth = BasicAuth("a", "b")
    call = session.get(server.url, auth=auth, headers={"Authorization": "x"})
    await refused(call, ValueError, "authorization")
    await refused(session.get(server.url.replace("//", "//a:b@"), auth=auth), ValueError, "auth")


def test_fingerprint() -> None:
    """A fingerprint is a SHA-256 digest."""
    for value in (b"short", b"x" * 16, b"x" * 20):
        with pytest.raises(ValueError, match="fingerprint"):
            Fingerprint(value)


def test_cookie_jar() -> None:
    """The limits of a jar are positive whole numbers."""
    for name in ("max_cookies", "max_cookies_per_domain", "max_cookie_size"):
        for value, error in ((0, ValueError), (-1, ValueError), ("5", TypeError), (1.5, TypeError)):
            with pytest.raises(error, match="limits"):
                CookieJar(**{name: value})  # type: ignore[arg-type]


def test_no_loop() -> None:
    """Sessions and connectors need a running loop."""
    for kind in (ClientSession, TCPConnector):
        with pytest.raises(RuntimeError, match="event loop"):
            kind()


# --- closed and unclosed --------------------------------------------------------------------------


async def test_closed_session(server: ScriptedServer) -> None:
    """A closed session refuses requests, can be closed again, and says that it is closed."""
    session = ClientSession()
    await session.close()
    await session.close()
    assert session.closed and session.connector is None
    with pytest.raises(RuntimeError, match="Session is closed"):
        await session.get(server.url)


async def test_closed_connector(server: ScriptedServer) -> None:
    """A session whose connector was closed says so."""
    connector = TCPConnector()
    session = ClientSession(connector=connector, connector_owner=False)
    await connector.close()
    assert session.closed
    with pytest.raises((RuntimeError, ClientConnectionError), match="closed"):
        await session.get(server.url)
    await session.close()
    with pytest.raises(RuntimeError, match="closed"):
        ClientSession(connector=connector)


async def test_closed_while_waiting(scripted: ScriptedFactory) -> None:
    """Closing a session fails its current and waiting requests."""
    server = await scripted(responding(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"))
    session = ClientSession(connector=TCPConnector(limit=1))
    reading = asyncio.ensure_future(session.get(server.url))
    response = await reading
    waiting = asyncio.ensure_future(session.get(server.url))
    await asyncio.sleep(0)
    await session.close()
    with pytest.raises(ClientConnectionError):
        await waiting
    with pytest.raises(httptrace.ClientError):
        await response.read()
    await server.no_connections()


async def dropping(work: Callable[[], Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """The ResourceWarnings of dropped objects, and the reports to the loop's handler."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await work()
        gc.collect()
    loop.set_exception_handler(None)
    resource = [w for w in caught if issubclass(w.category, ResourceWarning)]
    return [str(w.message) for w in resource], told


async def test_unclosed_session(scripted: ScriptedFactory) -> None:
    """A session that is dropped unclosed warns as aiohttp's does, and closes its connections."""
    server = await scripted(responding(response_bytes(200, b"ok")))

    async def work() -> None:
        session = ClientSession()
        async with session.get(server.url) as response:
            await response.read()

    messages, told = await dropping(work)
    assert any("Unclosed client session" in message for message in messages), messages
    assert any("Unclosed connector" in message for message in messages), messages
    assert {"Unclosed client session", "Unclosed connector"} == {one["message"] for one in told}
    assert all("client_session" in one or "connector" in one for one in told)
    await server.no_connections()


async def test_unclosed_response(scripted: ScriptedFactory) -> None:
    """A response that is dropped half read warns, and gives its connection's place back."""
    server = await scripted(
        responding(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"),
        responding(response_bytes(200, b"ok")),
    )
    async with ClientSession(connector=TCPConnector(limit=1)) as session:

        async def work() -> None:
            response = await session.get(server.url)
            assert response.status == 200

        messages, _ = await dropping(work)
        assert any("Unclosed response" in message for message in messages), messages
        async with session.get(server.url) as response:
            assert await response.read() == b"ok"


async def test_dropped_whole_response(scripted: ScriptedFactory) -> None:
    """A response that came whole can be dropped: nothing is held, and nothing warns."""
    server = await scripted(responding(response_bytes(200, b"ok")))
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        for _ in range(3):
            assert await dropping(lambda: session.get(server.url)) == ([], [])
        assert len(server.connections) == 1


async def test_with_instead_of_async_with() -> None:
    """``with`` is refused with what would be right."""
    async with ClientSession() as session:
        with pytest.raises(TypeError, match="async with"), session:  # type: ignore[attr-defined]
            pass
