"""The decisions of the pool, without I/O: which request gets which connection, waits, or dials.

Theory of operation. A *place* is the permission to have one connection; `limit` is the maximum of
places in the pool and `limit_per_host` that of one origin. A request that dials takes a place. Its
connection keeps the place, busy or idle, until it is closed::

    request ── idle connection ──────────────────────► Grant(connection)
            ── free place ───────────────────────────► Grant(None)         dial
            ── pool full, another origin has idle ───► Grant(None, evict)  close that one, dial
            ── origin full, or pool full and busy ───► Ticket in the origin's queue

A ticket is a request's entry in the queue of its origin, which is first in, first out. A released
connection is granted to the ticket that has waited longest, of those whose origin may have it. If
that is a ticket of another origin, it gets the place, and the connection is closed. A heap orders
the waiting origins that are below `limit_per_host` by the number of their first ticket. So the time
of a step does not depend on the number of waiting requests, and grows with the logarithm of the
number of waiting origins. Queues and idle connections are OrderedDicts, because finding the first
key of a dict is slow after keys before it were deleted.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from heapq import heappop, heappush, heapreplace
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from ..trace.record import ClosedBefore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Pooled(Protocol):
    """The attributes of a connection that the pool uses."""

    host: HostPool
    idle_since_ns: int
    closed: bool
    granted_to: Ticket | None


C = TypeVar("C", bound=Pooled)
_REMEMBERED = 1000
"""How many origins without connections are remembered, for `HostPool.why_new`."""
_MOST_CLOSED = 100
"""How many closed connections of an origin are remembered."""


class HostPool:
    """The connections and the queue of one origin."""

    __slots__ = ("closed", "idle", "key", "listed", "live", "places", "queue", "was_served")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.idle: dict[Pooled, None] = {}
        self.places = 0
        self.queue: OrderedDict[Ticket, None] = OrderedDict()
        self.listed = False  # in the pool's heap
        self.live = True
        self.was_served = False
        self.closed: deque[ClosedBefore] = deque(maxlen=_MOST_CLOSED)
        """How connections ended that were not replaced since.

        Each could have served a request that needs a new one now.
        """

    def __lt__(self, other: HostPool) -> bool:
        """Any order will do: an origin that was forgotten may be in the heap once more."""
        return id(self) < id(other)

    def why_new(self, force_close: bool) -> str:
        """The reason why a new connection is opened."""
        if force_close:
            return "force_close"
        if not self.was_served:
            return "first"
        return "busy" if self.places > 1 else "none idle"

    def replaced(self) -> ClosedBefore | None:
        """How the connection ended that a new one replaces; None if it comes in addition."""
        return self.closed.pop() if self.closed else None


class Ticket:
    """A request's entry in a queue. `granted` is set when it may go on, then `on_grant` is called.

    `position` is how many requests were waiting for the same `limit` when it was created.
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
    """A place with an idle connection, or one to dial in after `evicted` was closed."""

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
        """All idle connections, the longest idle one first."""
        self.active: set[C] = set()
        self.waiting = 0
        self._heap: list[tuple[int, HostPool]] = []
        """Waiting origins. The number is that of the origin's first ticket, now or earlier."""
        self.reused = 0
        """Requests that were given an open connection."""
        self._numbers = count(1)
        self._served: dict[Any, deque[ClosedBefore]] = {}
        """Origins whose connections are all closed, the most recent one last, and how."""

    def host(self, key: Any) -> HostPool:
        """The part of the pool for an origin."""
        host = self.hosts.get(key)
        if host is None:
            host = self.hosts[key] = HostPool(key)
            if key in self._served:
                host.was_served, host.closed = True, self._served.pop(key)
        return host

    def reuse(self, host: HostPool, not_before_ns: int) -> C | None:
        """The origin's most recently used idle connection, unless its keep-alive time is over."""
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

    def ask(self, host: HostPool, number: int = 0) -> Grant | Ticket:
        """A place to dial in, or a ticket. The origin has no idle connection.

        `number` is that of an earlier ticket of the same request: it waits no longer than those
        that came after it.
        """
        if self.limit_per_host and host.places >= self.limit_per_host:
            return self._ticket(host, "limit_per_host", len(host.queue), number)
        evicted: C | None = None
        if self.limit and self.places >= self.limit:
            if not self.idle:
                return self._ticket(host, "limit", self.waiting, number)
            evicted = next(iter(self.idle))
            self.forget(evicted)
        self._take_place(host)
        return Grant(None, evicted) if evicted is not None else DIAL

    def wait(self, host: HostPool, number: int) -> Ticket:
        """A ticket of a request that has a connection which may be closed."""
        if self.limit_per_host:
            return self._ticket(host, "limit_per_host", len(host.queue), number)
        return self._ticket(host, "limit", self.waiting, number)

    def take_back(self, ticket: Ticket) -> None:
        """Let a ticket wait again whose connection was closed before its request has used it."""
        ticket.granted = None
        self._enqueue(ticket, was_queued=True)

    def dialled(self, connection: C) -> None:
        """A request has opened the connection for its place."""
        self.active.add(connection)
        connection.host.was_served = True

    def release(self, connection: C) -> tuple[Ticket, C | None] | None:
        """Grant a reusable connection to a ticket, or keep it idle.

        Returns None, or the ticket that was granted, and the connection if it must be closed,
        because the ticket belongs to another origin.
        """
        host = connection.host
        self.active.discard(connection)
        if self.waiting:
            ticket = self._next(host)
            if ticket is not None and ticket.host is not host:
                host.closed.append(ClosedBefore("evicted"))
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
        """Free a place whose connection was closed or could not be opened."""
        self._leave(host)
        if not self.waiting:
            return None
        ticket = self._next(host)
        return None if ticket is None else self._grant(ticket, DIAL)

    def remove(self, connection: C) -> Ticket | None:
        """Remove a closed connection. Returns the ticket that got its place."""
        if connection in self.active:
            self.active.discard(connection)
        elif connection in self.idle:
            del self.idle[connection]
            del connection.host.idle[connection]
        else:
            return None
        return self.give_back(connection.host)

    def forget(self, connection: C) -> None:
        """Remove an idle connection and free its place, without granting it."""
        del self.idle[connection]
        del connection.host.idle[connection]
        connection.host.closed.append(ClosedBefore("evicted"))
        self._leave(connection.host)

    def withdraw(self, ticket: Ticket) -> None:
        """Remove the ticket of a request that no longer waits."""
        if ticket.host.queue.pop(ticket, ...) is None:
            self.waiting -= 1
            self._retire(ticket.host)

    def expired(self, not_after_ns: int) -> list[C]:
        """The connections that have been idle since before this time."""
        found: list[C] = []
        for connection in self.idle:
            if connection.idle_since_ns > not_after_ns:
                break
            found.append(connection)
        return found

    def tickets(self) -> Iterator[Ticket]:
        """All tickets that wait."""
        for host in list(self.hosts.values()):
            yield from list(host.queue)

    def _ticket(self, host: HostPool, limit: str, position: int, number: int) -> Ticket:
        ticket = Ticket(host, limit, position, number or next(self._numbers))
        self._enqueue(ticket, was_queued=number > 0)
        return ticket

    def _enqueue(self, ticket: Ticket, was_queued: bool) -> None:
        host = ticket.host
        host.queue[ticket] = None
        if was_queued:
            self._move_forward(ticket)
        self.waiting += 1
        if not host.listed:
            self._list(host)

    def _move_forward(self, ticket: Ticket) -> None:
        """Move the last ticket of a queue, whose number is lower, to its place by number."""
        host = ticket.host
        before = list(takewhile(lambda other: other.number < ticket.number, host.queue))
        for other in (ticket, *reversed(before)):
            host.queue.move_to_end(other, last=False)
        if host.listed and not before:
            heappush(self._heap, (ticket.number, host))

    def _list(self, host: HostPool) -> None:
        host.listed = True
        heappush(self._heap, (next(iter(host.queue)).number, host))

    def _next(self, host: HostPool) -> Ticket | None:
        """The ticket that has waited longest and may get a place of this origin."""
        own = next(iter(host.queue)) if host.queue else None
        if len(host.queue) == self.waiting:  # no other origin waits
            if len(self._heap) > 1:
                self._forget_others(host)
            return own
        anyone = self._first_with_room()
        if own is None or anyone is None:
            return own or anyone
        return own if own.number < anyone.number else anyone

    def _first_with_room(self) -> Ticket | None:
        """The first ticket of the origins that are below `limit_per_host`."""
        heap = self._heap
        while heap:
            number, host = heap[0]
            first = next(iter(host.queue), None)
            if first is None or (self.limit_per_host and host.places >= self.limit_per_host):
                heappop(heap)  # listed again with its next ticket or free place
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
        if not host.live:  # removed after the caller looked it up
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
                self._served[host.key] = host.closed
                if len(self._served) > _REMEMBERED:
                    del self._served[next(iter(self._served))]


def wake(ticket: Ticket | None) -> None:
    """Tell a request that its ticket was granted."""
    if ticket is not None and ticket.on_grant is not None:
        ticket.on_grant()
