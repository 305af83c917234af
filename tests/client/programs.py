"""Small programs against aiohttp's client API; `lib` is aiohttp, or httptrace in its place.

Each returns something that can be compared, or raises; `base` is an origin of `same_server`.
"""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from multidict import MultiDict
from yarl import URL

Program = Callable[[Any, str], Awaitable[Any]]
PROGRAMS: dict[str, Program] = {}

_OWN_HEADERS = {"user-agent", "host", "accept-encoding"}


def program(function: Program) -> Program:
    """Add it to the list."""
    PROGRAMS[function.__name__] = function
    return function


def seen(told: dict[str, Any]) -> dict[str, Any]:
    """What /inspect returns about a request, without values that always differ."""
    fields = [(name.lower(), value) for name, value in told["headers"]]
    told["headers"] = sorted(_sorted(*pair) for pair in fields if pair[0] not in _OWN_HEADERS)
    return told


def _sorted(name: str, value: str) -> tuple[str, str]:
    """Cookies may come in any order (RFC 6265 §4.2.2)."""
    return name, "; ".join(sorted(value.split("; "))) if name == "cookie" else value


async def inspected(session: Any, method: str, url: str, **options: Any) -> Any:
    async with session.request(method, url, **options) as response:
        return seen(await response.json())


def request_with(name: str, method: str = "GET", path: str = "/inspect", **options: Any) -> None:
    """A program that sends one request and returns what the server received."""

    async def run(lib: Any, base: str) -> Any:
        async with lib.ClientSession() as session:
            made = {key: value(lib) if callable(value) else value for key, value in options.items()}
            return await inspected(session, method, base + path, **made)

    PROGRAMS[name] = run


def read_by(name: str, path: str, reading: Callable[[Any], Any]) -> None:
    """A program that reads one response in one way."""

    async def run(lib: Any, base: str) -> Any:
        async with lib.ClientSession() as session, session.get(base + path) as response:
            return await reading(response)

    PROGRAMS[name] = run


def failing(name: str, url: str, method: str = "GET", **options: Any) -> None:
    """A program whose request fails in one way."""

    async def run(lib: Any, base: str) -> Any:
        async with lib.ClientSession() as session:
            made = {key: value(lib) if callable(value) else value for key, value in options.items()}
            async with session.request(method, url.replace("BASE", base), **made) as response:
                return response.status

    PROGRAMS[name] = run


async def pieces() -> AsyncIterator[bytes]:
    yield b"one "
    yield b""
    yield b"two"


# --- what is sent ---------------------------------------------------------------------------------

for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    request_with(f"verb_{method}", method)
request_with("verb_of_its_own", "PROPFIND")
request_with("params_mapping", params={"a": "1", "b": "x y", "ü": "&="})
request_with("params_pairs", params=[("a", "1"), ("a", "2"), ("b", 3)])
request_with("params_list_values", params={"a": ["1", "2"]})
request_with("params_text", params="a=b%20c&d=e+f")
request_with("params_text_unicode", params="q=ü")
request_with("params_added", path="/inspect?x=1&y=2#fragment", params={"y": "3"})
request_with("params_empty", path="/inspect?x=1", params={})
request_with("params_numbers", params={"i": 1, "f": 1.5})
request_with("params_bool", params={"b": True})
request_with("params_none", params={"n": None})
request_with("path_quoted", path="/inspect?a=%2F%20+&b=[]")
request_with("headers", headers={"X-One": "1", "accept": "text/plain", "x-two": "zwei"})
request_with("headers_twice", headers=[("X-A", "1"), ("X-A", "2")])
request_with("headers_none_value", headers={"X-A": None})
request_with("headers_number_value", headers={"X-A": 1})
request_with("headers_host", headers={"Host": "example.org"})
request_with("skip_auto", "POST", data=b"x", skip_auto_headers=["Accept", "Content-Type"])
request_with("skip_user_agent", skip_auto_headers={"User-Agent"})
request_with("cookies", cookies={"a": "1", "b": "x y"})
request_with("cookies_and_header", cookies={"a": "1"}, headers={"Cookie": "b=2"})
request_with("auth", auth=lambda lib: lib.BasicAuth("user", "päss"))
request_with("auth_utf8", auth=lambda lib: lib.BasicAuth("user", "päss", "utf-8"))
request_with("auth_twice", auth=lambda lib: lib.BasicAuth("a"), headers={"Authorization": "b"})
request_with("auth_tuple", auth=("a", "b"))
request_with("json", "POST", json={"a": [1, None, "ü"]})
request_with("json_none", "POST", json=None)
request_with("json_own_type", "POST", json=[1], headers={"Content-Type": "application/x"})
request_with("json_and_data", "POST", json=[1], data=b"x")
request_with("data_empty", "POST", data=b"")
request_with("data_none", "POST", data=None)
request_with("data_bytes", "POST", data=b"\x00\xff")
request_with("data_text", "POST", data="gr\xfc\xdfe")
request_with("data_bytearray", "POST", data=lambda lib: bytearray(b"abc"))
request_with("data_memoryview", "POST", data=lambda lib: memoryview(b"abc"))
request_with("data_dict", "POST", data={"a": "1", "b": "x y&"})
request_with("data_pairs", "POST", data=[("a", "1"), ("a", "2")])
request_with("data_bytesio", "POST", data=lambda lib: io.BytesIO(b"abc"))
request_with("data_stringio", "POST", data=lambda lib: io.StringIO("gr\xfc\xdfe"))
request_with("data_generator", "POST", data=lambda lib: pieces())
request_with("data_get", "GET", data=b"abc")
request_with("data_int", "POST", data=3)
request_with("data_large", "POST", data=b"x" * 300_000)
request_with("chunked", "POST", data=b"abc", chunked=True)
request_with("chunked_and_length", "POST", data=b"a", chunked=True, headers={"Content-Length": "1"})
request_with("compress", "POST", data=b"abc" * 100, compress=True)
request_with("compress_gzip", "POST", data=b"abc" * 100, compress="gzip")
request_with("compress_empty", "POST", data=b"", compress=True)
request_with("compress_twice", "POST", data=b"a", compress=True, headers={"Content-Encoding": "x"})
request_with("own_encoding", "POST", data=b"abc", headers={"Content-Encoding": "identity"})
request_with("expect100", "POST", data=b"abc", expect100=True)
request_with("redirect_relative", path="/redirect-to?url=inspect?a=1")
request_with("redirect_fragment", path="/redirect-to?url=/inspect%23there")
for status in (301, 302, 303, 307, 308):
    for method in ("GET", "POST", "PUT"):
        way = f"/redirect-to?status={status}&url=/inspect"
        body = None if method == "GET" else b"abc"
        request_with(f"redirect_{status}_{method}", method, way, data=body)
request_with("redirect_query", path="/redirect-to?url=/inspect?a=%2520b", params={"x": "1"})
request_with("redirect_json", "POST", "/redirect-to?status=307&url=/inspect", json={"a": 1})
request_with("redirect_headers", path="/redirect-to?url=/inspect", headers={"X-A": "1"})
request_with(
    "redirect_auth", path="/redirect-to?url=/inspect", auth=lambda lib: lib.BasicAuth("a", "b")
)


@program
async def form_url_encoded(lib: Any, base: str) -> Any:
    form = lib.FormData({"a": "1"})
    form.add_field("b", "ü")
    form.add_fields(("c", "3"), MultiDict({"d": "4"}))
    async with lib.ClientSession() as session:
        async with session.post(f"{base}/form", data=form) as response:
            return await response.json()


@program
async def form_multipart(lib: Any, base: str) -> Any:
    form = lib.FormData()
    form.add_field("text", "grüße", content_type="text/plain; charset=utf-8")
    form.add_field("file", io.BytesIO(b"\x00\x01"), filename="ü.bin", content_type="image/png")
    form.add_field("bytes", b"raw", filename="b")
    async with lib.ClientSession() as session:
        async with session.post(f"{base}/form", data=form) as response:
            return await response.json()


@program
async def multipart_writer(lib: Any, base: str) -> Any:
    with lib.MultipartWriter("mixed", boundary="fixed") as writer:
        writer.append("text")
        writer.append(b"bytes", {"X-Part": "2"})
        writer.append_json({"a": 1})
        writer.append_form({"a": "b"})
    async with lib.ClientSession() as session:
        async with session.post(f"{base}/echo", data=writer) as response:
            return response.headers["Content-Type"], await response.read()


@program
async def payload_of_its_own(lib: Any, base: str) -> Any:
    payload = lib.payload.StringPayload("abc", content_type="text/x-own")
    async with lib.ClientSession() as session:
        return await inspected(session, "POST", f"{base}/inspect", data=payload)


@program
async def session_defaults(lib: Any, base: str) -> Any:
    session = lib.ClientSession(
        base,
        headers={"X-A": "1", "X-B": "2"},
        cookies={"c": "1"},
        skip_auto_headers=["accept"],
        auth=lib.BasicAuth("a", "b"),
    )
    async with session:
        first = await inspected(session, "GET", "/inspect", headers={"x-b": "3"})
        second = await inspected(session, "POST", "inspect", data=b"x", cookies={"d": "2"})
        return first, second, session.closed


@program
async def base_url_with_path(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base + "/nested/") as session:
        async with session.get("echo-path") as one, session.get("/echo-path") as other:
            return await one.text(), await other.text()


@program
async def base_url_without_slash(lib: Any, base: str) -> Any:
    lib.ClientSession(base + "/nested")


@program
async def cookies_kept(lib: Any, base: str) -> Any:
    jar = lib.CookieJar(unsafe=True)
    async with lib.ClientSession(base, cookie_jar=jar) as session:
        async with session.get("/cookies/set", params={"a": "1", "b": "2"}) as response:
            given = {name: morsel.value for name, morsel in response.cookies.items()}
        told = await inspected(session, "GET", "/inspect")
        return given, told, len(jar), sorted((m.key, m.value) for m in jar)


@program
async def cookies_of_ip_addresses(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session:
        await (await session.get("/cookies/set", params={"a": "1"})).read()
        return await inspected(session, "GET", "/inspect"), len(session.cookie_jar)


@program
async def cookies_of_no_jar(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base, cookie_jar=lib.DummyCookieJar()) as session:
        await (await session.get("/cookies/set", params={"a": "1"})).read()
        return await inspected(session, "GET", "/inspect")


@program
async def json_serialize(lib: Any, base: str) -> Any:
    def dumps(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    async with lib.ClientSession(json_serialize=dumps) as session:
        async with session.post(f"{base}/echo", json={"a": [1, 2]}) as response:
            return await response.text()


@program
async def json_serialize_bytes(lib: Any, base: str) -> Any:
    session = lib.ClientSession(json_serialize_bytes=lambda value: repr(value).encode())
    async with session, session.post(f"{base}/echo", json={"a": 1}) as response:
        return response.content_type, await response.text()


@program
async def middlewares(lib: Any, base: str) -> Any:
    order: list[str] = []

    def named(name: str) -> Any:
        async def middleware(request: Any, handler: Any) -> Any:
            order.append(f"{name} {request.method} {request.url.path} {request.is_ssl()}")
            request.headers["X-Names"] = request.headers.get("X-Names", "") + name
            response = await handler(request)
            order.append(f"{name} {response.status}")
            return response

        return middleware

    async with lib.ClientSession(middlewares=(named("a"), named("b"))) as session:
        one = await inspected(session, "GET", f"{base}/redirect-to?url=/inspect")
        own = await inspected(session, "GET", f"{base}/inspect", middlewares=(named("c"),))
        none = await inspected(session, "GET", f"{base}/inspect", middlewares=())
        return one, own, none, order


@program
async def middleware_bodies(lib: Any, base: str) -> Any:
    async def shout(request: Any, handler: Any) -> Any:
        body = request.body
        if body:
            text = await body.as_bytes()
            await request.update_body(text.upper())
        return await handler(request)

    async with lib.ClientSession(middlewares=(shout,)) as session:
        async with session.post(f"{base}/echo", data=b"abc") as response:
            one = await response.read()
        return one, await inspected(session, "POST", f"{base}/inspect", data="gr\xfc\xdfe")


@program
async def middleware_repeats(lib: Any, base: str) -> Any:
    async def again(request: Any, handler: Any) -> Any:
        response = await handler(request)
        if response.status == 503:
            response.release()
            request.headers["X-Again"] = "1"
            response = await handler(request)
        return response

    async with lib.ClientSession(middlewares=(again,)) as session:
        async with session.post(f"{base}/second-time", data=b"abc") as response:
            return response.status, await response.text()


# --- what comes back ------------------------------------------------------------------------------


async def _attributes(response: Any) -> Any:
    await response.read()
    return {
        "status": response.status,
        "reason": response.reason,
        "ok": response.ok,
        "method": response.method,
        "path": response.url.path_qs,
        "real": response.real_url.raw_fragment,
        "host": response.host,
        "version": tuple(response.version),
        "type": response.content_type,
        "charset": response.charset,
        "length": response.content_length,
        "disposition": response.content_disposition
        and (
            response.content_disposition.type,
            dict(response.content_disposition.parameters),
            response.content_disposition.filename,
        ),
        "links": [
            (rel, {key: str(value).rpartition("/")[2] for key, value in link.items()})
            for rel, link in response.links.items()
        ],
        "cookies": sorted((m.key, m.value, m["path"]) for m in response.cookies.values()),
        "history": len(response.history),
        "info": (response.request_info.method, response.request_info.url.path_qs),
        "closed": response.closed,
        "encoding": response.get_encoding(),
        "raw": (b"X-Case", b"Kept") in response.raw_headers,
        "header": response.headers["x-case"],
    }


read_by("attributes", "/attributes?a=b#fragment", _attributes)
for name in ("utf-8", "latin-1", "utf-16", "nonsense", "none", "json", "broken"):
    read_by(f"text_{name}", f"/text/{name}", lambda response: response.text())
    read_by(f"json_{name}", f"/text/{name}", lambda response: response.json())
    read_by(f"json_any_{name}", f"/text/{name}", lambda response: response.json(content_type=None))
read_by("text_encoding", "/text/latin-1", lambda response: response.text("utf-8", "replace"))
read_by("text_unknown", "/text/utf-8", lambda response: response.text(encoding="x-nonsense"))
read_by("json_hal", "/text/hal", lambda response: response.json())
read_by("json_loads", "/json", lambda response: response.json(loads=len))
read_by("json_empty", "/text/empty", lambda response: response.json())
read_by("json_nothing", "/status/204", lambda response: response.json())
read_by("encoding_early", "/text/none", lambda response: _value(response.get_encoding))
for coding in ("gzip", "deflate"):
    read_by(f"decoded_{coding}", f"/compressed/{coding}", lambda response: response.text())
for status in (204, 304, 404, 500, 599):
    read_by(f"status_{status}", f"/status/{status}", lambda response: response.read())
    read_by(f"raise_for_status_{status}", f"/status/{status}", lambda r: _value(r.raise_for_status))


async def _value(function: Callable[[], Any]) -> Any:
    return function()


async def _twice(response: Any) -> Any:
    return await response.read() == await response.read(), await response.text()


async def _after_release(response: Any) -> Any:
    response.release()
    return await response.read()


async def _after_close(response: Any) -> Any:
    response.close()
    return await response.read()


async def _lines(response: Any) -> Any:
    return [line async for line in response.content]


async def _exactly(response: Any) -> Any:
    content = response.content
    head = await content.readexactly(10)
    until = await content.readuntil(b"o")
    line = await content.readline()
    some = await content.read(3)
    return head, until, line, some, content.at_eof(), await content.read(), content.at_eof()


async def _past_the_end(response: Any) -> Any:
    await response.content.readexactly(1 << 20)


async def _chunked(response: Any) -> Any:
    data = b"".join([piece async for piece in response.content.iter_chunked(100)])
    return len(data), await response.content.read(), await response.content.readany()


async def _chunks(response: Any) -> Any:
    whole, pieces = [], b""
    async for piece, is_end in response.content.iter_chunks():
        pieces += piece
        if is_end:
            whole.append(len(pieces))
            pieces = b""
    return whole, pieces


async def _unread(response: Any) -> Any:
    first = await response.content.readexactly(5)
    response.content.unread_data(first)
    return await response.content.readline()


async def _nowait(response: Any) -> Any:
    await response.content.wait_eof()
    return response.content.read_nowait(3), response.content.read_nowait()


read_by("read_twice", "/lines", _twice)
read_by("read_after_release", "/json", _after_release)
read_by("read_after_close", "/json", _after_close)
read_by("stream_lines", "/lines", _lines)
read_by("stream_exactly", "/lines", _exactly)
read_by("stream_past_the_end", "/lines", _past_the_end)
read_by("stream_iter_chunked", "/stream/3", _chunked)
read_by("stream_iter_chunks", "/stream/3", _chunks)
read_by("stream_unread", "/lines", _unread)
read_by("stream_nowait", "/lines", _nowait)
read_by("stream_separator", "/lines", lambda r: r.content.readuntil(b""))
read_by("stream_then_text", "/lines", lambda r: _then_text(r))
read_by("head_too_large", "/large-header", lambda r: r.read())


async def _then_text(response: Any) -> Any:
    await response.content.readline()
    return await response.text()


@program
async def multipart_reader(lib: Any, base: str) -> Any:
    async with lib.ClientSession() as session, session.get(f"{base}/multipart") as response:
        reader = lib.MultipartReader.from_response(response)
        found = []
        while (part := await reader.next()) is not None:
            found.append((dict(part.headers), part.filename, await part.read(decode=True)))
        return found


@program
async def no_decompression(lib: Any, base: str) -> Any:
    async with lib.ClientSession(auto_decompress=False) as session:
        async with session.get(f"{base}/compressed/gzip") as one:
            raw = (await one.read())[:2]
        async with session.get(f"{base}/compressed/gzip", auto_decompress=True) as other:
            return raw, len(await other.read())


@program
async def awaited(lib: Any, base: str) -> Any:
    async with lib.ClientSession() as session:
        response = await session.get(f"{base}/json")
        body = await response.json()
        response.release()
        return body, response.closed


@program
async def gathered(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session:
        responses = await asyncio.gather(*(session.get(f"/large/{n}") for n in range(5)))
        task = asyncio.create_task(session.get("/json"))
        limited = await asyncio.wait_for(session.get("/json"), 10)
        return (
            [len(await response.read()) for response in responses],
            await (await task).json(),
            await limited.json(),
        )


@program
async def module_request(lib: Any, base: str) -> Any:
    async with lib.request("POST", f"{base}/echo", data=b"abc") as response:
        return response.status, await response.read()


@program
async def head(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session:
        async with session.head("/large/1000") as one:
            length = one.headers["Content-Length"], await one.read()
        async with session.head("/redirect/2") as other:
            return length, other.status, len(other.history)


@program
async def history(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session, session.get("/redirect/3#here") as response:
        hops = [(hop.status, hop.url.path, hop.headers["Location"]) for hop in response.history]
        return hops, response.url.path, response.real_url.fragment, await response.text()


@program
async def redirect_not_followed(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session:
        async with session.get("/redirect/3", allow_redirects=False) as response:
            return response.status, response.headers["Location"], await response.read()


@program
async def too_many_redirects(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base) as session:
        try:
            await session.get("/redirect/20", max_redirects=3)
        except lib.TooManyRedirects as error:
            return error.status, len(error.history), error.request_info.url.path


@program
async def raised_for_status(lib: Any, base: str) -> Any:
    async with lib.ClientSession(base, raise_for_status=True) as session:
        async with session.get("/status/404", raise_for_status=False) as response:
            status = response.status
        try:
            await session.get("/status/404")
        except lib.ClientResponseError as error:
            info = error.request_info
            return status, error.status, error.message, info.method, info.url.path, error.history


@program
async def raised_by_a_coroutine(lib: Any, base: str) -> Any:
    async def check(response: Any) -> None:
        if response.status == 404:
            raise KeyError(await response.text())

    async with lib.ClientSession(base, raise_for_status=check) as session:
        async with session.get("/json") as response:
            assert response.ok
        await session.get("/status/404")


@program
async def own_response_class(lib: Any, base: str) -> Any:
    class Response(lib.ClientResponse):  # type: ignore[misc, name-defined]
        async def doubled(self) -> str:
            text: str = await self.text()
            return text * 2

    async with lib.ClientSession(base, response_class=Response) as session:
        async with session.get("/") as response:
            return await response.doubled()


@program
async def basic_auth_in_url(lib: Any, base: str) -> Any:
    url = URL(f"{base}/inspect").with_user("user").with_password("p@ss")
    async with lib.ClientSession() as session, session.get(url) as response:
        return seen(await response.json()), response.url.user, response.request_info.url.user


@program
async def both_auths(lib: Any, base: str) -> Any:
    url = URL(f"{base}/inspect").with_user("user")
    async with lib.ClientSession() as session:
        await session.get(url, auth=lib.BasicAuth("a"))


@program
async def old_http(lib: Any, base: str) -> Any:
    async with lib.ClientSession(version=lib.HttpVersion10) as session:
        told = await inspected(session, "GET", f"{base}/inspect")
        async with session.get(f"{base}/version") as response:
            return told, await response.text(), tuple(response.version)


@program
async def upload_tracker(lib: Any, base: str) -> Any:
    tracker = lib.UploadTracker()
    async with lib.ClientSession(base) as session:
        way = "/redirect-to?status=307&url=/inspect"
        async with session.post(way, data=b"x" * 1000, upload_tracker=tracker) as response:
            told = tracker.attempts, tracker.bytes_written, tracker.upload_complete.done()
            await response.read()
        try:
            await session.get("/", upload_tracker=tracker)
        except RuntimeError:
            return told


@program
async def detached(lib: Any, base: str) -> Any:
    connector = lib.TCPConnector()
    session = lib.ClientSession(connector=connector)
    session.detach()
    closed = session.closed, connector.closed
    async with lib.ClientSession(base, connector=connector) as other:
        async with other.get("/") as response:
            return closed, await response.text()


@program
async def not_the_owner(lib: Any, base: str) -> Any:
    async with lib.TCPConnector() as connector:
        texts = []
        for _ in range(2):
            session = lib.ClientSession(base, connector=connector, connector_owner=False)
            async with session, session.get("/") as response:
                texts.append(await response.text())
        return texts, connector.closed


# --- other schemes, no proxy, another protocol ----------------------------------------------------


@program
async def tcp_url(lib: Any, base: str) -> Any:
    url = URL(base).with_scheme("tcp") / "echo-path"
    async with lib.ClientSession() as session, session.get(url) as response:
        return await response.text(), response.url.scheme


@program
async def ws_url(lib: Any, base: str) -> Any:
    url = URL(base).with_scheme("ws") / "echo-path"
    async with lib.ClientSession() as session, session.get(url) as response:
        return await response.text(), response.url.scheme


@program
async def unix_url(lib: Any, base: str) -> Any:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.extend(line for line in head.split(b"\r\n") if line[:4] in (b"GET ", b"Host"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        async with await asyncio.start_unix_server(answer, path):
            async with lib.ClientSession(connector=lib.UnixConnector(path)) as session:
                for url in ("unix://localhost/a?b", "unix://localhost:80/c", "http://localhost/d"):
                    async with session.get(url) as response:
                        seen.append(await response.read())
                return seen, str(response.url), response.host


failing("unix_url_over_tcp", "unix://localhost/x")
failing("npipe_url_over_tcp", "npipe://localhost/x")
failing("redirect_to_unix", "BASE/redirect-to?url=unix://localhost/x")
failing("redirect_to_tcp", "BASE/redirect-to?url=tcp://localhost:1/x")


@program
async def no_proxy_for_a_request(lib: Any, base: str) -> Any:
    async with lib.ClientSession(proxy="http://127.0.0.1:1") as session:
        async with session.get(base, proxy="") as response:
            return await response.text()


@program
async def no_proxy_for_a_session(lib: Any, base: str) -> Any:
    async with lib.ClientSession(proxy="") as session, session.get(base) as response:
        return await response.text()


@program
async def upgraded(lib: Any, base: str) -> Any:
    class Parser:
        def feed_data(self, data: bytes) -> tuple[bool, bytes]:
            queue.feed_data(data, len(data))
            return False, b""

        def feed_eof(self) -> None:
            queue.feed_eof()

    queue = lib.DataQueue(asyncio.get_running_loop())
    headers = {"Connection": "Upgrade", "Upgrade": "tcp"}
    async with lib.ClientSession() as session:
        response = await session.post(f"{base}/upgrade", headers=headers, data=b"{}")
        told = [response.status, await response.read(), response.closed]
        connection = response.connection
        protocol, transport = connection.protocol, connection.transport
        protocol.set_parser(Parser(), queue)
        protocol.force_close()
        told += [protocol.upgraded, protocol.is_connected(), protocol.transport is not None]
        told.append(await queue.read())
        for _ in range(2):
            transport.write(b"end")
            await protocol._drain_helper()
            told += [await queue.read(), queue.at_eof()]
        try:
            await queue.read()
        except lib.EofStream:
            told.append("the end")
        while protocol.is_connected():
            await asyncio.sleep(0)
        told += [connection.closed, connection.transport, protocol.transport]
        told += [response.connection is not None, response.connection.closed]
        response.close()
        return [*told, response.connection, response.closed]


# --- what goes wrong ------------------------------------------------------------------------------

failing("bad_scheme", "ftp://example.org/")
failing("no_scheme", "example.org/")
failing("no_host", "http:///path")
failing("bad_port", "http://127.0.0.1:99999/")
failing("empty_url", "")
failing("bad_method", "BASE/", "GE T")
failing("header_with_newline", "BASE/", headers={"X-A": "a\r\nX-B: b"})
failing("header_name_with_newline", "BASE/", headers={"X-A\r\nX-B": "b"})
failing("refused", "http://127.0.0.1:1/")
failing("unknown_parameter", "BASE/", nonsense=1)
failing("url_of_wrong_type", "BASE/", params=3)
failing("redirect_to_ftp", "BASE/redirect-to?url=ftp://example.org/")
failing("redirect_to_mailto", "BASE/redirect-to?url=mailto:a@example.org")
failing("redirect_to_nonsense", "BASE/redirect-to?url=http://:0/")
failing("redirect_to_no_host", "BASE/redirect-to?url=http:///path")
failing("redirect_to_scheme_alone", "BASE/redirect-to?url=http:path")
failing("redirect_to_javascript", "BASE/redirect-to?url=javascript:alert(1)")
failing("redirect_to_data", "BASE/redirect-to?url=data:text/plain,x")
failing("redirect_to_port", "BASE/redirect-to?url=http://127.0.0.1:99999/")
failing("redirect_to_itself", "BASE/redirect-to?url=")
failing("redirect_without_location", "BASE/redirect-nowhere")
failing(
    "redirect_with_generator",
    "BASE/redirect-to?status=307&url=/inspect",
    "POST",
    data=lambda _: pieces(),
)
failing("timeout", "BASE/slow", timeout=lambda lib: lib.ClientTimeout(total=0.05))
failing("timeout_number", "BASE/slow", timeout=0.05)
failing("timeout_read", "BASE/slow", timeout=lambda lib: lib.ClientTimeout(sock_read=0.05))
failing("hang_up", "BASE/hang-up")
failing("hang_up_post", "BASE/hang-up", "POST", data=b"abc")
failing("cut", "BASE/cut")
failing("wrong_tls", "https://127.0.0.1:PORT/")


async def _nothing(lib: Any, base: str, act: Callable[[Any], Any]) -> Any:
    async with lib.ClientSession(base) as session:
        return await act(session)


@program
async def closed_session(lib: Any, base: str) -> Any:
    session = lib.ClientSession()
    await session.close()
    assert session.closed
    await session.get(base)


@program
async def body_cut(lib: Any, base: str) -> Any:
    async with lib.ClientSession() as session, session.get(f"{base}/cut") as response:
        await response.read()


@program
async def body_cut_chunked(lib: Any, base: str) -> Any:
    async with lib.ClientSession() as session, session.get(f"{base}/cut-chunked") as response:
        await response.read()


@program
async def body_not_gzip(lib: Any, base: str) -> Any:
    async with lib.ClientSession() as session, session.get(f"{base}/not-gzip") as response:
        await response.read()


@program
async def failing_generator(lib: Any, base: str) -> Any:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise KeyError("broken")

    async with lib.ClientSession() as session:
        await session.post(f"{base}/echo", data=broken())


@program
async def generator_of_text(lib: Any, base: str) -> Any:
    async def text() -> AsyncIterator[Any]:
        yield "x"

    async with lib.ClientSession() as session:
        await session.post(f"{base}/echo", data=text())


@program
async def closed_file(lib: Any, base: str) -> Any:
    file = io.BytesIO(b"x")
    file.close()
    async with lib.ClientSession() as session:
        await session.post(f"{base}/echo", data=file)


@program
async def sync_with(lib: Any, base: str) -> Any:
    session = lib.ClientSession()
    try:
        with session:
            pass
    finally:
        await session.close()


@program
async def caught_as(lib: Any, base: str) -> Any:
    found = []
    async with lib.ClientSession(base) as session:
        for url, error in (
            ("http://127.0.0.1:1/", lib.ClientConnectorError),
            ("http://127.0.0.1:1/", OSError),
            ("http://127.0.0.1:1/", lib.ClientError),
            ("ftp://x/", lib.InvalidURL),
            ("ftp://x/", ValueError),
            ("/hang-up", lib.ServerDisconnectedError),
            ("/hang-up", lib.ClientConnectionError),
        ):
            try:
                await session.get(url)
            except error as caught:
                found.append((type(caught).__name__, getattr(caught, "host", None)))
        try:
            await session.get("/slow", timeout=lib.ClientTimeout(total=0.05))
        except TimeoutError:
            found.append(("timeout", None))
        try:
            await session.get("/slow", timeout=lib.ClientTimeout(sock_read=0.05))
        except lib.ServerTimeoutError:
            found.append(("server timeout", None))
    return found
