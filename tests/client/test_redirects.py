"""Redirects as RFC 9110 §15.4 and browsers have them, over real sockets."""

from __future__ import annotations

import asyncio
import io
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aiohttp_app import AiohttpServer
from tests.servers.fixtures import ScriptedFactory
from tests.servers.nginx import Nginx, file_content
from yarl import URL

import httptrace
from httptrace.testing import ScriptedServer, response_bytes
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request, responding

from .conftest import MakeSession

OK = response_bytes(200, b"arrived")
FROM, TO = "/from", "/to"


def redirect(location: str, status: int = 302, *headers: tuple[str, str]) -> bytes:
    return response_bytes(status, b"moved", ("Location", location), *headers)


async def last(server: ScriptedServer, count: int = 2) -> ReceivedRequest:
    """The last of so many requests, with its body."""
    return await server.received(count)


# --- method and body ------------------------------------------------------------------------------

TABLE = [
    # status, method, what follows, with the body
    *((status, "GET", "GET", False) for status in (301, 302, 303, 307, 308)),
    *((status, "HEAD", "HEAD", False) for status in (301, 302, 303, 307, 308)),
    *((status, "POST", "GET", False) for status in (301, 302, 303)),
    *((status, "POST", "POST", True) for status in (307, 308)),
    *((status, "PUT", "PUT", True) for status in (301, 302, 307, 308)),
    (303, "PUT", "GET", False),
    *((status, "DELETE", "DELETE", True) for status in (301, 302, 307, 308)),
    (303, "DELETE", "GET", False),
    (302, "PATCH", "PATCH", True),
]


@pytest.mark.parametrize(("status", "method", "then", "with_body"), TABLE)
async def test_method_and_body(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    status: int,
    method: str,
    then: str,
    with_body: bool,
) -> None:
    """301 to 303 turn a POST into a GET, 303 all but HEAD; 307 and 308 repeat the request."""
    head_only = method == "HEAD"
    moved = response_bytes(status, b"", ("Location", TO)) if head_only else redirect(TO, status)
    server = await scripted(responding(moved, response_bytes(200) if head_only else OK))
    body = None if method in ("GET", "HEAD") else b"some body"
    async with session.request(
        method, server.url + FROM, data=body, allow_redirects=True
    ) as response:
        assert response.status == 200
        assert response.method == then
    request = await last(server)
    assert (request.method, request.target) == (then, TO)
    assert request.body == (b"some body" if with_body else b"")
    for name in ("Content-Type", "Content-Length"):
        assert bool(request.header(name)) is with_body
    assert len(server.connections) == 1


def _bodies(path: Path) -> dict[str, Any]:
    form = httptrace.FormData({"a": "b"})
    form.add_field("file", io.BytesIO(b"file"), filename="f")
    return {
        "bytes": b"x" * 100_000,
        "text": "gr\xfc\xdfe",
        "mapping": {"a": "b"},
        "form": form,
        "BytesIO": io.BytesIO(b"content"),
        "file": path.open("rb"),
    }


@pytest.mark.parametrize("name", ["bytes", "text", "mapping", "form", "BytesIO", "file"])
@pytest.mark.parametrize("extra", [{}, {"chunked": True}, {"compress": "gzip"}])
async def test_bodies_are_sent_again(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    tmp_path: Path,
    name: str,
    extra: dict[str, Any],
) -> None:
    """A 307 brings the same body again, framed and encoded as before."""
    path = tmp_path / "file"
    path.write_bytes(b"from a file" * 1000)
    bodies = _bodies(path)
    server = await scripted(responding(redirect(TO, 307), OK))
    async with session.post(server.url + FROM, data=bodies[name], **extra) as response:
        assert response.status == 200
    first, second = server.requests
    assert second.body == first.body != b""
    for field in ("Content-Type", "Content-Length", "Transfer-Encoding", "Content-Encoding"):
        assert second.header(field) == first.header(field)
    bodies["file"].close()


async def test_a_body_that_cannot_be_sent_again(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A 307 after a generator's body is an error that says so, and names what would help."""

    async def generator() -> AsyncIterator[bytes]:
        yield b"once"

    server = await scripted(responding(redirect(TO, 307), OK))
    with pytest.raises(httptrace.ClientPayloadError, match="cannot be sent twice"):
        await session.post(server.url + FROM, data=generator())
    assert len(server.requests) == 1


async def test_a_generator_is_not_needed_again(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A 303 after a generator's body is followed, for it needs no body."""

    async def generator() -> AsyncIterator[bytes]:
        yield b"once"

    server = await scripted(responding(redirect(TO, 303), OK))
    async with session.post(server.url + FROM, data=generator()) as response:
        assert await response.read() == b"arrived"
    assert (await last(server)).header("Transfer-Encoding") is None


async def test_a_file_is_closed_when_its_body_is_not_sent_on(
    session: httptrace.ClientSession, scripted: ScriptedFactory, tmp_path: Path
) -> None:
    """A 303 leaves no file open."""
    (tmp_path / "file").write_bytes(b"content")
    file = (tmp_path / "file").open("rb")
    server = await scripted(responding(redirect(TO, 303), OK))
    async with session.post(server.url + FROM, data=file) as response:
        assert response.method == "GET"
    await session.close()
    assert file.closed


async def test_a_redirect_before_the_body_was_sent(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A redirect that comes while the body is on its way is followed on a new connection."""

    async def early(peer: Peer) -> None:
        await peer.read_head()
        await peer.send(redirect(TO, 307))
        await peer.until_closed()

    server = await scripted(early, OK)
    body = b"x" * 20_000_000
    async with session.post(server.url + FROM, data=body) as response:
        assert response.status == 200
    request = await last(server)
    assert len(request.body) == len(body)
    assert len(server.connections) == 2


# --- where it leads -------------------------------------------------------------------------------

LOCATIONS = {
    "/other": "/other",
    "other": "/a/other",
    "../other": "/other",
    "./c?d": "/a/c?d",
    "?only=query": "/a/b?only=query",
    "": "/a/b?q=1",
    "#fragment": "/a/b?q=1",
    "/with space": "/with%20space",
    "/p%C3%BC/%2F?x=%26%20": "/p%C3%BC/%2F?x=%26%20",
    "/pü": "/p%C3%BC",
    "/[]|": "/%5B%5D%7C",
    "/a/../b/./c": "/b/c",
    "http:other": "/a/other",
    "/x?a=http://evil.example/": "/x?a=http://evil.example/",
}


@pytest.mark.parametrize("location", LOCATIONS)
async def test_relative_locations(
    session: httptrace.ClientSession, scripted: ScriptedFactory, location: str
) -> None:
    """A Location is resolved against the URL of the redirect, quoted where it must be."""
    moved = redirect("X").replace(b"Location: X", f"Location: {location}".encode())
    server = await scripted(responding(moved, OK))
    if not location:  # an empty field leads nowhere: it is the answer
        async with session.get(f"{server.url}/a/b?q=1") as response:
            assert response.status == 302
        return
    async with session.get(f"{server.url}/a/b?q=1") as response:
        assert response.status == 200
    assert (await last(server)).target == LOCATIONS[location]


async def test_exact_locations(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """With requote_redirect_url=False the server's own quoting is kept."""
    server = await scripted(responding(redirect("/%7Euser/%2f"), OK))
    session = make_session(requote_redirect_url=False)
    async with session.get(server.url) as response:
        assert response.status == 200
    assert (await last(server)).target == "/%7Euser/%2f"


async def test_another_authority(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """``//host`` keeps the scheme and goes to the other host."""
    other = await scripted(OK)
    server = await scripted(redirect(f"//localhost:{other.port}/there"))
    async with session.get(server.url) as response:
        assert response.url.host == "localhost"
    request = await last(other, 1)
    assert request.target == "/there"
    assert request.header("Host") == f"localhost:{other.port}"


async def test_fragments(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The fragment of the first URL is kept, unless the Location has one (RFC 9110 §10.2.2)."""
    server = await scripted(responding(redirect("/b"), redirect("/c#theirs"), redirect("/d"), OK))
    async with session.get(f"{server.url}/a#ours") as response:
        fragments = [hop.real_url.fragment for hop in (*response.history, response)]
        assert fragments == ["ours", "ours", "theirs", "theirs"]
        assert response.url.fragment == ""
    assert all("#" not in request.target for request in server.requests)


async def test_uri_field(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """The obsolete URI field serves where Location is missing, as in aiohttp."""
    moved = response_bytes(302, b"", ("URI", "/there"))
    server = await scripted(responding(moved, OK))
    async with session.get(server.url) as response:
        assert response.status == 200
    assert (await last(server)).target == "/there"


BAD_LOCATIONS = {
    "ftp://127.0.0.1/": httptrace.NonHttpUrlRedirectClientError,
    "mailto:a@example.org": httptrace.NonHttpUrlRedirectClientError,
    "javascript:alert(1)": httptrace.NonHttpUrlRedirectClientError,
    "file:///etc/passwd": httptrace.NonHttpUrlRedirectClientError,
    "data:text/plain,x": httptrace.NonHttpUrlRedirectClientError,
    "gopher://127.0.0.1:70/": httptrace.NonHttpUrlRedirectClientError,
    "http://": httptrace.InvalidUrlRedirectClientError,
    "http:///path": httptrace.InvalidUrlRedirectClientError,
    "HTTP:////evil.example/": httptrace.InvalidUrlRedirectClientError,
    "http:\\\\evil.example/": httptrace.InvalidUrlRedirectClientError,
    "http://:80/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:99999/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:0/": httptrace.InvalidUrlRedirectClientError,
    "http://127.0.0.1:port/": httptrace.InvalidUrlRedirectClientError,
    "http://[::1/": httptrace.InvalidUrlRedirectClientError,
    "http://a%3Ab:c@127.0.0.1/": httptrace.InvalidUrlRedirectClientError,
}


@pytest.mark.parametrize("location", BAD_LOCATIONS)
async def test_locations_that_lead_nowhere(
    session: httptrace.ClientSession, scripted: ScriptedFactory, location: str
) -> None:
    """A Location that is no http URL is an error of its own, and nothing more is sent."""
    server = await scripted(redirect(location))
    with pytest.raises(BAD_LOCATIONS[location]) as caught:
        await session.get(server.url)
    assert isinstance(caught.value, httptrace.RedirectClientError)
    assert len(server.requests) == 1


# --- how far --------------------------------------------------------------------------------------


async def test_history(session: httptrace.ClientSession, aiohttp_server: AiohttpServer) -> None:
    """The redirects are in the history, the first one first, each with its own request."""
    async with session.get(f"{aiohttp_server.url}/redirect/3") as response:
        assert await response.text() == "arrived"
        assert [hop.url.path for hop in response.history] == [f"/redirect/{n}" for n in (3, 2, 1)]
        assert [hop.request_info.url.path for hop in response.history] == [
            f"/redirect/{n}" for n in (3, 2, 1)
        ]
        assert all(hop.closed and hop.status == 302 for hop in response.history)


async def test_loop(session: httptrace.ClientSession, scripted: ScriptedFactory) -> None:
    """A loop ends with TooManyRedirects, after ten by default."""
    server = await scripted(redirect("/again"))
    with pytest.raises(httptrace.TooManyRedirects) as caught:
        await session.get(server.url)
    assert len(server.requests) == 10
    assert len(caught.value.history) == 10
    assert caught.value.request_info.url.path == "/"


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_max_redirects(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer, most: int
) -> None:
    """As many redirects as max_redirects are one too many, as in aiohttp."""
    url = aiohttp_server.url
    async with session.get(f"{url}/redirect/{most - 1}", max_redirects=most) as response:
        assert response.status == 200
    with pytest.raises(httptrace.TooManyRedirects):
        await session.get(f"{url}/redirect/{most}", max_redirects=most)


async def test_not_followed(
    session: httptrace.ClientSession, aiohttp_server: AiohttpServer
) -> None:
    """With allow_redirects=False, and for HEAD, the redirect is the response."""
    url = f"{aiohttp_server.url}/redirect/1"
    async with session.get(url, allow_redirects=False) as response:
        assert (response.status, response.history) == (302, ())
        assert response.headers["Location"] == "/redirect/0"
    async with session.head(url) as response:
        assert response.status == 302
    async with session.head(url, allow_redirects=True) as response:
        assert response.status == 200


@pytest.mark.parametrize("status", [300, 304, 305, 306, 399])
async def test_other_statuses(
    session: httptrace.ClientSession, scripted: ScriptedFactory, status: int
) -> None:
    """Other statuses of the 3xx class are no redirects, whatever their Location says."""
    moved = response_bytes(status, b"", ("Location", TO))
    server = await scripted(moved)
    async with session.get(server.url) as response:
        assert response.status == status
    assert len(server.requests) == 1


async def test_real_servers(
    session: httptrace.ClientSession, nginx: Nginx, client_ssl: ssl.SSLContext
) -> None:
    """nginx's redirects are followed, over TLS too, on one connection."""
    for origin in (nginx.http, nginx.https):
        for status in (301, 302, 303, 307, 308):
            url = f"{origin}/redirect/{status}"
            async with session.get(url, ssl=client_ssl) as response:
                assert await response.read() == file_content(40)
                assert [hop.status for hop in response.history] == [status]


# --- what must not cross an origin ----------------------------------------------------------------

SECRETS = [
    ("Authorization", "Bearer secret"),
    ("authorization", "second secret"),
    ("Cookie", "own=secret"),
    ("Proxy-Authorization", "secret"),
]


def secrets_of(request: ReceivedRequest) -> list[bytes]:
    """The fields that carry a secret."""
    return [name for name, value in request.headers if b"secret" in value]


@pytest.mark.parametrize("where", ["host", "port"])
@pytest.mark.parametrize("status", [302, 307])
async def test_credentials_stay_with_their_origin(
    make_session: MakeSession, scripted: ScriptedFactory, where: str, status: int
) -> None:
    """Credentials and cookies of every kind, doubled ones too, never reach another origin.

    But the jar's cookies are for a host, whatever its port (RFC 6265 §8.5).
    """
    leads = {"/": "/same", "/same": ""}

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        target = leads.get(request.target)
        await peer.send(OK if target is None else redirect(target, status))

    other = await scripted(per_request(answer))
    server = other if where == "host" else await scripted(per_request(answer))
    host = "localhost" if where == "host" else "127.0.0.1"
    leads["/same"] = f"http://{host}:{other.port}/away"
    session = make_session(cookie_jar=httptrace.CookieJar(unsafe=True))
    session.cookie_jar.update_cookies({"jar": "1"}, URL(server.url))
    async with session.get(server.url, headers=SECRETS, cookies={"request": "secret"}) as response:
        assert response.url.path == "/away"
    first, same, *_ = server.requests
    assert len(secrets_of(first)) == len(secrets_of(same)) == 4
    foreign = other.requests[-1]
    assert secrets_of(foreign) == []
    assert foreign.header("Cookie") == ("jar=1" if where == "port" else None)


async def test_credentials_do_not_leave_tls(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """From https to http credentials stay behind, though the host is the same."""
    plain = await scripted(OK)
    secure = await scripted(redirect(f"{plain.url}/plain"), ssl=server_ssl)
    session = make_session(cookie_jar=httptrace.CookieJar(unsafe=True))
    options: dict[str, Any] = {"headers": SECRETS, "cookies": {"c": "secret"}, "ssl": client_ssl}
    async with session.get(secure.url, **options) as response:
        assert response.url.scheme == "http"
    assert secrets_of(plain.requests[0]) == []


async def test_credentials_do_not_go_to_tls(
    session: httptrace.ClientSession,
    scripted: ScriptedFactory,
    server_ssl: ssl.SSLContext,
    client_ssl: ssl.SSLContext,
) -> None:
    """From http to https of the same host is another origin too."""
    secure = await scripted(OK, ssl=server_ssl)
    plain = await scripted(redirect(secure.url))
    async with session.get(plain.url, headers=SECRETS, ssl=client_ssl) as response:
        assert response.url.scheme == "https"
    assert secrets_of(secure.requests[0]) == []


@pytest.mark.parametrize("kind", ["session", "request", "url"])
async def test_basic_auth_stays_with_its_origin(
    make_session: MakeSession, scripted: ScriptedFactory, kind: str
) -> None:
    """auth= of session and request, and the URL's, are for the first origin."""
    other = await scripted(OK)
    server = await scripted(responding(redirect("/same"), redirect(other.url)))
    auth = httptrace.BasicAuth("user", "pass")
    session = make_session(auth=auth if kind == "session" else None)
    url = server.url.replace("//", "//user:pass@") if kind == "url" else server.url
    async with session.get(url, auth=auth if kind == "request" else None) as response:
        assert response.status == 200
    assert [request.header("Authorization") for request in server.requests] == [auth.encode()] * 2
    assert other.requests[0].header("Authorization") is None


async def test_headers_of_a_middleware_stay_with_its_hop(
    make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """What a middleware adds for one origin, it must add again itself for the next."""
    other = await scripted(OK)
    server = await scripted(redirect(other.url))

    async def key(request: Any, handler: Any) -> Any:
        if request.url.port == server.port:
            request.headers["X-Api-Key"] = "secret"
        return await handler(request)

    session = make_session(middlewares=(key,))
    async with session.get(server.url) as response:
        assert response.status == 200
    assert server.requests[0].header("X-Api-Key") == "secret"
    assert other.requests[0].header("X-Api-Key") is None


async def test_userinfo_in_location(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """Credentials in a Location are used for it, and in no URL that is shown afterwards."""
    other = await scripted(OK)
    server = await scripted(redirect(f"http://a:b@127.0.0.1:{other.port}/x"))
    async with session.get(server.url) as response:
        assert response.url.user is None
        assert "b@" not in str(response.real_url)
    request = other.requests[0]
    assert request.header("Authorization") == httptrace.BasicAuth("a", "b").encode()
    assert request.header("Host") == f"127.0.0.1:{other.port}"


async def test_userinfo_that_looks_like_a_host(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """``http://host:x@evil``: the host is what follows the last at sign."""
    evil = await scripted(OK)
    server = await scripted(redirect(f"http://127.0.0.1:80@localhost:{evil.port}/"))
    async with session.get(server.url, headers=SECRETS[:1]) as response:
        assert response.host == "localhost"
    assert secrets_of(evil.requests[0]) == []


async def test_cookies_of_a_redirect(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A cookie that a redirect sets goes to its own origin with the next hop."""
    server = await scripted(responding(redirect("/next", 302, ("Set-Cookie", "a=1")), OK))
    session = make_session(cookie_jar=httptrace.CookieJar(unsafe=True))
    async with session.get(server.url) as response:
        assert response.history[0].cookies["a"].value == "1"
    assert (await last(server)).header("Cookie") == "a=1"


async def test_netrc_of_the_next_host(
    make_session: MakeSession,
    scripted: ScriptedFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """netrc is asked for each host by itself."""
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login first password one\nmachine localhost login other password two\n"
    )
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "*")
    other = await scripted(OK)
    server = await scripted(redirect(f"http://localhost:{other.port}/"))
    async with make_session(trust_env=True).get(server.url) as response:
        assert response.status == 200
    sent = [server.requests[0].header("Authorization"), other.requests[0].header("Authorization")]
    first, second = httptrace.BasicAuth("first", "one"), httptrace.BasicAuth("other", "two")
    assert sent == [first.encode(), second.encode()]


# --- the redirect's own body ----------------------------------------------------------------------


async def test_a_large_body_is_not_read(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A redirect with a body too large to be worth reading costs its connection, no more."""

    async def endless(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 302 Found\r\nLocation: /to\r\nContent-Length: 1000000000\r\n\r\n"
        )
        await peer.send(b"x" * 100_000)
        await peer.until_closed()

    server = await scripted(endless, OK)
    async with session.get(server.url) as response:
        assert response.status == 200
    assert len(server.connections) == 2


async def test_a_bomb_in_a_redirect(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A compressed body of a redirect is never decoded: memory stays flat."""
    deflater = zlib.compressobj(wbits=31)
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(30)) + deflater.flush()
    assert len(bomb) < 1 << 16
    moved = response_bytes(302, bomb, ("Location", TO), ("Content-Encoding", "gzip"))
    server = await scripted(responding(moved, OK))
    tracemalloc.start()
    try:
        async with session.get(server.url) as response:
            assert response.status == 200
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert len(server.connections) == 1


async def test_the_total_timeout_counts_all_hops(
    session: httptrace.ClientSession, scripted: ScriptedFactory
) -> None:
    """A loop of slow redirects ends with the total timeout."""

    async def slow(peer: Peer) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.03)
            await peer.send(redirect("/again"))

    server = await scripted(slow)
    timeout = httptrace.ClientTimeout(total=0.1)
    with pytest.raises(httptrace.TotalTimeoutError):
        await session.get(server.url, timeout=timeout, max_redirects=1000)
    assert 1 < len(server.requests) < 10
