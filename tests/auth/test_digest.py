from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unicodedata import normalize

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from httptrace.auth.challenge import (
    Answer,
    Challenge,
    digest_challenge,
    next_nonce,
    parse_challenges,
)
from httptrace.auth.digest import DigestAuthMiddleware
from httptrace.errors import ClientError

USER, PASSWORD, REALM = 'Jäsøn "Doe"', "Secret, or not?", "the realm"
HASHES: dict[str, Callable[[bytes], Any]] = {
    "MD5": hashlib.md5,
    "SHA-256": hashlib.sha256,
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data),
}
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def fields(header: str) -> dict[str, str]:
    (challenge,) = parse_challenges([header])
    return challenge[1]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_example_of_rfc_7616(algorithm: str, response: str) -> None:
    """The example of RFC 7616, section 3.9.1, gives its header."""
    challenge = digest_challenge(
        [
            f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
            f'nonce="{NONCE}", opaque="{OPAQUE}"'
        ]
    )
    assert challenge is not None
    login, password = "Mufasa", "Circle of Life"
    answer = Answer(challenge, login, password, "GET", "/dir/index.html", 1, CNONCE)
    assert fields(answer.header()) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": NONCE,
        "nc": "00000001",
        "cnonce": CNONCE,
        "qop": "auth",
        "response": response,
        "opaque": OPAQUE,
    }


def test_example_with_sha_512_256_and_userhash() -> None:
    """The example of RFC 7616, section 3.9.2, gives the values of the RFC's erratum 4897."""
    challenge = Challenge(
        "api@example.org",
        "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "SHA-512-256",
        "auth",
        userhash=True,
    )
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    answer = Answer(challenge, "Jäsøn Doe", "Secret, or not?", "GET", "/doe.json", 1, cnonce)
    found = fields(answer.header())
    assert (found["username"], found["userhash"], found["response"]) == (
        "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
        "true",
        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
    )


def test_example_of_rfc_2617() -> None:
    """The example of RFC 2617, section 3.5, gives its response; without qop it is RFC 2069's."""
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "", "auth")
    answer = Answer(challenge, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", 1, "0a4f113b")
    assert fields(answer.header())["response"] == "6629fae49393a05397450978507c4ef1"
    old = fields(answer._replace(challenge=challenge._replace(qop="")).header())
    assert old["response"] == "670fd8c2df070c60b045671b8b24ff02"
    assert not {"qop", "nc", "cnonce", "algorithm"} & set(old)


def test_challenges_of_several_schemes() -> None:
    """Several challenges in one header, with commas in quotes and token68, are separated."""
    header = r'Negotiate abc==, Basic realm="a, \"b\"", Digest realm=x , nonce = "n",qop="auth"'
    assert parse_challenges([header, "Bearer"]) == [
        ("negotiate", {}),
        ("basic", {"realm": 'a, "b"'}),
        ("digest", {"realm": "x", "nonce": "n", "qop": "auth"}),
        ("bearer", {}),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        "Digest",
        "Digest realm=x",
        'Digest realm=x, nonce=""',
        "Digest nonce=x",
        "Digest realm=x, nonce=y, algorithm=ROT13",
        "Digest realm=x, nonce=y, qop=auth-later",
        'realm="x", nonce="y"',
        "Digest ===",
        'Digest realm="x',
    ],
)
def test_challenge_that_cannot_be_answered(header: str) -> None:
    """A malformed or unsupported challenge is ignored."""
    assert digest_challenge([header]) is None


def test_first_supported_challenge_is_taken() -> None:
    """The order of the server's challenges is its preference (RFC 7616, section 3.7)."""
    template = "Digest realm=x, nonce=y, algorithm="
    found = digest_challenge([f"{template}NEW", f"{template}SHA-256, {template}MD5"])
    assert found is not None and found.algorithm == "SHA-256"


def test_next_nonce() -> None:
    """The next nonce is read from Authentication-Info."""
    assert next_nonce('qop=auth, nextnonce="a b", nc=1') == "a b"
    assert next_nonce("qop=auth") is None
    assert next_nonce("") is None


@pytest.mark.parametrize("arguments", [("a:b", "x"), (None, "x"), ("a", None), ("a\r\n", "x")])
def test_impossible_credentials(arguments: Any) -> None:
    """A colon or control character in the login, and None for either, raise ValueError."""
    with pytest.raises(ValueError, match="not allowed"):
        DigestAuthMiddleware(*arguments)


class Server:
    """An origin that checks Digest credentials as RFC 7616 requires, and its log."""

    def __init__(self) -> None:
        self.algorithm = "MD5"
        self.qop = "auth"
        self.extra = ""
        self.userhash = False
        self.uses = 10**6  # how often a nonce may be used before it is stale
        self.next_nonces = False
        self.log: list[str] = []
        self.counts: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self.session_cnonces: dict[str, str] = {}
        self.url = URL()

    def new_nonce(self) -> str:
        nonce = f"nonce-{next(self._numbers)}"
        self.counts[nonce] = 0
        return nonce

    def refuse(self, stale: bool = False) -> web.Response:
        self.log.append("stale" if stale else "401")
        parts = [f'realm="{REALM}"', f'nonce="{self.new_nonce()}"', 'opaque="o\\"p"']
        parts += [f"algorithm={self.algorithm}"] if self.algorithm else []
        parts += [f'qop="{self.qop}"'] if self.qop else []
        parts += ["userhash=true"] if self.userhash else []
        parts += ["stale=true"] if stale else []
        parts += [self.extra] if self.extra else []
        challenge = f"Digest {', '.join(parts)}"
        return web.Response(status=401, text="no", headers={"WWW-Authenticate": challenge})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        header = request.headers.get("Authorization", "")
        if request.path == "/away":
            self.counts[fields(header)["nonce"]] += 1
            raise web.HTTPFound(request.query["to"])
        if not header:
            return self.refuse()
        given = fields(header)
        nonce = given.get("nonce", "")
        if nonce not in self.counts or self.counts[nonce] >= self.uses:
            return self.refuse(stale=True)
        if not self.is_right(given, request, await request.read()):
            return self.refuse()
        self.log.append("200")
        headers = {"Authentication-Info": f'nextnonce="{self.new_nonce()}"'}
        return web.Response(text="yes", headers=headers if self.next_nonces else {})

    def is_right(self, given: dict[str, str], request: web.Request, body: bytes) -> bool:
        function = HASHES[self.algorithm.removesuffix("-sess") or "MD5"]

        def h(text: str | bytes) -> str:
            return str(function(text if isinstance(text, bytes) else text.encode()).hexdigest())

        if self.userhash:
            assert given["username"] == h(f"{USER}:{REALM}")
        else:
            assert given["username*"] == "UTF-8''J%C3%A4s%C3%B8n%20%22Doe%22"
        assert given["realm"] == REALM and given["opaque"] == 'o"p'
        assert given["uri"] == request.raw_path
        key = h(f"{USER}:{REALM}:{PASSWORD}")
        if self.algorithm.endswith("-sess"):
            first = self.session_cnonces.setdefault(given["nonce"], given["cnonce"])
            assert given["cnonce"] == first
            key = h(f"{key}:{given['nonce']}:{given['cnonce']}")
        subject = f"{request.method}:{given['uri']}"
        middle = given["nonce"]
        self.counts[given["nonce"]] += 1
        if self.qop:
            assert given["qop"] in self.qop
            assert int(given["nc"], 16) == self.counts[given["nonce"]]
            middle += f":{given['nc']}:{given['cnonce']}:{given['qop']}"
        if given.get("qop") == "auth-int":
            subject += f":{h(body)}"
        return given["response"] == h(f"{key}:{middle}:{h(subject)}")


async def started(server: Server) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1])
    return runner


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = await started(server)
    yield server
    await runner.cleanup()


def session(middleware: DigestAuthMiddleware) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(middlewares=(middleware,))


async def get(client: aiohttp.ClientSession, url: URL, **options: Any) -> int:
    async with client.get(url, **options) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("userhash", [False, True])
@pytest.mark.parametrize("qop", ["", "auth", "auth-int", "auth-int, auth"])
@pytest.mark.parametrize("suffix", ["", "-sess"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
async def test_every_form(
    server: Server, algorithm: str, suffix: str, qop: str, userhash: bool
) -> None:
    """Each algorithm with each quality of protection is answered, also preemptively."""
    server.algorithm, server.qop, server.userhash = algorithm + suffix, qop, userhash
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        for body in (b"", b"first", b"second"):
            url = server.url / "a b/é" % {"q": "1/2 3"}
            async with client.post(url, data=body) as response:
                assert (response.status, await response.text()) == (200, "yes")
    assert server.log == ["401", "200", "200", "200"]


async def test_composed_and_decomposed_letters_are_one(server: Server) -> None:
    """A name with combining characters is sent in its composed form (RFC 7616, section 4)."""
    async with session(DigestAuthMiddleware(normalize("NFD", USER), PASSWORD)) as client:
        assert await get(client, server.url) == 200


async def test_no_algorithm_means_md5(server: Server) -> None:
    """A challenge without an algorithm means MD5, and its answer has no algorithm."""
    server.algorithm = ""
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        assert await get(client, server.url) == 200


async def test_wrong_password_is_refused_once(server: Server) -> None:
    """With wrong credentials each request gets 401 after one answer."""
    async with session(DigestAuthMiddleware(USER, "wrong")) as client:
        assert await get(client, server.url) == 401
        assert server.log == ["401", "401"]
        assert await get(client, server.url) == 401
        assert server.log == ["401"] * 4


async def test_stale_nonce_is_replaced(server: Server) -> None:
    """A nonce that the server marks as stale is replaced without another challenge in between."""
    server.uses = 2
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        for _ in range(4):
            assert await get(client, server.url) == 200
    assert server.log == ["401", "200", "200", "stale", "200", "200"]


async def test_always_stale_ends(server: Server) -> None:
    """A server that rejects every nonce as stale gets two answers and no more."""
    server.uses = 0
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        assert await get(client, server.url) == 401
    assert server.log == ["401", "stale", "stale"]


async def test_next_nonce_is_used(server: Server) -> None:
    """The nonce of Authentication-Info is used for the next request, with the count 1."""
    server.next_nonces, server.uses = True, 1
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        for _ in range(3):
            assert await get(client, server.url) == 200
    assert server.log == ["401", "200", "200", "200"]


async def test_not_preemptive(server: Server) -> None:
    """With preemptive=False every request waits for its challenge."""
    async with session(DigestAuthMiddleware(USER, PASSWORD, preemptive=False)) as client:
        for _ in range(2):
            assert await get(client, server.url) == 200
    assert server.log == ["401", "200", "401", "200"]


async def test_protection_space(server: Server) -> None:
    """Preemptive answers are sent to the paths of ``domain`` only; others are challenged first."""
    server.extra = 'domain="/in http://[bad /also/in"'
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        for path in ("in", "in/side", "also/in", "inside"):
            assert await get(client, server.url / path) == 200
    assert server.log == ["401", "200", "200", "200", "401", "200"]


async def test_never_answered_at_another_origin(server: Server) -> None:
    """Another origin gets no answer: after a redirect, through ``domain``, or after a challenge."""
    other = Server()
    runner = await started(other)
    server.extra = f'domain="/ {other.url}/"'
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        assert await get(client, server.url) == 200
        assert await get(client, server.url / "away" % {"to": str(other.url)}) == 401
        assert await get(client, other.url) == 401
        assert await get(client, server.url) == 200
    await runner.cleanup()
    assert other.log == ["401", "401"]
    assert server.log == ["401", "200", "200"]


async def test_origin_that_was_given(server: Server) -> None:
    """With `origin`, a first request to another origin does not bind the credentials to it."""
    other = Server()
    runner = await started(other)
    async with session(DigestAuthMiddleware(USER, PASSWORD, origin=server.url)) as client:
        assert await get(client, other.url) == 401
        assert await get(client, server.url) == 200
    await runner.cleanup()
    assert other.log == ["401"]


async def test_connection_is_used_again(server: Server) -> None:
    """The body of the 401 is read, so that the next request uses the same connection."""
    ports: set[int | None] = set()
    handle = server.handle

    async def watched(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return await handle(request)

    server.handle = watched  # type: ignore[method-assign]
    runner = await started(server)
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        assert await get(client, server.url) == 200
    await runner.cleanup()
    assert len(ports) == 1


async def test_requests_at_once_count_apart(server: Server) -> None:
    """Requests that share a middleware never use the same nonce count twice."""
    import asyncio

    seen: list[tuple[str, str]] = []

    def note(given: dict[str, str], request: web.Request, body: bytes) -> bool:
        seen.append((given["nonce"], given["nc"]))
        return True

    server.is_right = note  # type: ignore[method-assign]
    async with session(DigestAuthMiddleware(USER, PASSWORD)) as client:
        await get(client, server.url)
        assert await asyncio.gather(*(get(client, server.url) for _ in range(10))) == [200] * 10
    assert len(set(seen)) == 11


async def test_other_schemes_are_left_alone(server: Server) -> None:
    """A 401 without a Digest challenge is returned to the caller unread."""

    def refuse(stale: bool = False) -> web.Response:
        return web.Response(status=401, text="why", headers={"WWW-Authenticate": "Basic realm=x"})

    server.refuse = refuse  # type: ignore[method-assign]
    async with (
        session(DigestAuthMiddleware(USER, PASSWORD)) as client,
        client.get(server.url) as response,
    ):
        assert (response.status, await response.text()) == (401, "why")


class Request:
    """A request whose body cannot be hashed."""

    method = "POST"
    url = URL("http://h/")
    body = iter([b""])

    def __init__(self) -> None:
        self.headers: CIMultiDict[str] = CIMultiDict()


async def test_body_that_cannot_be_hashed() -> None:
    """If auth-int needs the bytes of a body that can be read only once, the error says so."""

    class Refusal:
        status = 401
        content_length = 0
        headers = CIMultiDict({"WWW-Authenticate": "Digest realm=x, nonce=y, qop=auth-int"})

        async def read(self) -> bytes:
            return b""

    async def handler(request: Any) -> Any:
        return Refusal()

    call: Callable[..., Awaitable[Any]] = DigestAuthMiddleware("me", "pw")
    with pytest.raises(ClientError, match="auth-int"):
        await call(Request(), handler)
