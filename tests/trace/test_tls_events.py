"""TLS in a request's events: what was negotiated, and the time of reading certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import httptrace
from httptrace.net import tls
from httptrace.testing import EventRecorder
from httptrace.testing.certificates import CertificateAuthority
from httptrace.trace.declare import record_of

from .conftest import MakeSession
from .sequences import ANSWERED, FAILED, SENT, SOCKET, START, TLS
from .test_exchanges import HELLO, fetch
from .test_timeline import PAUSE, PAUSE_NS, assert_partition

CREATE_START = ["connection_create_start"]
CREATE_END = ["connection_create_end", "connection_acquired"]
SECURE = [*START, *CREATE_START, *SOCKET, *TLS, *CREATE_END, *SENT, *ANSWERED]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
async def test_what_was_agreed(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    ca: CertificateAuthority,
    client_ssl: ssl.SSLContext,
    version: str,
) -> None:
    """Version, cipher, protocol and certificate are those of the session, in event and timeline."""
    certificate = ca.issue("localhost", "127.0.0.1")
    context = certificate.server_context(alpn=["http/1.1"])
    context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    client = ca.client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    server = await scripted(HELLO, ssl=context)
    session = make_session(connector=httptrace.TCPConnector(ssl=client))
    async with session.get(server.url) as response:
        await response.read()
    assert recorder.names() == SECURE
    (end,) = recorder.of("tls_handshake_end")
    there = server.connections[0].tls
    assert there is not None
    assert (end.version, end.cipher) == (version, there.cipher()[0])
    assert (end.alpn, end.session_reused) == ("http/1.1", False)
    assert end.peer_subject == "localhost"
    assert end.peer_expiry == certificate.not_after.date().isoformat()
    (hop,) = response.timeline.hops
    assert hop.tls is not None
    assert hop.tls._asdict() == {field.name: getattr(end, field.name) for field in end.fields}
    assert hop.to_dict()["tls"]["peer_expiry"] == end.peer_expiry


async def test_what_is_not_verified_is_not_told(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, server_ssl: ssl.SSLContext
) -> None:
    """With ``ssl=False`` there is nothing about the certificate; without ALPN no protocol."""
    server = await scripted(HELLO, ssl=server_ssl)
    await fetch(make_session(), "GET", server.url, ssl=False)
    (end,) = recorder.of("tls_handshake_end")
    assert (end.peer_subject, end.peer_expiry, end.alpn) == (None, None, None)


# --- the system's certificates --------------------------------------------------------------------


@pytest.fixture
def fresh(
    monkeypatch: pytest.MonkeyPatch, ca: CertificateAuthority, tmp_path: Path
) -> Iterator[None]:
    """The process has read no certificates yet, and the system trusts `ca`."""
    path = tmp_path / "ca.pem"
    path.write_bytes(ca.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setattr(tls, "_verified", None)
    yield


@contextmanager
def slow_disk() -> Iterator[None]:
    """Reading the certificates waits until the block ends."""
    with tls._loading:
        yield


async def until_read(task: asyncio.Task[Any], recorder: EventRecorder) -> None:
    """Wait until the request reads the certificates."""
    async with asyncio.timeout(5):
        while not (started := recorder.of(*CREATE_START)) or record_of(started[0]).phase == "queue":
            assert not task.done()
            await asyncio.sleep(0)


@pytest.mark.usefixtures("fresh")
async def test_reading_certificates_is_time_of_tls(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, server_ssl: ssl.SSLContext
) -> None:
    """The first https request of a process reads the system's certificates: that is TLS's time,
    the loop goes on meanwhile, and the next request does not pay for it."""
    server = await scripted(HELLO, ssl=server_ssl)
    session = make_session(connector=httptrace.TCPConnector(force_close=True))
    with slow_disk():
        task = asyncio.create_task(fetch(session, "GET", server.url))
        await until_read(task, recorder)
        await asyncio.sleep(PAUSE)
        assert not task.done()
    assert await task == b"hello"
    await fetch(session, "GET", server.url)
    first, second = recorder.timelines()
    assert first.phases_ns["tls"] >= PAUSE_NS > first.phases_ns["queue"]
    assert [phase for phase, _start, _end in first.hops[0].spans_ns] == [
        *["queue", "tls", "connect", "queue", "tls", "queue", "send", "wait", "receive"]
    ]
    assert [phase for phase, _start, _end in second.hops[0].spans_ns] == [
        *["queue", "connect", "queue", "tls", "queue", "send", "wait", "receive"]
    ]
    for timeline in (first, second):
        assert_partition(timeline)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("limit", ["total", "connect", None])
async def test_given_up_while_certificates_are_read(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    server_ssl: ssl.SSLContext,
    limit: str | None,
) -> None:
    """A request that ends while certificates are read ends in phase tls, without a socket."""
    server = await scripted(HELLO, ssl=server_ssl)
    session = make_session()
    limits = httptrace.ClientTimeout(**{limit: PAUSE} if limit else {})
    with slow_disk():
        task = asyncio.create_task(fetch(session, "GET", server.url, timeout=limits))
        await until_read(task, recorder)
        if limit is None:
            task.cancel()
        with pytest.raises((TimeoutError, asyncio.CancelledError)):
            await task
    assert recorder.names() == [*START, *CREATE_START, "connection_create_exception", *FAILED]
    exception = recorder.of("request_exception")[0]
    assert (exception.phase, exception.timeout) == ("tls", limit)
    assert server.connections == []
    assert await fetch(session, "GET", server.url) == b"hello"
