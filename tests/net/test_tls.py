"""TLS with real servers: what is negotiated, what is refused, and the errors."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from httptrace.errors import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ConnectionTimeoutError,
    ServerFingerprintMismatch,
)
from httptrace.net import tls
from httptrace.net.local_dialers import UnixDialer
from httptrace.net.tcp_dialer import TCPDialer
from httptrace.net.tls import Fingerprint
from httptrace.testing.certificates import CertificateAuthority, self_signed
from httptrace.testing.peer import Peer
from httptrace.testing.scripted import ScriptedServer, hang
from httptrace.trace.config import TraceConfig

from .recording import Listened, Stream, gone, key

pytestmark = pytest.mark.usefixtures("nothing_stays")

FAILED = [
    "socket_connect_start",
    "socket_connect_end",
    "tls_handshake_start",
    "tls_handshake_exception",
]
DONE = [*FAILED[:3], "tls_handshake_end"]


async def dial(record: Listened, port: int, host: str = "127.0.0.1", **more: Any) -> Stream:
    """Connect with TLS to a server on loopback."""
    dialer = TCPDialer(happy_eyeballs_delay=None, family=2)
    try:
        limit = more.pop("sock_connect", 5)
        return await dialer.connect(
            key(host, port, True, **more), record, asyncio.Protocol, sock_connect=limit
        )
    finally:
        await dialer.close()


# --- what is agreed ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_facts(version: str, ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """A handshake records version, cipher, protocol and the verified certificate."""
    certificate = ca.issue("localhost", "127.0.0.1")
    context = certificate.server_context(alpn=["h2", "http/1.1"])
    context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    async with ScriptedServer(hang, ssl=context) as server:
        record = Listened()
        stream = await dial(record, server.port, ssl=trusting)
        assert record.names == DONE
        assert record.phases == ["connect", "queue", "tls", "queue"]
        assert record.events("tls_handshake_start")[0].server_hostname == "127.0.0.1"
        facts = record.tls
        assert facts is not None
        assert (facts.version, facts.alpn, facts.session_reused) == (version, "http/1.1", False)
        assert facts.cipher
        assert facts.peer_subject == "localhost"
        assert facts.peer_expiry == certificate.not_after.date().isoformat()
        (told,) = record.events("tls_handshake_end")
        assert tuple(getattr(told, field) for field in facts._fields) == facts
        await gone(stream)


@pytest.mark.parametrize(
    ("host", "server_hostname", "asked"),
    [
        ("localhost", None, "localhost"),
        ("127.0.0.1", "localhost", "localhost"),
        ("127.0.0.1", "localhost.", "localhost"),
        ("127.0.0.1", None, None),
    ],
)
async def test_sni(
    host: str,
    server_hostname: str | None,
    asked: str | None,
    ca: CertificateAuthority,
    trusting: ssl.SSLContext,
) -> None:
    """The host, or the given server name, is sent as SNI; an address is not."""
    seen: list[str | None] = []
    context = ca.issue().server_context(server_names=seen)
    async with ScriptedServer(hang, ssl=context) as server:
        stream = await dial(
            Listened(), server.port, host, ssl=trusting, server_hostname=server_hostname
        )
        assert seen == [asked]
        await gone(stream)


def _link_local() -> str | None:
    """A link-local address of this machine with its zone id, from Linux's list of addresses."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return None
    for packed, *_, name in map(str.split, lines):
        if packed.startswith("fe80"):
            return f"{ipaddress.IPv6Address(bytes.fromhex(packed))}%{name}"
    return None


@pytest.mark.parametrize("address", ["::1%lo", "link-local"])
async def test_zone_ids(address: str, ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """An IPv6 zone id is neither sent as SNI nor compared with the certificate."""
    if address == "link-local" and (address := _link_local() or "") == "":
        pytest.skip("this machine has no link-local address")
    ip = address.partition("%")[0]
    seen: list[str | None] = []
    context = ca.issue(ip).server_context(server_names=seen)
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(ScriptedServer(hang, host="::", ssl=context))
        except OSError as exc:
            pytest.skip(f"no IPv6 on this machine: {exc}")
        record = Listened()
        for host in (address, address.replace("%", "%25")):
            stream = await dial(record, server.port, host, ssl=trusting)
            await gone(stream)
        assert seen == [None, None]
        names = [event.server_hostname for event in record.events("tls_handshake_start")]
        assert names == [ip, ip]


async def test_client_certificate(ca: CertificateAuthority) -> None:
    """The certificate of a context is sent to a server that requests one."""
    context = ca.client_context(ca.issue("client"))
    async with ScriptedServer(hang, ssl=ca.issue().server_context(client_ca=ca)) as server:
        stream = await dial(Listened(), server.port, ssl=context)
        while not server.connections or not server.connections[0]._secured:
            await asyncio.sleep(0.001)
        assert server.connections[0].tls is not None
        shown = server.connections[0].tls.getpeercert()
        assert shown is not None
        assert shown["subject"] == ((("commonName", "client"),),)
        await gone(stream)


async def test_a_missing_client_certificate(
    ca: CertificateAuthority, trusting: ssl.SSLContext
) -> None:
    """A server that requires a certificate and gets none fails the handshake (TLS 1.2)."""
    context = ca.issue().server_context(client_ca=ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with ScriptedServer(hang, ssl=context) as server:
        record = Listened()
        with pytest.raises(ClientConnectorSSLError):
            await dial(record, server.port, ssl=trusting)
        assert await record.flushed() == FAILED


async def test_a_client_that_is_refused_after_its_handshake(
    ca: CertificateAuthority, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In TLS 1.3 the refusal arrives late; if it is there at once, it is the error."""
    loop = asyncio.get_running_loop()
    start_tls = loop.start_tls

    async def until_refused(*args: Any, **options: Any) -> Any:
        transport = await start_tls(*args, **options)
        assert transport is not None
        while True:
            try:
                transport.get_extra_info("ssl_object").getpeercert()
            except ValueError:  # the session is not one any more
                return transport
            await asyncio.sleep(0)

    monkeypatch.setattr(loop, "start_tls", until_refused)
    context = ca.issue().server_context(client_ca=ca)
    async with ScriptedServer(hang, ssl=context) as server:
        record = Listened()
        with pytest.raises(ClientConnectorSSLError, match="CERTIFICATE_REQUIRED"):
            await dial(record, server.port, ssl=trusting)
        assert await record.flushed() == FAILED
        record.assert_spans_are_closed()


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_the_loop_gives_up(trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """When asyncio ends a handshake that takes too long, the error says so."""
    monkeypatch.setattr("asyncio.constants.SSL_HANDSHAKE_TIMEOUT", 0.05)
    async with ScriptedServer(hang) as server:
        record = Listened()
        with pytest.raises(ClientConnectorError, match="SSL handshake is taking longer than"):
            await dial(record, server.port, ssl=trusting, sock_connect=None)
        assert await record.flushed() == FAILED


async def test_unverified() -> None:
    """ssl=False accepts any certificate, and records nothing that was not verified."""
    certificate = self_signed("other.example")
    async with ScriptedServer(hang, ssl=certificate.server_context(alpn=["http/1.1"])) as server:
        record = Listened()
        stream = await dial(record, server.port, ssl=False)
        assert record.tls is not None
        assert (record.tls.alpn, record.tls.peer_subject) == ("http/1.1", None)
        await gone(stream)


async def test_the_connectors_default(ca: CertificateAuthority) -> None:
    """The connector's `ssl` applies to requests without their own."""
    async with ScriptedServer(hang, ssl=self_signed().server_context()) as server:
        dialer = TCPDialer(ssl=False)
        where = key("127.0.0.1", server.port, True)
        stream = await dialer.connect(where, Listened(), asyncio.Protocol, sock_connect=5)
        await gone(stream)
        with pytest.raises(ClientConnectorCertificateError):
            await dialer.connect(
                where._replace(ssl=ca.client_context()),
                Listened(),
                asyncio.Protocol,
                sock_connect=5,
            )


async def test_unix(tmp_path: Path, ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """TLS works over a Unix socket, verified for the URL's host."""
    path = str(tmp_path / "socket")
    context = ca.issue("localhost").server_context()
    async with ScriptedServer(hang, unix_path=path, ssl=context):
        record = Listened()
        stream = await UnixDialer(path, ssl=trusting).connect(
            key("localhost", 443, True), record, asyncio.Protocol, sock_connect=5
        )
        assert record.names == DONE
        await gone(stream)


# --- what is refused --------------------------------------------------------------------------


async def refusal(record: Listened, port: int, host: str, context: Any) -> str:
    """The problem with the certificate, as in the error."""
    with pytest.raises(ClientConnectorCertificateError) as caught:
        await dial(record, port, host, ssl=context)
    error = caught.value.certificate_error
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert error.reason == "CERTIFICATE_VERIFY_FAILED"
    assert (caught.value.errno, caught.value.strerror) == (error.errno, error.strerror)
    names = await record.flushed()
    assert [name for name in names if not name.startswith("dns")] == FAILED
    assert record.events("tls_handshake_exception")[0].exception is caught.value
    assert record.phase == "tls"
    problem: str = error.verify_message
    assert problem in str(caught.value)
    return problem


async def test_expired(ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """The error of an expired certificate has its last day."""
    certificate = ca.issue_expired()
    async with ScriptedServer(hang, ssl=certificate.server_context()) as server:
        problem = await refusal(Listened(), server.port, "127.0.0.1", trusting)
    assert problem == f"certificate has expired on {certificate.not_after.date()}"


async def test_not_yet_valid(ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """The error of a certificate that is not valid yet has its first day."""
    async with ScriptedServer(hang, ssl=ca.issue_not_yet_valid().server_context()) as server:
        problem = await refusal(Listened(), server.port, "127.0.0.1", trusting)
    assert problem.startswith("certificate is not valid before 20")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_wrong_host(host: str, ca: CertificateAuthority, trusting: ssl.SSLContext) -> None:
    """The error of a certificate for another host has its names and the expected one."""
    context = ca.issue("a.example", "b.example").server_context()
    async with ScriptedServer(hang, ssl=context) as server:
        problem = await refusal(Listened(), server.port, host, trusting)
    assert problem == f"certificate is for a.example, b.example, not for {host}"


async def test_self_signed(trusting: ssl.SSLContext) -> None:
    """The error of a self-signed certificate has its subject."""
    async with ScriptedServer(hang, ssl=self_signed("127.0.0.1").server_context()) as server:
        problem = await refusal(Listened(), server.port, "127.0.0.1", trusting)
    assert problem == "self-signed certificate of 127.0.0.1"


async def test_unknown_authority(ca: CertificateAuthority) -> None:
    """The error of a certificate of an unknown authority has its issuer."""
    async with ScriptedServer(hang, ssl=ca.issue().server_context()) as server:
        problem = await refusal(Listened(), server.port, "127.0.0.1", True)
    assert "issued by httptrace test authority, which is not trusted" in problem


@pytest.mark.parametrize("own", ["unknown authority", "self-signed"])
async def test_how_to_trust(own: str, ca: CertificateAuthority) -> None:
    """The error of a certificate without a trusted issuer says how to trust it with `ssl=`."""
    certificate = ca.issue() if own == "unknown authority" else self_signed()
    async with ScriptedServer(hang, ssl=certificate.server_context()) as server:
        with pytest.raises(ClientConnectorCertificateError) as caught:
            await dial(Listened(), server.port)
    for advice in ("pass ssl=ssl.create_default_context(cafile=...)", "ssl=truststore.SSLContext("):
        assert advice in str(caught.value)


async def test_advice_about_trust_is_for_untrusted_issuers(
    ca: CertificateAuthority, trusting: ssl.SSLContext
) -> None:
    """The error of a certificate that is not valid now has no advice about trust."""
    async with ScriptedServer(hang, ssl=ca.issue_expired().server_context()) as server:
        with pytest.raises(ClientConnectorCertificateError) as caught:
            await dial(Listened(), server.port, ssl=trusting)
    assert "has expired" in str(caught.value) and "pass ssl=" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="HTTP"),
        pytest.param(b"<!DOCTYPE HTML>\n<html lang='en'>", id="HTTP/0.9"),
        pytest.param(b"220 mail.example ESMTP\r\n", id="SMTP"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="SSH"),
    ],
)
async def test_a_server_without_tls(answer: bytes) -> None:
    """A server that does not speak TLS fails the handshake with an error that says so."""

    async def plain(peer: Peer) -> None:
        await peer.receive()
        await peer.send(answer)

    async with ScriptedServer(plain) as server:
        record = Listened()
        with pytest.raises(ClientConnectorSSLError, match=r"(?i)wrong.version|record") as caught:
            await dial(record, server.port, ssl=False)
        assert await record.flushed() == FAILED
    text = f"the server at 127.0.0.1:{server.port} answered with something other than TLS"
    assert f"{text}, perhaps plain HTTP: use http:// for that" in str(caught.value)
    assert isinstance(caught.value.os_error, ssl.SSLError)
    assert caught.value.os_error.reason is not None


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_closed_in_the_handshake(how: str) -> None:
    """If a server closes during the handshake, the error says so."""

    async def leave(peer: Peer) -> None:
        await peer.receive()
        getattr(peer, how)()

    async with ScriptedServer(leave) as server:
        record = Listened()
        with pytest.raises(ClientConnectorError, match="in the TLS handshake: "):
            await dial(record, server.port, ssl=False)
        assert await record.flushed() == FAILED


async def test_silence_in_the_handshake() -> None:
    """`sock_connect` covers the handshake; its error has the phase, and its span the error."""
    async with ScriptedServer(hang) as server:
        record = Listened()
        with pytest.raises(ConnectionTimeoutError, match="tls not done within") as caught:
            await dial(record, server.port, ssl=False, sock_connect=0.05)
        assert (caught.value.phase, caught.value.limit) == ("tls", 0.05)
        assert await record.flushed() == FAILED
        assert record.events("tls_handshake_exception")[0].exception is caught.value


@pytest.mark.parametrize("name", ["a" * 64, ".example", "a..b", "a\0b"])
async def test_names_that_cannot_be_sent(name: str, port: int) -> None:
    """A server name that cannot be sent in a handshake is an error before a socket is opened."""
    record = Listened()
    with pytest.raises(ClientConnectorSSLError, match="cannot be sent as the server's name"):
        await dial(record, port, server_hostname=name)
    assert await record.flushed() == []


@pytest.mark.parametrize("signal", ["on_tls_handshake_start", "on_tls_handshake_end"])
async def test_a_raising_listener(signal: str, ca: CertificateAuthority) -> None:
    """A callback that raises around the handshake fails the request; nothing leaks."""

    async def fail(session: object, context: object, params: object) -> None:
        raise OSError("the listener is at fault")

    config = TraceConfig()
    getattr(config, signal).append(fail)
    config.freeze()
    record = Listened(config)
    async with ScriptedServer(hang, ssl=ca.issue().server_context()) as server:
        with pytest.raises(OSError, match="the listener is at fault"):
            await dial(record, server.port, ssl=False)
        await record.flushed()
        while not server.connections:
            await asyncio.sleep(0)
        assert await server.connections[0].until_closed() in ("eof", "reset")
    record.assert_spans_are_closed()


# --- fingerprints -----------------------------------------------------------------------------


@pytest.mark.parametrize("by_request", [True, False])
async def test_fingerprint(by_request: bool) -> None:
    """A fingerprint replaces verification, from the request or the connector."""
    certificate = self_signed()
    wanted = Fingerprint(certificate.fingerprint)
    async with ScriptedServer(hang, ssl=certificate.server_context()) as server:
        record = Listened()
        dialer = TCPDialer(ssl=True if by_request else wanted)
        stream = await dialer.connect(
            key("127.0.0.1", server.port, True, ssl=wanted if by_request else True),
            record,
            asyncio.Protocol,
            sock_connect=5,
        )
        assert record.names == DONE
        await gone(stream)


async def test_fingerprint_mismatch() -> None:
    """Another certificate fails the handshake; the error has both digests."""
    certificate = self_signed()
    async with ScriptedServer(hang, ssl=certificate.server_context()) as server:
        record = Listened()
        with pytest.raises(ServerFingerprintMismatch) as caught:
            await dial(record, server.port, ssl=Fingerprint(b"x" * 32))
        assert await record.flushed() == FAILED
        assert await server.connections[0].until_closed() in ("eof", "reset")
    error = caught.value
    assert (error.expected, error.got) == (b"x" * 32, certificate.fingerprint)
    assert (error.host, error.port) == ("127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("digest", "error", "text"),
    [
        (hashlib.md5(b"").digest(), ValueError, "insecure"),
        (hashlib.sha1(b"").digest(), ValueError, "insecure"),
        (b"short", ValueError, "32 bytes, got 5"),
        ("x" * 32, TypeError, "must be bytes"),
    ],
)
def test_unusable_fingerprints(digest: Any, error: type[Exception], text: str) -> None:
    """A fingerprint must be a SHA-256 digest."""
    with pytest.raises(error, match=text):
        Fingerprint(digest)


def test_equal_fingerprints() -> None:
    """Fingerprints of one certificate are equal, so their connections can be shared."""
    one, same, other = (Fingerprint(char * 32) for char in (b"x", b"x", b"y"))
    assert one == same and hash(one) == hash(same) and one != other
    assert one.fingerprint == b"x" * 32
    assert "xxx" in repr(one)


# --- contexts ---------------------------------------------------------------------------------


async def test_contexts_are_shared() -> None:
    """Both contexts are created once; the verified one is created in a thread."""
    contexts = await asyncio.gather(*(tls.context_for(True, True, Listened()) for _ in range(3)))
    assert len(set(map(id, contexts))) == 1
    assert contexts[0].verify_mode == ssl.CERT_REQUIRED
    assert contexts[0].check_hostname
    unverified = await tls.context_for(False, True, Listened())
    assert unverified is await tls.context_for(True, Fingerprint(b"x" * 32), Listened())
    assert unverified.verify_mode == ssl.CERT_NONE


async def test_the_requests_ssl_goes_first(trusting: ssl.SSLContext) -> None:
    """A request's `ssl` has precedence over the connector's."""
    assert await tls.context_for(trusting, False, Listened()) is trusting
    assert await tls.context_for(True, trusting, Listened()) is trusting
    assert await tls.context_for(False, trusting, Listened()) is tls.unverified_context()
