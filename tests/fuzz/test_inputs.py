"""Random arguments: they are sent as given, or refused before a byte is sent."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from tests.servers.fixtures import ScriptedFactory
from tests.servers.leaks import Leaks
from yarl import URL

import httptrace
from httptrace import ClientError, ClientSession
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, responding, response_bytes

from .campaign import Campaign
from .making import mutated
from .serving import only_to

SIGNS = [
    *("abcXYZ019-._~!$&'()*+,;=:@/?#[]<>^`{|}\"\\ %"),
    *("%41", "%2F", "%0d%0a", "%", "%zz", "\r\n", "\n", "\r", "\0", "\t", "\x7f", "\x85", "\xa0"),
    *("é", "€", "🌿", "\u2028", "\ufeff", "\udce9", "\ud800", "ß", "İ", "\u3002", "xn--"),
]
"""Signs that mean something somewhere."""


def text(rng: Random, most: int = 8, signs: list[str] = SIGNS) -> str:
    """A short text of these characters."""
    return "".join(rng.choices(signs, k=rng.randrange(most)))


class Sender:
    """A session, the only server that it can reach, and what the server received."""

    def __init__(self, session: ClientSession, server: ScriptedServer) -> None:
        self.session = session
        self.server = server

    def received(self) -> int:
        """All received bytes."""
        return sum(peer.bytes_received for peer in self.server.connections)

    async def sent(self, url: Any = None, method: Any = "GET", **options: Any) -> Any:
        """The request as it was received, to the last byte; or why it was refused."""
        before, count = self.received(), len(self.server.requests)
        try:
            async with self.session.request(method, url or self.server.url, **options) as response:
                assert await response.read() == b"ok"
        except (ValueError, TypeError, ClientError) as exc:
            assert str(exc)
            assert self.received() == before and len(self.server.requests) == count
            return exc
        assert len(self.server.requests) == count + 1
        request = self.server.requests[-1]
        assert self.received() - before == len(request.raw)
        return request


@pytest.fixture
async def sender(leak_check: Leaks, scripted: ScriptedFactory) -> AsyncIterator[Sender]:
    """A session whose requests reach one server or nothing."""

    class Nowhere(httptrace.AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            raise OSError("outside")

        async def close(self) -> None:
            """Do nothing."""

    server = await scripted(responding(response_bytes(200, b"ok")))
    connector = httptrace.TCPConnector(resolver=Nowhere(), socket_factory=only_to(server.port))
    async with ClientSession(connector=connector, cookie_jar=httptrace.DummyCookieJar()) as session:
        yield Sender(session, server)


def lines(request: ReceivedRequest) -> list[bytes]:
    """The head, line by line."""
    return request.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


async def test_headers(campaign: Campaign, sender: Sender) -> None:
    """A header is sent as one line, as given, or raises ValueError."""
    usual = lines(await sender.sent())
    for rng in campaign.cases(150):
        name = "X" + rng.choice(["", "", "-a", text(rng, 3)])
        value = text(rng)
        campaign.notes.update(name=name, value=value)
        request = await sender.sent(headers={name: value})
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
            continue
        own = f"{name}: {value}".encode("utf-8", "surrogateescape")
        assert sorted(lines(request)) == sorted([*usual, own])


async def test_methods(campaign: Campaign, sender: Sender) -> None:
    """A method begins the request line, or raises ValueError."""
    for rng in campaign.cases(60):
        method = rng.choice(["GET", "x-", "", "!#$"]) + text(rng, 3)
        campaign.notes.update(method=method)
        request = await sender.sent(method=method)
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
        else:
            assert lines(request)[0] == f"{method.upper()} / HTTP/1.1".encode()


async def test_urls(campaign: Campaign, sender: Sender) -> None:
    """A URL is requested as yarl parses it, or refused; none leads to another server."""
    for rng in campaign.cases(150):
        url = f"{sender.server.url}/a?b=c#d"
        changed = mutated(
            rng, url.encode(), rng.choice([0, 1]), [s.encode("utf-8", "replace") for s in SIGNS]
        )
        url = changed.decode("utf-8", "surrogateescape") + text(rng, 4)
        campaign.notes.update(url=url)
        request = await sender.sent(url)
        if isinstance(request, Exception):
            assert isinstance(request, ClientError | ValueError)
            continue
        parsed = URL(url)
        assert request.target == (parsed.raw_path_qs or "/")
        assert request.header("Host") == f"{parsed.host_subcomponent}:{parsed.port}"
        assert lines(request)[0] == f"GET {request.target} HTTP/1.1".encode()
        assert request.target.isascii() and request.target.isprintable()


PLAIN = [sign for sign in SIGNS if not set(sign) & set("./%#?\\")]
"""Signs that a path is made of, and that change nothing of it."""


async def test_paths_and_params(campaign: Campaign, sender: Sender) -> None:
    """A path and parameters are received as given, or the URL is refused."""
    for rng in campaign.cases(150):
        path, params = text(rng, signs=PLAIN), {"k" + text(rng, 3): text(rng) for _ in range(2)}
        campaign.notes.update(path=path, params=params)
        request = await sender.sent(f"{sender.server.url}/{path}", params=params)
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
            continue
        target, _, query = request.target.partition("?")
        assert unquote(target) == "/" + path
        assert dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) == params


async def test_forms(campaign: Campaign, sender: Sender) -> None:
    """The fields of a form are received as given, or refused."""
    for rng in campaign.cases(100):
        fields = [(text(rng), text(rng)) for _ in range(rng.choice([1, 3]))]
        campaign.notes.update(fields=fields)
        request = await sender.sent(method="POST", data=httptrace.FormData(fields))
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
        else:
            assert parse_qsl(request.body.decode(), keep_blank_values=True) == fields


async def test_cookies(campaign: Campaign, sender: Sender) -> None:
    """A cookie's value is parsed by others as given, or refused."""
    for rng in campaign.cases(150):
        name, value = "n" + rng.choice(["", text(rng, 2)]), text(rng)
        campaign.notes.update(name=name, value=value)
        request = await sender.sent(cookies={name: value})
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
            continue
        (own,) = [line for line in lines(request) if line.startswith(b"Cookie: ")]
        campaign.notes.update(own=own)
        given = own.removeprefix(b"Cookie: ").decode("utf-8", "surrogateescape")
        key, equals, coded = given.partition("=")
        assert (key, equals) == (name, "=")
        assert SimpleCookie().value_decode(coded)[0] == value
        assert ";" not in coded


async def test_credentials(campaign: Campaign, sender: Sender) -> None:
    """The server decodes the given credentials, or they are refused."""
    for rng in campaign.cases(60):
        login, password = text(rng), text(rng)
        campaign.notes.update(login=login, password=password)
        try:
            auth = httptrace.BasicAuth(login, password, rng.choice(["latin-1", "utf-8"]))
        except ValueError as exc:
            assert ":" in login, exc
            continue
        request = await sender.sent(auth=auth)
        if isinstance(request, Exception):
            assert isinstance(request, ValueError)
        else:
            kind, _, coded = request.header("Authorization").partition(" ")
            decoded = base64.b64decode(coded, validate=True).decode(auth.encoding)
            assert (kind, decoded) == ("Basic", f"{login}:{password}")
