"""From a carrier of bytes to a transport and its protocol, with TLS if it is wanted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from ..errors import (
    ClientConnectorCertificateError,
    ClientConnectorSSLError,
)
from ..trace.events import (
    TraceTlsHandshakeEndParams,
    TraceTlsHandshakeExceptionParams,
    TraceTlsHandshakeStartParams,
)
from .carriers import Carrier, Stream, TlsCarrier
from .key import ProxyKey
from .limit import Limit
from .sockets import reason
from .tls import (
    Choice,
    Fingerprint,
    Handshake,
    context_for,
    explained,
    fingerprint_for,
    verified,
)

if TYPE_CHECKING:
    from ..trace.record import Record
    from .counters import DialCounters
    from .key import ConnectionKey
    from .paced import PacedTransport

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class Streams:
    """Puts transports on sockets; `default` is the connector's `ssl`."""

    def __init__(
        self, default: Choice, shutdown_timeout: float | None, counters: DialCounters
    ) -> None:
        self._default = default
        self._counters = counters
        # Event loops refuse 0, which for aiohttp means not to wait; connections are aborted then.
        self._extra: dict[str, Any] = (
            {"ssl_shutdown_timeout": shutdown_timeout} if shutdown_timeout else {}
        )

    async def context(self, key: ConnectionKey, record: Record) -> ssl.SSLContext | None:
        """What TLS needs before a socket is opened; None for a connection without TLS.

        Raises
        ------
        ClientConnectorSSLError
            When the server's name cannot be put into a handshake.
        """
        if not key.is_ssl:
            return None
        _check_name(key)
        return await context_for(key.ssl, self._default, record)

    async def for_proxy(self, requested: Choice, record: Record) -> Choice:
        """The ``ssl`` for a proxy's own TLS: the request's, but a fingerprint is the origin's."""
        if Fingerprint in (type(requested), type(self._default)):
            return await verified(record)
        return requested

    async def open(
        self,
        carrier: Carrier,
        context: ssl.SSLContext | None,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        limit: Limit,
        tls: float | None = None,
    ) -> Stream:
        """The stream; whatever goes wrong, the carrier is closed. `tls` limits the handshake.

        Raises
        ------
        ClientSSLError, ServerFingerprintMismatch, ClientConnectorError
            When the handshake fails.
        ConnectionTimeoutError
            When it takes longer than it may.
        """
        try:
            protocol = protocol_factory()
            if context is None:
                return await carrier.become(protocol)
        except BaseException:
            carrier.abort()
            raise
        async with Limit(key, record, tls, "tls", limit) as within:
            return await self._secure(carrier, context, key, record, protocol, within)

    async def secured(
        self,
        carrier: Carrier,
        context: ssl.SSLContext,
        key: ConnectionKey,
        record: Record,
        limit: Limit,
        tls: float | None,
    ) -> Carrier:
        """The carrier within TLS; raises as `open` does."""
        secure = TlsCarrier()
        await self.open(carrier, context, key, record, lambda: secure, limit, tls)
        return secure

    async def _secure(
        self,
        carrier: Carrier,
        context: ssl.SSLContext,
        key: ConnectionKey,
        record: Record,
        protocol: asyncio.BaseProtocol,
        limit: Limit,
    ) -> Stream:
        record.enter("tls")
        try:
            if record.trace is not None:
                await record.trace.tell(TraceTlsHandshakeStartParams, record, 0, server_name(key))
            stream = await self._handshake(carrier, context, key, protocol)
        except BaseException as exc:
            carrier.abort()
            self._counters.tls_failed += 1
            if record.trace is not None:
                seen = limit.seen(exc)
                record.trace.note(TraceTlsHandshakeExceptionParams, record, 0, seen)
            raise
        self._counters.tls_handshakes += 1
        return await _agreed(stream, record)

    async def _handshake(
        self,
        carrier: Carrier,
        context: ssl.SSLContext,
        key: ConnectionKey,
        protocol: asyncio.BaseProtocol,
    ) -> Stream:
        handshake, name = Handshake(context), server_name(key)
        tls = {"ssl": handshake.as_context(), "server_hostname": name, **self._extra}
        try:
            stream = await carrier.become(protocol, **tls)
        except OSError as exc:
            raise _translated(exc, key, handshake) from exc
        fingerprint = fingerprint_for(key.ssl, self._default)
        if fingerprint is not None and not isinstance(key, ProxyKey):
            try:
                fingerprint.check(stream[0])
            except ValueError as exc:  # the server has ended the session meanwhile
                stream[0].abort()
                text = "in the TLS handshake: the server closed the connection"
                raise key.failure(OSError(None, text)) from exc
            except BaseException:
                stream[0].abort()
                raise
        return stream


async def _agreed(stream: Stream, record: Record) -> Stream:
    """Keep and tell what the handshake agreed on."""
    facts = record.tls = cast("PacedTransport", stream[0]).facts
    if record.trace is not None:
        try:
            await record.trace.tell(TraceTlsHandshakeEndParams, record, 0, *facts)
        except BaseException:
            stream[0].abort()
            raise
    return stream


# --- names ------------------------------------------------------------------------------------


def server_name(key: ConnectionKey) -> str:
    """The name for SNI and verification: no dot at the end (RFC 6066 §3), no zone."""
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


def _translated(exc: OSError, key: ConnectionKey, handshake: Handshake) -> Exception:
    if isinstance(exc, ssl.SSLCertVerificationError):
        told = explained(exc, handshake.peer_chain(), server_name(key))
        return ClientConnectorCertificateError(key, told)
    if isinstance(exc, ssl.SSLError):
        return ClientConnectorSSLError(key, exc)
    cause = reason(exc) if str(exc) else "the server closed the connection"
    return key.failure(type(exc)(exc.errno, f"in the TLS handshake: {cause}"))
