"""What the pool decides, without I/O: who gets which connection, who waits, what is closed.

Theory of operation. A *place* is the right to hold one connection; `limit` bounds the places of the
pool and `limit_per_host` those of one origin. A place is taken by a request that dials, kept while
its connection lives, busy or idle, and given back when the connection is closed::

    request ── idle connection ──────────────────────► Grant(connection)
            ── place free ───────────────────────────► Grant(None)         dial
            ── pool full, another origin has idle ───► Grant(None, evict)  close that one, dial
            ── origin full, or pool full and busy ───► Ticket in the origin's queue

A released connection goes to the ticket that has waited longest and that it can serve; a ticket of
another origin gets the place, and the connection is closed. Tickets wait in the queue of their
origin, in the order in which they came. The origins that wait and have room are found in a heap, by
the number of their first ticket. So a step takes the same time however many requests wait, and a
little more the more origins do. Queues and idle connections are OrderedDicts: the first of a plain
dict is slow to find once others before it were deleted.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Pooled(Protocol):
    """What the pool needs to know of a connection."""

    host: HostPool
    idle_since_ns: int
    closed: bool


C = TypeVar("C", bound=Pooled)
_REMEMBERED = 1000
"""How many origins without connections are remembered as having had one."""


class HostPool:
    """The connections and the waiting of one origin."""

    __slots__ = ("idle", "key", "listed", "live", "places", "queue", "was_served")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.idle: dict[Pooled, None] = {}
        self.places = 0
        self.queue: OrderedDict[Ticket, None] = OrderedDict()
        self.listed = False  # in the pool's heap
        self.live = True
        self.was_served = False

    def why_new(self, force_close: bool) -> str:
        """Why a new connection is made for it."""
        if force_close:
            return "force_close"
        if not self.was_served:
            return "first"
        return "busy" if self.places > 1 else "none idle"


class Ticket:
    """A request's place in a queue; it is `granted` when its turn has come.

    `position` is how many waited for the same limit before it came.
    """

    __slots__ = ("granted", "host", "limit", "number", "on_grant", "position")

    def __init__(self, host: HostPool, limit: str, position: int, number: int) -> None:
        self.host = host
        self.limit = limit
        self.position = position
        self.number = number
        self.granted: Grant | None = None
        self.on_grant: Callable[[], None] | None = None


class Grant(NamedTuple):
    """A place: with a connection, or to dial one, after `evicted` was closed."""

    connection: Pooled | None
    evicted: Pooled | None = None


DIAL = Grant(None)


class PoolState(Generic[C]):
    """Places, idle connections and queues of one connector. `limit` 0 means no limit."""

    def __init__(self, limit: int, limit_per_host: int) -> None:
        self.limit = limit
        self.limit_per_host = limit_per_host
        self.places = 0
        self.hosts: dict[Any, HostPool] = {}
        self.idle: OrderedDict[C, None] = OrderedDict()
        """Every idle connection, the one that has lain longest first."""
        self.active: set[C] = set()
        self.waiting = 0
        self._heap: list[tuple[int, HostPool]] = []
        """Origins that wait, by the number of a ticket that was their first at some time."""
        self.reused = 0
        """Requests that found an open connection."""
        self._numbers = count()
        self._served: dict[Any, bool] = {}
        """Origins that had connections and have none now, the one that left last at the end."""

    def host(self, key: Any) -> HostPool:
        """The part of the pool for an origin."""
        host = self.hosts.get(key)
        if host is None:
            host = self.hosts[key] = HostPool(key)
            host.was_served = self._served.pop(key, False)
        return host

    def reuse(self, host: HostPool, not_before_ns: int) -> C | None:
        """The origin's idle connection that was used last, if it is not too old."""
        if not host.idle:
            return None
        connection: C = host.idle.popitem()[0]  # type: ignore[assignment]
        if connection.idle_since_ns < not_before_ns:
            host.idle[connection] = None
            return None
        del self.idle[connection]
        self.active.add(connection)
        self.reused += 1
        return connection

    def ask(self, host: HostPool) -> Grant | Ticket:
        """A place to dial for an origin that has no idle connection, or a ticket to wait with."""
        if self.limit_per_host and host.places >= self.limit_per_host:
            return self._ticket(host, "limit_per_host", len(host.queue))
        evicted: C | None = None
        if self.limit and self.places >= self.limit:
            if not self.idle:
                return self._ticket(host, "limit", self.waiting)
            evicted = next(iter(self.idle))
            self.forget(evicted)
        self._take_place(host)
        return Grant(None, evicted) if evicted is not None else DIAL

    def dialled(self, connection: C) -> None:
        """A request has made its connection in the place that it was granted."""
        self.active.add(connection)
        connection.host.was_served = True

    def release(self, connection: C) -> tuple[Ticket, C | None] | None:
        """A connection is fit for the next request.

        Returns the ticket that was granted, if any, and the connection to close, if the ticket
        is another origin's.
        """
        host = connection.host
        self.active.discard(connection)
        if self.waiting:
            ticket = self._next(host)
            if ticket is not None and ticket.host is not host:
                self._leave(host)
                return self._grant(ticket, DIAL), connection
            if ticket is not None:
                self.active.add(connection)
                self.reused += 1
                return self._hand(ticket, Grant(connection)), None
        host.idle[connection] = None
        self.idle[connection] = None
        return None

    def give_back(self, host: HostPool) -> Ticket | None:
        """A place is free again: the connection was closed, or dialling failed."""
        self._leave(host)
        if not self.waiting:
            return None
        ticket = self._next(host)
        return None if ticket is None else self._grant(ticket, DIAL)

    def remove(self, connection: C) -> Ticket | None:
        """An idle or active connection was closed; returns the ticket that its place went to."""
        if connection in self.active:
            self.active.discard(connection)
        elif connection in self.idle:
            del self.idle[connection]
            del connection.host.idle[connection]
        else:
            return None
        return self.give_back(connection.host)

    def forget(self, connection: C) -> None:
        """Take an idle connection out; its place goes to whoever asked for it."""
        del self.idle[connection]
        del connection.host.idle[connection]
        self._leave(connection.host)

    def withdraw(self, ticket: Ticket) -> None:
        """A waiting request went away."""
        if ticket.host.queue.pop(ticket, ...) is None:
            self.waiting -= 1
            self._retire(ticket.host)

    def expired(self, not_after_ns: int) -> list[C]:
        """The idle connections that have lain since before this time."""
        found: list[C] = []
        for connection in self.idle:
            if connection.idle_since_ns > not_after_ns:
                break
            found.append(connection)
        return found

    def tickets(self) -> Iterator[Ticket]:
        """Everybody who waits."""
        for host in list(self.hosts.values()):
            yield from list(host.queue)

    def _ticket(self, host: HostPool, limit: str, position: int) -> Ticket:
        ticket = Ticket(host, limit, position, next(self._numbers))
        host.queue[ticket] = None
        self.waiting += 1
        if not host.listed:
            self._list(host)
        return ticket

    def _list(self, host: HostPool) -> None:
        host.listed = True
        heappush(self._heap, (next(iter(host.queue)).number, host))

    def _next(self, host: HostPool) -> Ticket | None:
        """Who has waited longest of those that a place of this origin can serve."""
        own = next(iter(host.queue)) if host.queue else None
        if len(host.queue) == self.waiting:  # nobody else waits
            if len(self._heap) > 1:
                self._forget_others(host)
            return own
        anyone = self._first_with_room()
        if own is None or anyone is None:
            return own or anyone
        return own if own.number < anyone.number else anyone

    def _first_with_room(self) -> Ticket | None:
        """The first ticket of those whose origins may have another place."""
        heap = self._heap
        while heap:
            number, host = heap[0]
            first = next(iter(host.queue), None)
            if first is None or (self.limit_per_host and host.places >= self.limit_per_host):
                heappop(heap)  # it comes back with its next ticket, or when it has room
                host.listed = False
            elif first.number != number:
                heapreplace(heap, (first.number, host))
            else:
                return first
        return None

    def _forget_others(self, host: HostPool) -> None:
        for _number, other in self._heap:
            other.listed = False
        self._heap.clear()
        if host.queue:
            self._list(host)

    def _grant(self, ticket: Ticket, grant: Grant) -> Ticket:
        self._take_place(ticket.host)
        return self._hand(ticket, grant)

    def _hand(self, ticket: Ticket, grant: Grant) -> Ticket:
        del ticket.host.queue[ticket]
        self.waiting -= 1
        ticket.granted = grant
        return ticket

    def _take_place(self, host: HostPool) -> None:
        if not host.live:  # retired between look-up and use
            host.live = True
            self.hosts[host.key] = host
        host.places += 1
        self.places += 1

    def _leave(self, host: HostPool) -> None:
        host.places -= 1
        self.places -= 1
        if host.queue and not host.listed:
            self._list(host)
        self._retire(host)

    def _retire(self, host: HostPool) -> None:
        if not host.places and not host.queue and self.hosts.get(host.key) is host:
            del self.hosts[host.key]
            host.live = False
            if host.was_served:
                self._served[host.key] = True
                if len(self._served) > _REMEMBERED:
                    del self._served[next(iter(self._served))]


def wake(ticket: Ticket | None) -> None:
    """Wake the request whose turn has come."""
    if ticket is not None and ticket.on_grant is not None:
        ticket.on_grant()
