"""What a redirect to another origin must not send, and what it may send."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeSession
from tests.servers.fixtures import ScriptedFactory
from yarl import URL

import httptrace
from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request, responding

from .redirecting import OK, last, redirect

SECRETS = [
    ("Authorization", "Bearer secret"),
    ("authorization", "second secret"),
    ("Cookie", "own=secret"),
    ("Proxy-Authorization", "secret"),
]


def secrets_of(request: ReceivedRequest) -> list[bytes]:
    """The fields that have a secret."""
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
    """From https to http credentials are not sent, although the host is the same."""
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
    """auth= of session and request, and the URL's, are for the first origin only."""
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
    """A header that a middleware adds for one origin is not sent to the next."""
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
    """Credentials in a Location are used for it, and are in no URL that is shown."""
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
    """``http://host:x@evil``: the host follows the last at sign."""
    evil = await scripted(OK)
    server = await scripted(redirect(f"http://127.0.0.1:80@localhost:{evil.port}/"))
    async with session.get(server.url, headers=SECRETS[:1]) as response:
        assert response.host == "localhost"
    assert secrets_of(evil.requests[0]) == []


async def test_cookies_of_a_redirect(make_session: MakeSession, scripted: ScriptedFactory) -> None:
    """A cookie that a redirect sets is sent with the next hop to its own origin."""
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
    """Each host is looked up in netrc separately."""
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
