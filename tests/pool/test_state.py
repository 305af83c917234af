"""The decisions of the pool, compared with a simple model."""

from __future__ import annotations

import time
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from httptrace.pool.state import Grant, HostPool, PoolState, Ticket


class Link:
    """The part of a connection that the pool knows."""

    def __init__(self, host: HostPool, made_ns: int = 0) -> None:
        self.host = host
        self.idle_since_ns = made_ns
        self.closed = False
        self.granted_to: Ticket | None = None


class Pool:
    """A PoolState, and beside it which requests dial and wait, and what is closed."""

    def __init__(self, limit: int, limit_per_host: int) -> None:
        self.state: PoolState[Link] = PoolState(limit, limit_per_host)
        self.dialling: list[HostPool] = []
        self.busy: list[Link] = []
        self.waiting: list[Ticket] = []  # in the order in which they asked first
        self.served: list[Ticket] = []
        self.doubts: dict[Link, Ticket] = {}
        """Connections that may be dead, and the tickets with which their requests wait."""
        self.clock = count(1)

    def request(self, key: str, number: int = 0) -> Ticket | None:
        """A request arrives, perhaps once more; returns its ticket, if it has to wait."""
        host = self.state.host(key)
        link = self.state.reuse(host, 0)
        if link is not None:
            self.busy.append(link)
            return None
        asked = self.state.ask(host, number)
        if isinstance(asked, Ticket):
            self.queued(asked)
            return asked
        self.granted(host, asked)
        return None

    def queued(self, ticket: Ticket) -> None:
        """A ticket waits."""
        self.waiting.append(ticket)
        self.waiting.sort(key=lambda other: other.number)

    def doubt(self, link: Link, number: int = 0) -> Ticket:
        """The request of a connection finds that it may be dead."""
        ticket = self.doubts[link] = self.state.wait(link.host, number)
        self.queued(ticket)
        return ticket

    def settle(self, link: Link, *, dead: bool) -> None:
        """The connection is dead, and its request needs another one; or it is not."""
        ticket = self.doubts[link]
        if dead:
            self.lose(link)
        del self.doubts[link]
        if ticket.granted is not None:
            self.granted(ticket.host, ticket.granted)
        elif not dead:
            self.withdraw(ticket)
        if ticket.granted is None or dead:
            return
        if ticket.granted.connection is None:
            self.failed(ticket.host)
        else:
            self.release(ticket.granted.connection)  # type: ignore[arg-type]

    def granted(self, host: HostPool, grant: Grant) -> None:
        """A place was granted."""
        if grant.evicted is not None:
            self.close(grant.evicted)  # type: ignore[arg-type]
        if grant.connection is None:
            self.dialling.append(host)
        else:
            assert not grant.connection.closed
            self.busy.append(grant.connection)  # type: ignore[arg-type]

    def told(self, ticket: Ticket | None) -> None:
        """A ticket was granted."""
        if ticket is None:
            return
        assert ticket.granted is not None
        self.first_in_line(ticket)
        self.waiting.remove(ticket)
        self.served.append(ticket)
        if ticket not in self.doubts.values():
            self.granted(ticket.host, ticket.granted)

    def first_in_line(self, ticket: Ticket) -> None:
        """No earlier request for the same origin is still waiting."""
        same = [other for other in self.waiting if other.host is ticket.host]
        assert same[0] is ticket, "somebody of the same origin was passed over"

    def dialled(self, host: HostPool) -> None:
        """A connection was opened."""
        self.dialling.remove(host)
        link = Link(host, next(self.clock))
        self.state.dialled(link)
        self.busy.append(link)

    def failed(self, host: HostPool) -> None:
        """No connection could be opened."""
        self.dialling.remove(host)
        self.told(self.state.give_back(host))

    def release(self, link: Link) -> None:
        """A response is complete."""
        self.busy.remove(link)
        link.idle_since_ns = next(self.clock)
        granted = self.state.release(link)
        if granted is not None:
            ticket, unwanted = granted
            if unwanted is not None:
                assert unwanted is link
                self.close(link)
            self.told(ticket)

    def lose(self, link: Link) -> None:
        """A connection ends, busy or idle."""
        if link in self.busy:
            self.busy.remove(link)
        ticket = self.state.remove(link)
        self.close(link)
        self.told(ticket)

    def close(self, link: Link) -> None:
        """A socket is closed, once."""
        assert not link.closed
        link.closed = True

    def withdraw(self, ticket: Ticket) -> None:
        """A waiting request is cancelled."""
        self.waiting.remove(ticket)
        self.state.withdraw(ticket)

    def check(self) -> None:
        """What always holds."""
        state = self.state
        mine = [ticket for ticket in self.doubts.values() if ticket.granted is not None]
        busy = {*self.busy, *(ticket.granted.connection for ticket in mine if ticket.granted)} - {
            None
        }
        held = [*self.dialling, *(link.host for link in self.busy), *(one.host for one in mine)]
        held += [link.host for link in state.idle]
        assert state.places == len(held)
        assert busy == state.active
        assert state.waiting == len(self.waiting) == len(list(state.tickets()))
        for host in {*held, *(ticket.host for ticket in self.waiting)}:
            assert host.live and state.hosts[host.key] is host
            assert host.places == held.count(host)
            assert set(host.idle) == {link for link in state.idle if link.host is host}
            assert not state.limit_per_host or host.places <= state.limit_per_host
        assert not state.limit or state.places <= state.limit
        assert not any(link.closed for link in [*state.idle, *state.active])
        self.nobody_sleeps()

    def nobody_sleeps(self) -> None:
        """No request waits although a connection or place is free: no wake-up was lost."""
        state = self.state
        room = not state.limit or state.places < state.limit
        for ticket in self.waiting:
            if ticket in self.doubts.values():
                continue  # it has a connection
            host = ticket.host
            own = not state.limit_per_host or host.places < state.limit_per_host
            assert not host.idle, "an idle connection of its origin lies there"
            assert not (room and own), "a place is free"
            assert not (own and state.idle), "a place can be had by closing what is idle"


class PoolMachine(RuleBasedStateMachine):
    """Requests, dials, failures, ends and cancelled waits in any order."""

    keys = st.sampled_from("abc")

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(0, 0)

    @rule(limit=st.integers(0, 4), limit_per_host=st.integers(0, 3))
    def start(self, limit: int, limit_per_host: int) -> None:
        """Start again with other limits."""
        self.pool = Pool(limit, limit_per_host)

    @rule(key=keys, times=st.integers(1, 3))
    def request(self, key: str, times: int) -> None:
        """Some requests arrive."""
        for _ in range(times):
            self.pool.request(key)

    @rule(at=st.integers(0, 9))
    def again(self, at: int) -> None:
        """A request that was served asks once more: its connection was dead."""
        if self.pool.served:
            ticket = self.pool.served.pop(at % len(self.pool.served))
            self.pool.request(ticket.host.key, ticket.number)

    @rule(at=st.integers(0, 9), number=st.booleans())
    def doubt(self, at: int, number: bool) -> None:
        """A connection may be dead."""
        links = self.sure()
        if links:
            link = links[at % len(links)]
            mine = [one for one in self.pool.served if number and one.host.key == link.host.key]
            if mine:
                self.pool.served.remove(mine[0])
            self.pool.doubt(link, mine[0].number if mine else 0)

    @rule(at=st.integers(0, 9), dead=st.booleans())
    def settle(self, at: int, dead: bool) -> None:
        """It is dead or not."""
        if self.pool.doubts:
            self.pool.settle(list(self.pool.doubts)[at % len(self.pool.doubts)], dead=dead)

    @rule(at=st.integers(0, 9))
    def dialled(self, at: int) -> None:
        """A dialling request gets its connection."""
        if self.pool.dialling:
            self.pool.dialled(self.pool.dialling[at % len(self.pool.dialling)])

    @rule(at=st.integers(0, 9))
    def failed(self, at: int) -> None:
        """A dialling request fails."""
        if self.pool.dialling:
            self.pool.failed(self.pool.dialling[at % len(self.pool.dialling)])

    @rule(at=st.integers(0, 9))
    def release(self, at: int) -> None:
        """A response is complete."""
        links = self.sure()
        if links:
            self.pool.release(links[at % len(links)])

    def sure(self) -> list[Link]:
        """The busy connections that are not in doubt."""
        return [link for link in self.pool.busy if link not in self.pool.doubts]

    @rule(at=st.integers(0, 9), busy=st.booleans())
    def lose(self, at: int, busy: bool) -> None:
        """A connection is closed."""
        links = self.sure() if busy else list(self.pool.state.idle)
        if links:
            self.pool.lose(links[at % len(links)])

    @rule(at=st.integers(0, 9))
    def withdraw(self, at: int) -> None:
        """A waiting request is cancelled."""
        waiting = [one for one in self.pool.waiting if one not in self.pool.doubts.values()]
        if waiting:
            self.pool.withdraw(waiting[at % len(waiting)])

    @invariant()
    def holds(self) -> None:
        """Check what always holds."""
        self.pool.check()

    def teardown(self) -> None:
        """When places become free, every waiting request gets one; in the end nothing is left."""
        pool = self.pool
        for link in list(pool.doubts):
            pool.settle(link, dead=link.host.places % 2 == 0)
        for _ in range(1000):
            while pool.dialling:
                pool.dialled(pool.dialling[0])
            if not pool.busy:
                break
            pool.release(pool.busy[0])
            pool.check()
        assert not pool.waiting, "somebody waits for ever"
        for link in list(pool.state.idle):
            pool.lose(link)
        assert pool.state.places == pool.state.waiting == 0


PoolMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestPool = PoolMachine.TestCase


# --- in so many words -----------------------------------------------------------------------------


def full(limit: int = 0, limit_per_host: int = 0, **busy: int) -> Pool:
    """A pool with this many busy connections of each origin."""
    pool = Pool(limit, limit_per_host)
    for key, number in busy.items():
        for _ in range(number):
            assert pool.request(key) is None
            pool.dialled(pool.dialling[0])
    return pool


def queue(pool: Pool, *keys: str) -> list[Ticket]:
    """Requests that have to wait."""
    tickets = [pool.request(key) for key in keys]
    assert all(tickets)
    return tickets  # type: ignore[return-value]


@pytest.mark.parametrize("how", ["release", "lose"])
def test_one_origin_is_served_in_order(how: str) -> None:
    """Requests to one origin get connections in the order in which they came."""
    pool = full(limit=1, a=1)
    tickets = queue(pool, *"aaaa")
    for served, ticket in enumerate(tickets):
        assert [one.granted is not None for one in tickets].count(True) == served
        getattr(pool, how)(pool.busy[0])
        assert ticket.granted is not None
        if how == "lose":
            assert ticket.granted.connection is None
            pool.dialled(pool.dialling[0])
        pool.check()


def test_a_request_that_asks_again_comes_first() -> None:
    """Requests whose connections were dead wait before all that came after them, in their order."""
    pool = full(limit=2, a=2)
    first, second, third, other = queue(pool, *"aaab")
    for link in list(pool.busy):
        pool.release(link)
    assert first.granted and second.granted and not third.granted
    again = [pool.state.ask(first.host, ticket.number) for ticket in (second, first)]
    assert [ticket.number for ticket in first.host.queue] == [1, 2, 3]
    for ticket in again:
        assert isinstance(ticket, Ticket)
        pool.queued(ticket)
    for ticket in (again[1], again[0], third, other):
        pool.lose(pool.busy[0])
        assert isinstance(ticket, Ticket) and ticket.granted is not None
        pool.dialled(pool.dialling[0])
    pool.check()


def test_it_comes_before_other_origins_too() -> None:
    """Its number counts in the whole pool: nobody who came after it is served before it."""
    pool = full(limit=2, a=1, c=1)
    mine, other, later, last = queue(pool, *"abba")
    for link in list(pool.busy):
        pool.release(link)
    assert mine.granted and other.granted
    again = pool.state.ask(mine.host, mine.number)
    assert isinstance(again, Ticket)
    pool.queued(again)
    pool.failed(other.host)
    assert again.granted and not later.granted and not last.granted
    pool.check()


@pytest.mark.parametrize("dead", [True, False])
def test_a_connection_in_doubt(dead: bool) -> None:
    """If it is dead, its own request gets its place, before those who wait; else they wait on."""
    pool = full(limit=1, a=1)
    mine, others = queue(pool, "a", "b")
    pool.release(pool.busy[0])
    ticket = pool.doubt(pool.busy[0], mine.number)
    pool.settle(pool.busy[0], dead=dead)
    assert (ticket.granted is not None) == dead
    assert others.granted is None
    pool.check()


def test_another_origin_is_not_starved() -> None:
    """A place goes to the longest waiting request, even if its connection fits another one."""
    pool = full(limit=1, a=1)
    other, own = queue(pool, "b", "a")
    link = pool.busy[0]
    pool.release(link)
    assert other.granted == Grant(None) and own.granted is None
    assert link.closed
    pool.dialled(pool.dialling[0])
    pool.release(pool.busy[0])
    assert own.granted is not None
    pool.check()


def test_busy_origin_does_not_block_others() -> None:
    """Requests to an origin at its limit do not block those to others."""
    pool = full(limit=3, limit_per_host=1, a=1)
    queue(pool, *"aaa")
    assert pool.request("b") is None
    assert pool.request("c") is None
    pool.check()


def test_both_limits_keep_the_order() -> None:
    """A request that waits for its origin's limit is not passed over once there is room."""
    pool = full(limit=2, limit_per_host=2, a=2)
    tickets = queue(pool, *"baab")
    for served in range(4):
        pool.release(pool.busy[0])
        while pool.dialling:
            pool.dialled(pool.dialling[0])
        assert [one.granted is not None for one in tickets] == [at <= served for at in range(4)]
        pool.check()


def test_a_place_that_nobody_took_is_not_lost() -> None:
    """A failed dial gives its place to a waiting request, whatever limit it waits for."""
    pool = full(limit=2, limit_per_host=2, a=2)
    _, first, second = queue(pool, *"baa")
    pool.release(pool.busy[0])
    pool.release(pool.busy[0])
    assert first.granted is not None and second.granted is None
    pool.failed(pool.dialling[0])
    assert second.granted is not None
    pool.check()


def test_limit_is_named() -> None:
    """A ticket has the name of the limit that it waits for."""
    assert queue(full(limit=1, a=1), "b")[0].limit == "limit"
    assert queue(full(limit_per_host=1, a=1), "a")[0].limit == "limit_per_host"


def test_oldest_idle_is_evicted() -> None:
    """A full pool closes the longest idle connection to make room for another origin."""
    pool = full(limit=2, a=2)
    first, second = pool.busy
    pool.release(second)
    pool.release(first)
    assert pool.request("b") is None
    assert second.closed and not first.closed
    pool.check()


def test_last_used_is_reused() -> None:
    """The most recently used connection is reused first: it is the least likely to be dead."""
    pool = full(a=2)
    first, second = pool.busy
    pool.release(first)
    pool.release(second)
    pool.request("a")
    assert pool.busy == [second]


def test_old_connections_are_not_reused() -> None:
    """A connection that was idle for too long is not reused."""
    pool = full(a=1)
    link = pool.busy[0]
    pool.release(link)
    assert pool.state.reuse(link.host, link.idle_since_ns + 1) is None
    assert pool.state.expired(link.idle_since_ns) == [link]
    assert pool.state.reuse(link.host, link.idle_since_ns) is link


def test_withdrawing_twice_is_harmless() -> None:
    """A ticket can be withdrawn only once."""
    pool = full(limit=1, a=1)
    (ticket,) = queue(pool, "a")
    pool.withdraw(ticket)
    pool.state.withdraw(ticket)
    pool.check()


def test_origin_that_is_waited_for_is_not_forgotten() -> None:
    """An origin without connections keeps its object as long as a request waits for it."""
    pool = full(limit=1, a=1)
    other, own = queue(pool, "b", "a")
    pool.release(pool.busy[0])
    assert own.host is pool.state.host("a") and own.host.live
    pool.withdraw(own)
    assert not own.host.live
    pool.failed(other.host)
    assert not pool.state.hosts


def test_origins_are_forgotten() -> None:
    """Ten thousand origins that were used once need little memory."""
    pool = Pool(0, 0)
    for number in range(10_000):
        pool.request(str(number))
        pool.failed(pool.dialling[0])
    assert len(pool.state.hosts) <= 1024 + 1


def cost(tickets: int, origins: int) -> float:
    """Seconds of CPU for a thousand releases to waiting requests, and as many new ones."""
    state: PoolState[Link] = PoolState(100, 0)
    links = []
    for number in range(100):
        host = state.host(f"{number % origins}")
        assert isinstance(state.ask(host), Grant)
        links.append(Link(host))
        state.dialled(links[-1])
    for number in range(tickets):
        state.ask(state.host(f"{number % origins}"))
    began = time.process_time()
    for number in range(1000):
        link = links[number % 100]
        granted = state.release(link)
        assert granted is not None
        ticket, unwanted = granted
        if unwanted is not None:
            links[number % 100] = Link(ticket.host)
            state.dialled(links[number % 100])
        state.ask(state.host(f"{number % origins}"))
    return time.process_time() - began


@pytest.mark.parametrize("origins", [1, 50])
def test_ten_thousand_waiting_cost_as_ten(origins: int) -> None:
    """The cost of acquiring and releasing does not depend on the length of the queue."""
    few = min(cost(1_000, origins) for _ in range(3))
    many = min(cost(50_000, origins) for _ in range(3))
    assert many < few * 4


def test_withdrawing_from_the_middle_is_cheap() -> None:
    """Ten thousand tickets are withdrawn in any order in little time."""
    pool: PoolState[Link] = PoolState(1, 0)
    pool.ask(pool.host("a"))
    tickets = [pool.ask(pool.host("a")) for _ in range(10_000)]
    began = time.process_time()
    for ticket in tickets[::2] + tickets[1::2]:
        pool.withdraw(ticket)  # type: ignore[arg-type]
    assert time.process_time() - began < 1
    assert pool.waiting == 0
