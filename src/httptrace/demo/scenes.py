"""The scenes of the demonstration: the requests, what they show, and the expected timelines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from ..cli.resolving import PinnedResolver
from ..errors import ClientConnectorCertificateError, ClientPayloadError
from ..pool.connectors import TCPConnector
from ..session.session import ClientSession
from .servers import BundledServers

if TYPE_CHECKING:
    import socket

    from ..net.resolver import ResolveResult
    from ..trace.timeline import Timeline

_DNS_SECONDS = 0.04
_PIECE = bytes(1 << 16)


class Stage(NamedTuple):
    """What scenes use: the servers, and a session that is open during all scenes."""

    servers: BundledServers
    session: ClientSession

    async def get(self, url: str) -> bytes:
        """Make a request and read the body."""
        async with self.session.get(url) as response:
            return await response.read()


class Scene(NamedTuple):
    """A scene: a title, what to look at, the requests, and a check.

    `is_right` checks the timeline of the scene's last request.
    """

    title: str
    look: str
    play: Callable[[Stage], Awaitable[object]]
    is_right: Callable[[Timeline], bool]


class SlowResolver(PinnedResolver):
    """Resolves the host names of the demonstration, with a delay that is typical of DNS."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily | int = 0
    ) -> list[ResolveResult]:
        """Resolve a host name."""
        await asyncio.sleep(_DNS_SECONDS)
        return await super().resolve(host, port, family)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Start the servers, and a session that resolves their names and trusts their certificates."""
    async with BundledServers() as servers:
        port = int(servers.two_addresses.rpartition(":")[2])
        pins = {(host, port): addresses for host, addresses in servers.hosts.items()}
        connector = TCPConnector(resolver=SlowResolver(pins), ssl=servers.ssl_context)
        async with ClientSession(connector=connector) as session:
            yield Stage(servers, session)


# --- the requests -----------------------------------------------------------------------------


async def _fresh(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/hello")


async def _two_addresses(stage: Stage) -> None:
    await stage.get(f"{stage.servers.two_addresses}/hello")


async def _tls(stage: Stage) -> None:
    await stage.get(f"{stage.servers.https}/hello")


async def _queue(stage: Stage) -> None:
    async with ClientSession(connector=TCPConnector(limit=1)) as session:
        small = stage._replace(session=session)
        await asyncio.gather(*[small.get(f"{stage.servers.http}/delay/0.2") for _ in range(2)])


async def _upload(stage: Stage) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield _PIECE
            await asyncio.sleep(0.05)

    async with stage.session.post(f"{stage.servers.http}/echo", data=pieces()) as response:
        await response.read()


async def _slow_start(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/slow-start/0.3")


async def _slow_body(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/slow-body/4")


async def _slow_reader(stage: Stage) -> None:
    async with stage.session.get(f"{stage.servers.http}/large/4000000") as response:
        async for _piece in response.content.iter_chunked(1_000_000):
            await asyncio.sleep(0.08)


async def _redirects(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/redirect/2")


async def _elsewhere(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/elsewhere")


async def _early_hints(stage: Stage) -> None:
    await stage.get(f"{stage.servers.http}/early-hints")


async def _stale(stage: Stage) -> None:
    async with ClientSession() as session:
        fresh = stage._replace(session=session)
        await fresh.get(f"{stage.servers.http}/stale")
        await fresh.get(f"{stage.servers.http}/hello")


async def _hang(stage: Stage) -> None:
    with contextlib.suppress(TimeoutError):
        async with stage.session.get(f"{stage.servers.http}/never", timeout=0.4):
            pass


async def _expired(stage: Stage) -> None:
    with contextlib.suppress(ClientConnectorCertificateError):
        await stage.get(f"{stage.servers.expired}/hello")


async def _cut(stage: Stage) -> None:
    with contextlib.suppress(ClientPayloadError):
        await stage.get(f"{stage.servers.http}/cut")


# --- the checks -----------------------------------------------------------------------------------


def _failed_with(timeline: Timeline, error: type[BaseException], phase: str) -> bool:
    last = timeline.hops[-1]
    return isinstance(last.exception, error) and last.spans_ns[-1][0] == phase


SCENES = (
    Scene(
        "A first request",
        "connect: a new connection is made. queue: the client's own work before that.",
        _fresh,
        lambda timeline: timeline.connect > 0 and not timeline.hops[0].reused,
    ),
    Scene(
        "The same again",
        "no connect: the connection is reused, so send follows at once.",
        _fresh,
        lambda timeline: timeline.connect == 0 and timeline.hops[0].reused,
    ),
    Scene(
        "A name with two addresses, the first of which does not answer",
        "dns: the look-up. connect: after 250 ms the second address is tried too.",
        _two_addresses,
        lambda timeline: (
            timeline.dns >= _DNS_SECONDS * 0.9
            and timeline.connect > 0.2
            and len(timeline.hops[0].addresses_failed) == 1
        ),
    ),
    Scene(
        "TLS",
        "tls: the handshake. The line above has the version and when the certificate expires.",
        _tls,
        lambda timeline: timeline.tls > 0 and timeline.hops[0].tls is not None,
    ),
    Scene(
        "Two requests at once, and a pool of one connection",
        "queue: the second request waits until the first one has finished.",
        _queue,
        lambda timeline: timeline.queue > 0.15 and timeline.hops[0].reused,
    ),
    Scene(
        "An upload whose body is produced slowly",
        "send: lasts until the last byte of the body has been sent.",
        _upload,
        lambda timeline: timeline.send > 0.25 and timeline.hops[0].bytes_sent > 6 * len(_PIECE),
    ),
    Scene(
        "A server that takes time to respond",
        "wait: from the request's last byte to the response's first byte.",
        _slow_start,
        lambda timeline: timeline.wait > 0.25,
    ),
    Scene(
        "A body that is sent slowly",
        "receive: from the response's first byte to its last byte.",
        _slow_body,
        lambda timeline: timeline.receive > 0.3,
    ),
    Scene(
        "A body that is read slowly",
        "receive again; the line below it shows that the reader took the time, not the server.",
        _slow_reader,
        lambda timeline: timeline.hops[0].consumer_ns > timeline.hops[0].network_wait_ns,
    ),
    Scene(
        "Redirects",
        "three hops, each with its own phases, on one time scale.",
        _redirects,
        lambda timeline: [hop.status for hop in timeline.hops] == [302, 302, 200],
    ),
    Scene(
        "A redirect to another origin",
        "the second hop needs another connection.",
        _elsewhere,
        lambda timeline: (
            len({hop.connection_id for hop in timeline.hops}) == 2 == len(timeline.hops)
        ),
    ),
    Scene(
        "Early hints",
        "103 Early Hints is an event; wait lasts until the response itself, 100 ms later.",
        _early_hints,
        lambda timeline: timeline.wait >= 0.09,
    ),
    Scene(
        "A reused connection that the server has closed",
        "the request is sent again on a new connection; the timeline shows both attempts.",
        _stale,
        lambda timeline: (
            [hop.status for hop in timeline.hops] == [None, 200]
            and timeline.hops[0].retry_reason is not None
        ),
    ),
    Scene(
        "A server that never responds, and a timeout of 0.4 s",
        "the heading names the exception and the phase in which the timeout fired.",
        _hang,
        lambda timeline: _failed_with(timeline, TimeoutError, "wait"),
    ),
    Scene(
        "A certificate that has expired",
        "the request fails in tls; nothing was sent.",
        _expired,
        lambda timeline: (
            _failed_with(timeline, ClientConnectorCertificateError, "tls")
            and timeline.hops[0].bytes_sent == 0
        ),
    ),
    Scene(
        "A body that is cut short",
        "the response has a status, but its body is incomplete: ↓ shows how much was received.",
        _cut,
        lambda timeline: _failed_with(timeline, ClientPayloadError, "receive"),
    ),
)
