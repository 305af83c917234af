"""Each kind of failure has its own exit code and a one-line message."""

from __future__ import annotations

import asyncio
import shlex
import signal
from pathlib import Path

import pytest
from tests.servers.fixtures import ScriptedFactory

from httptrace.demo.servers import BundledServers
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import response_bytes
from httptrace.testing.unreachable import refused_port

from .running import COMMAND, INTERRUPTIBLE, httptrace, in_process, run

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])

FOUND = response_bytes(302, b"", ("Location", "/again"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "the following arguments are required: URL"),
        (["--nonsense", "http://x/"], 2, "unrecognized arguments: --nonsense"),
        (["-m", "soon", "http://x/"], 2, "'soon' is not a number of seconds"),
        (["--repeat", "0", "http://x/"], 2, "'0' is not a whole number above 0"),
        (["-H", "nonsense", "http://x/"], 2, "-H 'nonsense' is not a header"),
        (["-H", "a b: c", "http://x/"], 2, "a b"),
        (["-b", "jar.txt", "http://x/"], 2, "-b 'jar.txt': a cookie is 'name=value'"),
        (["-X", "G T", "http://x/"], 2, "G T"),
        (["--resolve", "x:80", "http://x/"], 2, "--resolve 'x:80' is not HOST:PORT:ADDRESS"),
        (["--resolve", "x:80:y", "http://x/"], 2, "'y' is not an IP address"),
        (["--json-timeline", "-o", "-", "http://x/"], 2, "both write to standard output"),
        (["-I", "-d", "x", "http://x/"], 2, "-I and -d exclude each other"),
        (["-G", "--json", "1", "http://x/"], 2, "-G and --json exclude each other"),
        (["-O", "http://x/"], 2, "-O finds no file name"),
        (["ftp://x/"], 1, "url: ftp://x/: the scheme must be one of http, https"),
        (["http://"], 3, "url: http:// - it has no host"),
        (["http://x:99999/"], 3, "url: http://x:99999/ - "),
        (["http://[x/"], 3, "url: http://[x/ - Invalid IPv6 URL"),
        (["-F", "nonsense", "http://x/"], 2, "-F 'nonsense' is not NAME=TEXT or NAME=@FILE"),
        (["-F", "=b", "http://x/"], 2, "-F '=b' is not NAME=TEXT"),
        (["-F", "a=b;type=text", "http://x/"], 2, "type= needs a media type"),
        (["-F", "a=b;headers=X", "http://x/"], 2, "'X' is not a header field"),
        (["-F", "a=(;type=x/y", "http://x/"], 2, "nested parts are not supported"),
        (["-F", "a=b;encoder=base64", "http://x/"], 2, "encoder= is not supported"),
        (["-F", "a=@", "http://x/"], 26, "-F"),
        (["-F", "a=b;headers=Content-Length: 1", "http://x/"], 2, "Content-Length"),
        (["-b", "a=b", "-b", "jar.txt", "http://x/"], 2, "-b 'jar.txt'"),
        (["-F", "a=b", "-d", "c", "http://x/"], 2, "-F excludes -d, -G and -I"),
        (["-F", "a=@/nowhere/at/all", "http://x/"], 26, "/nowhere/at/all cannot be read"),
        (["--max-redirs", "x", "http://x/"], 2, "'x' is neither a whole number nor -1"),
        (["-d", "@/nowhere/at/all", "http://x/"], 26, "/nowhere/at/all cannot be read"),
        (["--cacert", "/nowhere/at/all", "https://x/"], 77, "--cacert /nowhere/at/all"),
        (["--cacert", "", "https://x/"], 77, "--cacert needs the name of a file"),
        (["-u", "\udcff:x", "http://x/"], 2, "user name and password must be UTF-8"),
        (["--repeat", "9" * 5000, "http://x/"], 2, "is not a whole number above 0"),
    ],
)
async def test_before_anything_is_sent(arguments: list[str], code: int, message: str) -> None:
    """Arguments that cannot be sent are refused with a line that names them."""
    ran = await in_process(*arguments)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.startswith("httptrace: ")
    assert message in ran.err
    assert ran.err.count("\n") == 1


async def test_no_address() -> None:
    """A host without an address: 6."""
    ran = await httptrace("http://nowhere.invalid/")
    assert ran.code == 6
    assert ran.err.startswith("httptrace: dns: no address for host nowhere.invalid")


async def test_refused(servers: BundledServers) -> None:
    """A connection that is refused: 7, and the waterfall ends there."""
    ran = await httptrace(servers.refused)
    assert ran.code == 7
    host = servers.refused.removeprefix("http://")
    assert ran.err == f"httptrace: connect: no connection to {host}: Connection refused\n"


async def test_refused_at_an_ipv6_address() -> None:
    """An IPv6 address is shown in brackets, and once."""
    with refused_port("::1") as port:
        ran = await httptrace(f"http://[::1]:{port}/")
    assert ran.err == f"httptrace: connect: no connection to [::1]:{port}: Connection refused\n"
    assert "→ ClientConnectorError in connect" in ran.out


async def test_timeouts(servers: BundledServers) -> None:
    """A limit that is reached: 28, with the phase in which it was reached."""
    port = servers.dead.rpartition(":")[2]
    pin = f"dead.example:{port}:127.0.0.2"
    waiting, handshaking, connecting = await asyncio.gather(
        httptrace("-m", "0.3", servers.hang),
        httptrace("-m", "0.3", "-k", servers.hang_tls),
        httptrace("--connect-timeout", "0.3", "--resolve", pin, servers.dead),
    )
    assert [ran.code for ran in (waiting, handshaking, connecting)] == [28, 28, 28]
    assert waiting.err == "httptrace: wait: no response within 0.3 s\n"
    assert handshaking.err == "httptrace: tls: the TLS handshake was not complete within 0.3 s\n"
    assert connecting.err == "httptrace: connect: no connection within 0.3 s\n"


async def test_timeout_in_the_body(servers: BundledServers) -> None:
    """A limit that is reached while the body is received: 28, and the status is shown."""
    ran = await httptrace("-m", "0.3", f"{servers.http}/slow-body/50")
    assert ran.code == 28
    assert ran.err == "httptrace: receive: the response was not complete within 0.3 s\n"
    assert "→ 200 OK, then TotalTimeoutError" in ran.out


async def test_certificates(servers: BundledServers) -> None:
    """A certificate that is rejected: 60, with what is wrong with it."""
    expired = await httptrace("--cacert", str(servers.ca_path), servers.expired)
    unknown = await httptrace(servers.https)
    assert (expired.code, unknown.code) == (60, 60)
    assert expired.err.startswith("httptrace: tls: certificate has expired on 2")
    assert "certificate is issued by httptrace demonstration, which is not trusted" in unknown.err


async def test_no_tls(scripted: ScriptedFactory) -> None:
    """A server that does not speak TLS: 35."""

    async def script(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = await scripted(script)
    ran = await httptrace(server.url.replace("http:", "https:"))
    assert ran.code == 35
    assert ran.err.startswith("httptrace: tls: no TLS with 127.0.0.1:")


async def test_fail(servers: BundledServers) -> None:
    """``--fail`` exits with 22 for a status of 400 and above, and discards the body."""
    ran = await httptrace("-f", "-o", "-", f"{servers.http}/status/404")
    assert ran.code == 22
    assert ran.out == ""
    assert "httptrace: status: 404 Not Found\n" in ran.err


async def test_too_many_redirects(scripted: ScriptedFactory) -> None:
    """More redirects than ``--max-redirs``: 47."""
    server = await scripted(FOUND)
    ran = await httptrace("-L", "--max-redirs", "3", server.url)
    assert ran.code == 47
    assert ran.err == "httptrace: redirect: more than 3 redirects\n"
    assert len(server.requests) == 4


async def test_as_many_redirects_as_allowed(servers: BundledServers) -> None:
    """``--max-redirs`` is the number of followed redirects, as in curl: 0 for none, -1 for all."""
    codes = {"0": 47, "1": 47, "2": 0, "-1": 0}
    for number, code in codes.items():
        ran = await in_process("-L", "--max-redirs", number, f"{servers.http}/redirect/2")
        assert (number, ran.code) == (number, code)


async def test_redirect_to_another_scheme(scripted: ScriptedFactory) -> None:
    """A redirect to a scheme other than http and https: 1."""
    server = await scripted(response_bytes(302, b"", ("Location", "ftp://x/")))
    ran = await httptrace("-L", server.url)
    assert ran.code == 1


async def test_no_answer(scripted: ScriptedFactory) -> None:
    """A connection that is closed without a response: 52."""

    async def script(peer: Peer) -> None:
        await peer.request()

    server = await scripted(script)
    ran = await httptrace(server.url)
    assert ran.code == 52
    assert ran.err == "httptrace: wait: the server closed the connection without a response\n"


async def test_reset(scripted: ScriptedFactory) -> None:
    """A connection that is reset before the response: 56."""

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    server = await scripted(script)
    ran = await httptrace(server.url)
    assert ran.code == 56
    assert ran.err.startswith("httptrace: wait: the connection was lost: ")


async def test_cut_body(servers: BundledServers) -> None:
    """An incomplete body: 18, and the received bytes are kept."""
    ran = await httptrace(f"{servers.http}/cut")
    assert ran.code == 18
    assert ran.err.startswith("httptrace: receive: the body is incomplete: 300 bytes")
    assert "→ 200 OK, then ClientPayloadError" in ran.out


async def test_garbage(scripted: ScriptedFactory) -> None:
    """A response that is not HTTP: 8."""
    server = await scripted(b"SSH-2.0-OpenSSH_9.2\r\n")
    ran = await httptrace(server.url)
    assert ran.code == 8


async def test_bad_coding(scripted: ScriptedFactory) -> None:
    """A body with a malformed content coding: 61."""
    server = await scripted(response_bytes(200, b"no gzip", ("Content-Encoding", "gzip")))
    ran = await httptrace("--compressed", server.url)
    assert ran.code == 61
    assert ran.err.startswith("httptrace: receive: ")


async def test_unknown_coding(scripted: ScriptedFactory) -> None:
    """A coding that ``--compressed`` cannot decode: 61. Without it the body is not decoded."""
    answer = response_bytes(200, b"tea", ("Content-Encoding", "zip"))
    server = await scripted(answer)
    ran = await httptrace("--compressed", server.url)
    assert ran.code == 61
    assert ran.err == "httptrace: receive: the content coding 'zip' is not supported\n"
    ran = await httptrace("-o", "-", server.url)
    assert (ran.code, ran.out) == (0, "tea")


async def test_not_writable(servers: BundledServers, tmp_path: Path) -> None:
    """A body that cannot be written to its file: 23."""
    ran = await httptrace("-o", str(tmp_path), f"{servers.http}/hello")
    assert ran.code == 23
    assert f"httptrace: output: {tmp_path} cannot be written: Is a directory\n" in ran.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
async def test_streams_that_are_full(servers: BundledServers) -> None:
    """A report that cannot be written: 23; an error message that cannot be written: no change."""
    with refused_port() as port:
        for arguments, stream, code in (
            ([f"{servers.http}/get"], 1, 23),
            (["--json-timeline", f"{servers.http}/get"], 1, 23),
            ([f"http://127.0.0.1:{port}/"], 2, 7),
            (["--nonsense"], 2, 2),
        ):
            words = shlex.join([*COMMAND, *arguments])
            ran = await run(["sh", "-c", f"{words} {stream}>/dev/full"])
            assert ran.code == code, ran
            if code == 23:
                told = "httptrace: output: the report cannot be written: No space left on device\n"
                assert ran.err == told


async def test_proxies(servers: BundledServers) -> None:
    """A proxy without an address: 5; one that refuses: 7; one that opens no tunnel: 56."""
    runs = await asyncio.gather(
        httptrace("-x", "http://nowhere.invalid", "http://any.example/"),
        httptrace("-x", servers.refused, "http://any.example/"),
        httptrace("-x", servers.http, "https://any.example/"),
    )
    assert [ran.code for ran in runs] == [5, 7, 56]
    assert runs[0].err.startswith("httptrace: dns: no address for host nowhere.invalid")
    assert runs[1].err.startswith("httptrace: connect: no connection: proxy http://127.0.0.1:")
    assert runs[2].err == "httptrace: connect: the proxy refused the tunnel: 404 Not Found\n"


async def test_last_failure_counts(servers: BundledServers) -> None:
    """Of several requests, the last one that failed gives the exit code."""
    ran = await httptrace(servers.refused, f"{servers.http}/cut", f"{servers.http}/hello")
    assert ran.code == 18


async def test_silence(servers: BundledServers) -> None:
    """``-s`` hides the error, and ``-S`` shows it again."""
    assert (await httptrace("-s", servers.refused)).err == ""
    assert (await httptrace("-sS", servers.refused)).err.startswith("httptrace: connect: ")


async def test_interrupt(servers: BundledServers) -> None:
    """Ctrl-C: 130, with the waterfall so far and no traceback."""
    process = await asyncio.create_subprocess_exec(
        *(*INTERRUPTIBLE, "-o", "-", f"{servers.http}/slow-body/100"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # now the body comes
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert "→ 200 OK, then cancelled" in err.decode()
    assert "Traceback" not in err.decode()
