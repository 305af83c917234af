"""From a byte stream to a transport and its protocol, with a TLS handshake where TLS is wanted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, cast

from ..errors import ClientConnectorCertificateError, ClientConnectorSSLError
from ..trace.events import (
    TraceTlsHandshakeEndParams,
    TraceTlsHandshakeExceptionParams,
    TraceTlsHandshakeStartParams,
)
from .arguments import checked_seconds, checked_ssl
from .byte_streams import ByteStream, TransportPair, TransportStream
from .key import ProxyKey
from .sockets import reason
from .tls import (
    Fingerprint,
    HandshakeContext,
    SslParameter,
    context_for,
    explained_certificate_error,
    explained_tls_error,
    fingerprint_for,
    verified,
)

if TYPE_CHECKING:
    from ..trace.record import Record
    from .counters import DialCounters
    from .dialer import Dial
    from .key import ConnectionKey
    from .tls_transport import TlsTransport

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class TransportOpener:
    """Opens transports on byte streams; `ssl` is the connector's parameter."""

    def __init__(
        self, ssl: SslParameter, ssl_shutdown_timeout: float | None, counters: DialCounters
    ) -> None:
        self.ssl = checked_ssl(ssl)
        self._counters = counters
        seconds = checked_seconds("ssl_shutdown_timeout", ssl_shutdown_timeout)
        # Event loops reject 0. In aiohttp it means not to wait: connections are aborted.
        self._options: dict[str, Any] = {"ssl_shutdown_timeout": seconds} if seconds else {}

    async def context(self, key: ConnectionKey, record: Record) -> ssl.SSLContext | None:
        """The SSL context for a connection, made before its socket; None without TLS.

        Raises
        ------
        ClientConnectorSSLError
            When the server's name cannot be sent in a handshake.
        """
        if not key.is_ssl:
            return None
        _check_name(key)
        return await context_for(key.ssl, self.ssl, record)

    async def ssl_for_proxy(self, requested: SslParameter, record: Record) -> SslParameter:
        """The ``ssl`` for TLS with a proxy: the request's, except a fingerprint of the origin."""
        if Fingerprint in (type(requested), type(self.ssl)):
            return await verified(record)
        return requested

    async def open(
        self,
        stream: ByteStream,
        context: ssl.SSLContext | None,
        dial: Dial,
        protocol_factory: ProtocolFactory,
    ) -> TransportPair:
        """Hand the stream over to a protocol, with TLS if there is a context.

        If this raises, the stream is closed.

        Raises
        ------
        ClientSSLError, ServerFingerprintMismatch, ClientConnectorError
            When the handshake fails.
        ConnectionTimeoutError
            When the handshake takes too long.
        """
        try:
            protocol = protocol_factory()
            if context is None:
                return await stream.start_protocol(protocol)
            # The transport is made before the phase of TLS begins.
            below = await stream.over_transport()
        except BaseException:
            stream.abort()
            raise
        async with dial.within_tls():
            return await self._with_tls(below, context, dial, protocol)

    async def start_tls(
        self, stream: ByteStream, context: ssl.SSLContext, dial: Dial
    ) -> TransportStream:
        """A byte stream over TLS on this stream; raises as `open` does."""
        secured = TransportStream()
        await self.open(stream, context, dial, lambda: secured)
        return secured

    async def _with_tls(
        self,
        stream: TransportStream,
        context: ssl.SSLContext,
        dial: Dial,
        protocol: asyncio.BaseProtocol,
    ) -> TransportPair:
        key, record = dial.key, dial.record
        record.enter("tls")
        try:
            if record.trace is not None:
                await record.trace.tell(TraceTlsHandshakeStartParams, record, 0, server_name(key))
            pair = await self._handshake(stream, context, dial, protocol)
        except BaseException as exc:
            stream.abort()
            self._counters.tls_failed += 1
            if record.trace is not None:
                seen = record.error_for_caller(exc)
                record.trace.note(TraceTlsHandshakeExceptionParams, record, 0, seen)
            raise
        self._counters.tls_handshakes += 1
        return await _recorded(pair, record)

    async def _handshake(
        self,
        stream: TransportStream,
        context: ssl.SSLContext,
        dial: Dial,
        protocol: asyncio.BaseProtocol,
    ) -> TransportPair:
        key, name = dial.key, server_name(dial.key)
        handshake = HandshakeContext(context, partial(_handshake_begins, dial.record))
        tls = {"ssl": handshake.as_context(), "server_hostname": name, **self._options}
        try:
            pair = await stream.start_tls(protocol, **tls)
        except OSError as exc:
            raise _translated(exc, key, handshake) from exc
        self.check_fingerprint(pair[0], key)
        return pair

    def check_fingerprint(self, transport: asyncio.Transport, key: ConnectionKey) -> None:
        """Compare the peer's certificate with the fingerprint, if one is set for the host.

        Raises
        ------
        ServerFingerprintMismatch
            If they differ; the transport is closed.
        """
        fingerprint = fingerprint_for(key.ssl, self.ssl)
        if fingerprint is None or isinstance(key, ProxyKey):
            return
        try:
            fingerprint.check(transport)
        except ValueError as exc:  # the server has already ended the session
            transport.abort()
            text = "in the TLS handshake: the server closed the connection"
            raise key.failure(OSError(None, text)) from exc
        except BaseException:
            transport.abort()
            raise


def _handshake_begins(record: Record) -> None:
    """Move the begin of TLS to now: the loop starts the handshake some turns after it was asked."""
    if record.marks:
        record.marks[-1] = ("tls", perf_counter_ns())


async def _recorded(pair: TransportPair, record: Record) -> TransportPair:
    """Store the results of the handshake in the record, and emit the event."""
    facts = record.tls = cast("TlsTransport", pair[0]).facts
    record.enter("queue")  # until the loop uses the connection
    if record.trace is not None:
        try:
            await record.trace.tell(TraceTlsHandshakeEndParams, record, 0, *facts)
        except BaseException:
            pair[0].abort()
            raise
    return pair


# --- names ------------------------------------------------------------------------------------


def server_name(key: ConnectionKey) -> str:
    """The name for SNI and verification, without a final dot (RFC 6066 §3) or an IPv6 zone id.

    A zone id has a meaning on this machine only (RFC 6874 §4), and certificates have none.
    """
    return (key.server_hostname or key.host).rstrip(".").partition("%")[0]


def _check_name(key: ConnectionKey) -> None:
    name = server_name(key)
    try:
        if not name or name.startswith(".") or "\0" in name:
            raise ValueError("it is not a host name")
        name.encode("idna")
    except ValueError as exc:
        text = f"{name!r} cannot be sent as the server's name: {exc}"
        raise ClientConnectorSSLError(key, ssl.SSLError(1, text)) from exc


# --- errors -----------------------------------------------------------------------------------


def _translated(exc: OSError, key: ConnectionKey, handshake: HandshakeContext) -> Exception:
    if isinstance(exc, ssl.SSLCertVerificationError):
        error = explained_certificate_error(exc, handshake.peer_chain(), server_name(key))
        return ClientConnectorCertificateError(key, error)
    if isinstance(exc, ssl.SSLError):
        return ClientConnectorSSLError(key, explained_tls_error(exc, key.authority))
    cause = reason(exc) if str(exc) else "the server closed the connection"
    return key.failure(type(exc)(exc.errno, f"in the TLS handshake: {cause}"))
