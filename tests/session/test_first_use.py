"""The first requests of a program import nothing: no phase of theirs holds the loop for that."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.body.packing import PACK
from tests.cli.running import run

from httptrace.testing import Peer, ScriptedServer, response_bytes
from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.received import ReceivedRequest

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

PROGRAM = """
import sys
PRELUDE
import asyncio
import httptrace

_, PLAIN, TLS, IDN, FINGERPRINT = sys.argv
seen = {}


class Imports(httptrace.Observer):
    def on_request_start(self, event):
        seen["start"] = set(sys.modules)

    def on_request_finish(self, event):
        seen["finish"] = set(sys.modules)
        seen["outcome"] = event.outcome


class Loopback(httptrace.AbstractResolver):
    async def resolve(self, host, port=0, family=0):
        address = {"host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}
        return [{"hostname": host, **address}]

    async def close(self):
        pass


async def main():
    GIVEN
    async with httptrace.ClientSession(observers=[Imports()], **options) as session:
        made = set(sys.modules)
        async with CALL as response:
            USE
    during, before = seen["finish"] - seen["start"], seen["start"] - made
    import json
    print(json.dumps([seen["outcome"], sorted(during), sorted(before)]))


RUN
"""


class Scene(NamedTuple):
    """Pieces of the program."""

    call: str = "session.get(PLAIN)"
    use: str = "await response.read()"
    given: str = "options = {}"
    prelude: str = ""
    run: str = "asyncio.run(main())"

    @property
    def program(self) -> str:
        code = PROGRAM
        for name, piece in self._asdict().items():
            code = code.replace(name.upper(), piece)
        return code


ON_UVLOOP = "import uvloop; uvloop.run(main())"
NO_AIODNS = "sys.modules['aiodns'] = None"
LOCALHOST = "session.get(PLAIN.replace('127.0.0.1', 'localhost'))"
OWN = "options = {'connector': httptrace.TCPConnector(resolver=httptrace.%s())}"
DIGEST = "digest = httptrace.DigestAuthMiddleware('a', 'b'); options = {}"
FINGERPRINT = "ssl = httptrace.Fingerprint(bytes.fromhex(FINGERPRINT)); options = {}"
LIMITS = "timeout=httptrace.ClientTimeout(total=5, connect=5, sock_connect=5, sock_read=5)"
FILE = "open(sys.executable, 'rb')"

SCENES = {
    "plain": Scene(),
    "plain on uvloop": Scene(run=ON_UVLOOP),
    "looked up": Scene(LOCALHOST),
    "looked up without aiodns": Scene(LOCALHOST, prelude=NO_AIODNS),
    "looked up by the system": Scene(LOCALHOST, given=OWN % "ThreadedResolver"),
    "looked up by c-ares": Scene(LOCALHOST, given=OWN % "AsyncResolver"),
    "international": Scene(
        "session.get(IDN)",
        given="options = {'connector': httptrace.TCPConnector(resolver=Loopback())}",
    ),
    "TLS": Scene("session.get(TLS)"),
    "TLS on uvloop": Scene("session.get(TLS)", run=ON_UVLOOP),
    "TLS without aiodns": Scene("session.get(TLS)", prelude=NO_AIODNS),
    "TLS unverified": Scene("session.get(TLS, ssl=False)"),
    "TLS by fingerprint": Scene("session.get(TLS, ssl=ssl)", given=FINGERPRINT),
    "gzip": Scene("session.get(PLAIN + '/gzip')"),
    "deflate": Scene("session.get(PLAIN + '/deflate')"),
    "br": Scene("session.get(PLAIN + '/br')"),
    "zstd": Scene("session.get(PLAIN + '/zstd')"),
    "chunked": Scene("session.get(PLAIN + '/chunked')"),
    "cookie received": Scene("session.get(PLAIN + '/cookie')", "response.cookies"),
    "cookie sent": Scene("session.get(PLAIN, cookies={'a': 'b'})"),
    "JSON": Scene("session.post(PLAIN + '/json', json=[1])", "await response.json()"),
    "text": Scene("session.get(PLAIN + '/text')", "await response.text()"),
    "events": Scene(
        "session.get(PLAIN + '/events')", "_ = [event async for event in response.sse()]"
    ),
    "form": Scene("session.post(PLAIN, data={'a': 'b'})"),
    "multipart": Scene("session.post(PLAIN, data={'a': " + FILE + "})"),
    "file": Scene("session.post(PLAIN, data=" + FILE + ")"),
    "compressed upload": Scene("session.post(PLAIN, data='x' * 999, compress='gzip')"),
    "redirect": Scene("session.get(PLAIN + '/redirect')"),
    "Basic": Scene("session.get(PLAIN, auth=httptrace.BasicAuth('a', 'b'))"),
    "Digest": Scene("session.get(PLAIN + '/digest', middlewares=[digest])", given=DIGEST),
    "environment": Scene(given="options = {'trust_env': True}"),
    "time limits": Scene("session.get(PLAIN, " + LIMITS + ")"),
    "WebSocket": Scene(
        "session.ws_connect(PLAIN + '/websocket', compress=15)",
        "_ = [message async for message in response]",
    ),
}

ANSWERS = {
    "/cookie": response_bytes(
        200, b"", ("Set-Cookie", "a=b; Path=/; Expires=Wed, 09 Jun 2100 10:18:14 GMT")
    ),
    "/json": response_bytes(200, b"[1]", ("Content-Type", "application/json; charset=utf-8")),
    "/text": response_bytes(200, b"\xe9", ("Content-Type", "text/plain; charset=iso-8859-1")),
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "/redirect": response_bytes(302, b"", ("Location", "/cookie")),
    "/events": response_bytes(200, b"data: 1\n\n", ("Content-Type", "text/event-stream")),
    "/digest": response_bytes(
        *(401, b""),
        ("WWW-Authenticate", 'Digest realm="x", qop="auth", algorithm=SHA-256, nonce="n"'),
    ),
}


async def serve(peer: Peer) -> None:
    while True:
        request = await peer.request()
        if request.path == "/websocket":
            await peer.send(_upgrade(request))
            await peer.send(b"\x81\x02hi\x88\x02\x03\xe8")
            await peer.hang()
        await peer.send(_answer(request))


def _answer(request: ReceivedRequest) -> bytes:
    coding = request.path[1:]
    if coding in PACK:
        return response_bytes(200, PACK[coding](b"hello" * 100), ("Content-Encoding", coding))
    if request.header("Authorization"):
        return response_bytes(200, b"welcome")
    return ANSWERS.get(request.path, response_bytes(200, b"hello", ("X-Unknown", "1")))


def _upgrade(request: ReceivedRequest) -> bytes:
    key = (request.header("Sec-WebSocket-Key") or "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", "Sec-WebSocket-Extensions: permessage-deflate"]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("name", SCENES)
async def test_nothing_is_imported(name: str, ca: CertificateAuthority, tmp_path: Path) -> None:
    """A fresh program imports nothing from the making of its session to the end of a request.

    A WebSocket's own modules are imported before its request starts, and so are in none of its
    phases.
    """
    certificate = ca.issue()
    async with (
        ScriptedServer(serve) as plain,
        ScriptedServer(serve, ssl=certificate.server_context()) as secure,
    ):
        urls = [plain.url, secure.url.replace("127.0.0.1", "localhost")]
        urls.append(plain.url.replace("127.0.0.1", "bücher.test"))
        program = [sys.executable, "-W", "error", "-c", SCENES[name].program]
        trusted = {"SSL_CERT_FILE": str(ca.save(tmp_path / "ca.pem"))}
        ran = await run([*program, *urls, certificate.fingerprint.hex()], **trusted)
    assert (ran.code, ran.err) == (0, "")
    outcome, during, before = json.loads(ran.out)
    assert (outcome, during) == ("completed", [])
    assert before == [] or name == "WebSocket"
