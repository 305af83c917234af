"""The servers of the demonstration: small, on loopback, and slow or broken on purpose.

    async with BundledServers() as servers:
        ...  # request f"{servers.http}/slow-body"

The paths that `http`, `https`, `other` and the Unix socket serve alike (times in seconds):

    /hello                 a short text
    /slow-start/0.3        the response starts after this time
    /slow-body/5           this number of chunks, one every 0.1 s
    /delay/0.5             the same as /slow-start
    /redirect/3            a chain of this number of redirects that ends at /hello
    /elsewhere             a redirect to /hello at another origin
    /status/503            this status
    /gzip                  text, compressed
    /large/1048576         this number of bytes
    /orders                JSON
    /events/3              this number of server-sent events, one every 0.1 s
    /cookies               counts visits in a cookie
    /private               Basic authentication, user "ann", password "secret"
    /digest                Digest authentication, the same user
    /websocket/0.1         a WebSocket that sends each message back after this time
    /early-hints           103 Early Hints, then 200
    /close                 200 with Connection: close
    /echo                  the request's body, for any method
    /continue              100 Continue after 0.15 s, then the request's body
    /trailers              a chunked body with a trailer field
    /until-close           a body that ends with the connection
    /cut                   Content-Length 1000, but 300 bytes and a reset
    /never                 no response
    /stale                 200; the connection is closed when the next request arrives on it
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from httptrace.demo.websocket import converse
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.peer import Peer
from httptrace.testing.received import MalformedRequest, ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, hang, response_bytes
from httptrace.testing.unreachable import blackhole, refused_port

__all__ = ["BundledServers"]

TWO_ADDRESSES = "two-addresses.example"
DEAD = "dead.example"

USER, PASSWORD = "ann", "secret"

_NONCE = "c2l4dGVlbiBieXRlcyEh"
_DIRECTIVE = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_TEXT = b"Every moment of every request can be seen.\n"
_PIECE_SECONDS = 0.1
_CONTINUE_SECONDS = 0.15
_LARGE_PIECE = b"0123456789abcdef" * 4096


class Call(NamedTuple):
    """A request to the demonstration's servers, for a handler. `argument` is the path's end."""

    peer: Peer
    request: ReceivedRequest
    argument: str
    elsewhere: str

    def number(self, default: float) -> float:
        """The argument as a number, or the default if it is not one."""
        try:
            return min(max(float(self.argument), 0.0), 2.0**30)
        except ValueError:
            return default

    async def answer(self, status: int, body: bytes = b"", *headers: tuple[str, str]) -> None:
        """Send a complete response: without a body for 204 and 304, only the head for HEAD."""
        bodiless = status in (204, 304)
        data = response_bytes(status, b"" if bodiless else body, *headers, length=not bodiless)
        if self.request.method == "HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        await self.peer.send(data)

    async def start(self, *headers: tuple[str, str]) -> None:
        """Send the head of a response; the headers must include its framing."""
        await self.peer.send(response_bytes(200, b"", *headers, length=False))

    async def chunk(self, data: bytes) -> None:
        """Send a chunk of a chunked body; an empty chunk ends the body."""
        await self.peer.send(b"%x\r\n%s\r\n" % (len(data), data))


Handler = Callable[[Call], Awaitable[None]]


class BundledServers:
    """All servers of the demonstration, started and stopped together.

    `http`, `https` and `other` (a second origin) are their URLs; `unix_path` is a Unix socket that
    serves the same. `hang` accepts connections and never responds, `hang_tls` (https) never
    answers the ClientHello, `refused` refuses connections, `expired` is an https origin whose
    certificate has expired. `ssl_context` is a client-side context that trusts `https`, `ca_path`
    the certificate of the authority that issued it.

    `hosts` maps host names to addresses, for a resolver. The name in `two_addresses` has an
    address that never answers and then one that does; the name in `dead` has only the former.

    :param port: the port of `http`, at 127.0.0.1 and ::1 (either may be `localhost`); by default
        a free port at 127.0.0.1.
    """

    http: str
    https: str
    other: str
    hang: str
    hang_tls: str
    refused: str
    expired: str
    two_addresses: str
    dead: str
    unix_path: Path
    ca_path: Path
    ssl_context: ssl.SSLContext
    hosts: dict[str, list[str]]

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(exc_type, exc, traceback)

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="httptrace-demo-"))
        self.unix_path = Path(directory) / "http.sock"
        plain = await stack.enter_async_context(ScriptedServer(self._serve, port=self._port))
        if self._port:
            twin = ScriptedServer(self._serve, host="::1", port=self._port)
            try:
                await stack.enter_async_context(twin)
            except OSError as exc:  # a machine without IPv6
                if exc.errno == errno.EADDRINUSE:
                    raise
        other = await stack.enter_async_context(ScriptedServer(self._serve))
        await stack.enter_async_context(ScriptedServer(self._serve, unix_path=self.unix_path))
        silent = await stack.enter_async_context(ScriptedServer(hang))
        self.http, self.other, self.hang = plain.url, other.url, silent.url
        self.hang_tls = silent.url.replace("http:", "https:")
        self.refused = f"http://127.0.0.1:{stack.enter_context(refused_port())}"
        await self._start_tls(stack, Path(directory))
        self._add_dead_addresses(stack, plain.port)

    async def _start_tls(self, stack: contextlib.AsyncExitStack, directory: Path) -> None:
        authority = CertificateAuthority("httptrace demonstration")
        self.ca_path = authority.save(directory / "authority.pem")
        self.ssl_context = authority.client_context()
        good = authority.issue().server_context()
        expired = authority.issue_expired().server_context()
        self.https = (await stack.enter_async_context(ScriptedServer(self._serve, ssl=good))).url
        self.expired = (
            await stack.enter_async_context(ScriptedServer(self._serve, ssl=expired))
        ).url

    def _add_dead_addresses(self, stack: contextlib.AsyncExitStack, port: int) -> None:
        """Make addresses that never answer, at the same port as the server."""
        for address in ("127.0.0.2", "127.0.0.3"):
            stack.enter_context(blackhole(address, port))
        self.two_addresses = f"http://{TWO_ADDRESSES}:{port}"
        self.dead = f"http://{DEAD}:{port}"
        self.hosts = {
            TWO_ADDRESSES: ["127.0.0.2", "127.0.0.1"],
            DEAD: ["127.0.0.2", "127.0.0.3"],
        }

    async def _serve(self, peer: Peer) -> None:
        """Respond to the requests on a connection until one side closes it."""
        keeps_alive = True
        while keeps_alive:
            try:
                request = await peer.read_head()
                await _read_body(peer, request)
            except MalformedRequest as error:
                await peer.send(response_bytes(400, str(error).encode(), ("Connection", "close")))
                return
            await _dispatch(Call(peer, request, "", self.other))
            keeps_alive = request.keeps_alive and peer.ended is None


async def _read_body(peer: Peer, request: ReceivedRequest) -> None:
    if request.expects_continue:
        if request.path == "/continue":
            await asyncio.sleep(_CONTINUE_SECONDS)
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    await peer.read_body(request)


async def _dispatch(call: Call) -> None:
    """Call the handler for the first segment of the path.

    A request in absolute form, as for a proxy, is handled as if it was for this server.
    """
    path = re.sub(r"^http://[^/]*", "", call.request.path)
    name, _, argument = path.strip("/").partition("/")
    handler = _HANDLERS.get(name)
    if handler is None:
        await call.answer(404, b"Not found.\n")
    else:
        await handler(call._replace(argument=argument))


async def _hello(call: Call) -> None:
    await call.answer(200, b"Hello!\n", ("Content-Type", "text/plain"))


async def _slow_start(call: Call) -> None:
    seconds = call.number(0.3)
    await asyncio.sleep(seconds)
    await call.answer(200, _TEXT, ("Server-Timing", f"think;dur={seconds * 1000:g}"))


async def _slow_body(call: Call) -> None:
    await call.start(("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked"))
    for _ in range(int(call.number(5))):
        await call.chunk(_TEXT)
        await asyncio.sleep(_PIECE_SECONDS)
    await call.chunk(b"")


async def _redirect(call: Call) -> None:
    left = int(call.number(1))
    target = "/hello" if left <= 1 else f"/redirect/{left - 1}"
    await call.answer(302, b"", ("Location", target))


async def _elsewhere(call: Call) -> None:
    await call.answer(302, b"", ("Location", f"{call.elsewhere}/hello"))


async def _status(call: Call) -> None:
    status = int(call.number(200))
    await call.answer(status if 200 <= status <= 599 else 400, b"As you wish.\n")


async def _gzip(call: Call) -> None:
    import gzip

    body = gzip.compress(_TEXT * 1000)
    await call.answer(200, body, ("Content-Type", "text/plain"), ("Content-Encoding", "gzip"))


async def _large(call: Call) -> None:
    left = int(call.number(2**20))
    await call.start(("Content-Length", str(left)))
    while left > 0:
        await call.peer.send(_LARGE_PIECE[:left])
        left -= len(_LARGE_PIECE)


async def _orders(call: Call) -> None:
    body = b'[{"id": 1, "item": "tea", "paid": true}, {"id": 2, "item": "cake", "paid": false}]\n'
    await call.answer(200, body, ("Content-Type", "application/json"))


async def _events(call: Call) -> None:
    await call.start(("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked"))
    for number in range(1, int(call.number(3)) + 1):
        await call.chunk(f"id: {number}\nevent: tick\ndata: {number}\n\n".encode())
        await asyncio.sleep(_PIECE_SECONDS)
    await call.chunk(b"")


async def _cookies(call: Call) -> None:
    name, _, value = (call.request.header("Cookie") or "").partition("=")
    visits = int(value) + 1 if name == "visits" and value.isdigit() else 1
    cookie = f"visits={visits}; Path=/cookies; Max-Age=3600; HttpOnly"
    await call.answer(200, f"Visit {visits}.\n".encode(), ("Set-Cookie", cookie))


async def _private(call: Call) -> None:
    expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    if call.request.header("Authorization") == expected:
        await call.answer(200, b"Welcome.\n")
    else:
        await call.answer(401, b"Who is it?\n", ("WWW-Authenticate", 'Basic realm="demo"'))


async def _digest(call: Call) -> None:
    """Digest with SHA-256 and a fixed nonce (RFC 7616), which protects nothing."""
    method, given = call.request.method, call.request.header("Authorization") or ""
    told = {name: quoted or bare for name, quoted, bare in _DIRECTIVE.findall(given)}
    ours = _hash(f"{USER}:demo:{PASSWORD}"), _hash(f"{method}:{told.get('uri', '')}")
    used = [told.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    if used[0] == _NONCE and told.get("response") == _hash(":".join([ours[0], *used, ours[1]])):
        await call.answer(200, b"Welcome.\n")
        return
    challenge = f'Digest realm="demo", qop="auth", algorithm=SHA-256, nonce="{_NONCE}"'
    await call.answer(401, b"Who is it?\n", ("WWW-Authenticate", challenge))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


async def _websocket(call: Call) -> None:
    await converse(call.peer, call.request, call.number(0))


async def _early_hints(call: Call) -> None:
    await call.peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    await asyncio.sleep(_PIECE_SECONDS)
    await call.answer(200, _TEXT)


async def _close(call: Call) -> None:
    await call.answer(200, _TEXT, ("Connection", "close"))
    call.peer.close()


async def _echo(call: Call) -> None:
    kind = call.request.header("Content-Type") or "application/octet-stream"
    await call.answer(200, call.request.body, ("Content-Type", kind))


async def _trailers(call: Call) -> None:
    await call.start(("Transfer-Encoding", "chunked"), ("Trailer", "X-Lines"))
    await call.chunk(_TEXT)
    await call.peer.send(b"0\r\nX-Lines: 1\r\n\r\n")


async def _until_close(call: Call) -> None:
    await call.start(("Connection", "close"))
    await call.peer.send(_TEXT)
    call.peer.close()


async def _cut(call: Call) -> None:
    await call.start(("Content-Length", "1000"))
    await call.peer.send(bytes(300))
    # A reset discards bytes that the client has not read yet, so wait until it has.
    await asyncio.sleep(_PIECE_SECONDS)
    call.peer.reset()


async def _never(call: Call) -> None:
    await call.peer.until_closed()


async def _stale(call: Call) -> None:
    """Close the connection when the client sends the next request on it."""
    await call.answer(200, _TEXT)
    await call.peer.read_head()
    call.peer.close()


_HANDLERS: dict[str, Handler] = {
    "hello": _hello,
    "slow-start": _slow_start,
    "slow-body": _slow_body,
    "delay": _slow_start,
    "redirect": _redirect,
    "elsewhere": _elsewhere,
    "status": _status,
    "gzip": _gzip,
    "large": _large,
    "orders": _orders,
    "events": _events,
    "cookies": _cookies,
    "private": _private,
    "digest": _digest,
    "websocket": _websocket,
    "early-hints": _early_hints,
    "close": _close,
    "echo": _echo,
    "continue": _echo,
    "trailers": _trailers,
    "until-close": _until_close,
    "cut": _cut,
    "never": _never,
    "stale": _stale,
}
