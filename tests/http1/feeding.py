"""Feeds bytes to a connection without a loop: the results of the exchange, and the pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from httptrace.call.exchange import Exchange
from httptrace.errors import ClientResponseError
from httptrace.headers.head import RawHeaders
from httptrace.headers.limits import HeadLimits
from httptrace.http1.connection import Http1Connection
from httptrace.pool.connector import BaseConnector, pool_of
from httptrace.pool.state import Ticket
from httptrace.trace.events import EVENTS
from httptrace.trace.traces import Trace

PAUSE_ABOVE = 1 << 19


class StillLoop:
    """An event loop that never runs: it only keeps what it is asked to do later."""

    def __init__(self) -> None:
        self.later: list[Callable[..., Any]] = []

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> Any:
        self.later.append(callback)
        return SimpleNamespace(cancel=lambda: None)

    def is_closed(self) -> bool:
        return False


class Wire:
    """A transport that keeps the written bytes."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.aborted = False
        self.reading = True

    def write(self, data: bytes | memoryview) -> None:
        assert not self.aborted, "written to after its end"
        self.written += data

    def abort(self) -> None:
        self.aborted = True

    close = abort

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Result(NamedTuple):
    """The result of a response."""

    status: int
    reason: str
    version: str
    headers: RawHeaders
    body: bytes
    trailers: RawHeaders
    complete: bool
    error: type[BaseException] | None
    kept: bool
    """Whether the connection waits for the next request."""


class Told(Trace):
    """A trace that wants every event and tells nobody."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(EVENTS), wants_attempts=True)

    @property
    def moments(self) -> list[tuple[Any, ...]]:
        """The names of the noted events, with their data."""
        return [(event.__name__, *data) for event, _source, _time_ns, data in self.pending]


class Fed:
    """One connection of a real pool; a test feeds its bytes."""

    def __init__(
        self, limits: HeadLimits | None = None, *, method: str = "GET", trace: Told | None = None
    ) -> None:
        self.settings = SimpleNamespace(limits=limits or HeadLimits(), pause_above=PAUSE_ABOVE)
        self.method = method
        self.trace = trace
        self.loop: Any = StillLoop()
        self.pool = pool_of(BaseConnector(loop=self.loop, limit=1))
        self.host = self.pool.host("origin")
        assert not isinstance(self.pool.state.ask(self.host), Ticket)
        self.connection = Http1Connection(self.pool, self.host)
        self.wire: Any = Wire()
        self.connection.connection_made(self.wire)
        self.pool._open.add(self.connection)
        self.connection.announced = True
        self.pool.state.dialled(self.connection)
        self.exchange = self.request()

    def request(self, method: str | None = None) -> Exchange:
        """Send a request on the connection."""
        call: Any = SimpleNamespace(
            settings=self.settings,
            target=None,
            method=method or self.method,
            malformed=_malformed,
            closes=False,
        )
        self.exchange = Exchange(call, 1)
        self.exchange.trace = self.trace
        self.exchange.connection = self.connection
        self.connection.send(self.exchange, b"GET / HTTP/1.1\r\nHost: origin\r\n\r\n", b"")
        return self.exchange

    def feed(self, *pieces: bytes) -> Fed:
        """Receive bytes, each piece as the transport would pass it."""
        connection = self.connection
        for piece in pieces:
            if connection.closed or not piece:
                continue
            buffer = bytearray(piece)
            connection.received(memoryview(buffer))
            buffer[:] = b"\xaa" * len(piece)  # nobody may still look at it
        return self

    def eof(self) -> Fed:
        """Receive the end of the stream."""
        if not self.connection.closed:
            self.connection.eof_received()
        return self

    def lost(self, exc: Exception | None = None) -> Fed:
        """Close the transport."""
        self.connection.connection_lost(exc)
        return self

    def reuse(self) -> bool:
        """Take the connection out of the pool again, if it is idle."""
        return self.pool.state.reuse(self.host, 0) is self.connection

    @property
    def idle(self) -> bool:
        """Whether the connection is idle in the pool."""
        return self.connection in self.pool.state.idle

    @property
    def result(self) -> Result:
        """The result so far."""
        exchange = self.exchange
        self.check_places()
        return Result(
            exchange.status,
            exchange.reason if exchange.status else "",
            exchange.http_version if exchange.status else "",
            list(exchange.raw_headers) if exchange.status else [],
            b"".join(exchange.chunks),
            list(exchange.raw_trailers or []),
            exchange.complete,
            None if exchange.error is None else type(exchange.error),
            self.idle,
        )

    def check_places(self) -> None:
        """A closed connection holds no place, an open one holds one."""
        state = self.pool.state
        assert state.places == (0 if self.connection.closed else 1)
        assert self.connection.closed == self.wire.aborted
        assert len(state.idle) + len(state.active) == state.places
        assert not (self.exchange.complete and self.exchange.error)


class _Info:
    real_url = "http://origin/"


def _malformed(message: str) -> ClientResponseError:
    info: Any = _Info()
    return ClientResponseError(info, (), status=400, message=message)


def received(
    pieces: Iterable[bytes], *, method: str = "GET", end: bool = False, **options: Any
) -> Result:
    """The result of a response that arrives in these pieces, and then, with `end`, ends."""
    fed = Fed(method=method, **options).feed(*pieces)
    if end:
        fed.eof()
    return fed.result


def every_split(data: bytes) -> Iterable[Sequence[bytes]]:
    """The bytes in one piece, split in two at each place, and byte by byte."""
    yield (data,)
    for at in range(1, len(data)):
        yield (data[:at], data[at:])
    yield [data[at : at + 1] for at in range(len(data))]
