"""`EventRecorder`: what it keeps, and how it reports each broken rule."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, ScriptedServer, responding, response_bytes
from httptrace.trace.declare import event_of, record_of

HELLO = response_bytes(200, b"hello")


async def recorded() -> EventRecorder:
    """A recorder that has seen two requests."""
    recorder = EventRecorder()
    async with ScriptedServer(HELLO) as server:
        async with httptrace.ClientSession(observers=[recorder]) as session:
            for _ in range(2):
                async with session.get(server.url) as response:
                    await response.read()
    return recorder


async def test_what_it_keeps() -> None:
    """Events, names and spans are kept in order, for all requests or one; `clear` removes them."""
    recorder = await recorded()
    recorder.check()
    first, second = recorder.requests
    assert recorder.names() == [event.name for event in recorder.events]
    assert recorder.names(first) + recorder.names(second) == recorder.names()
    assert "connection_reuseconn" in recorder.names(second)
    assert [event.request_id for event in recorder.of("request_start")] == [first, second]
    assert len(recorder.of("request_finish", second)) == 1
    assert [span.kind for span in recorder.spans(first)] == ["request", "connection", "socket"]
    assert len(recorder.spans()) == 4
    assert [timeline.request_id for timeline in recorder.timelines()] == [first, second]
    recorder.clear()
    assert (recorder.events, recorder.spans(), recorder.requests) == ([], [], [])
    recorder.check()


def without(recorder: EventRecorder, name: str) -> None:
    """Remove the events with this name."""
    keep = [event.name != name for event in recorder.events]
    for kept in (recorder.events, recorder._connections):
        kept[:] = [one for one, wanted in zip(kept, keep, strict=True) if wanted]  # type: ignore[index]


def again(recorder: EventRecorder, name: str) -> None:
    """Repeat the first event with this name at the end."""
    recorder.on_event(recorder.of(name)[0])


def at_end(recorder: EventRecorder, name: str) -> None:
    """Move the first event with this name to the end of its request."""
    event = recorder.of(name)[0]
    without(recorder, name)
    recorder.on_event(event)


@pytest.mark.parametrize(
    ("spoil", "name", "said"),
    [
        (without, "request_start", "it begins with connection_create_start"),
        (without, "request_finish", "it finished 0 times"),
        (again, "request_finish", "it finished 2 times"),
        (again, "response_chunk_received", r"after its end came \['response_chunk_received'\]"),
        (without, "socket_connect_end", r"without end are .*'socket'"),
        (without, "socket_connect_start", "socket_connect_end ends what has not begun"),
        (at_end, "socket_connect_end", r"comes before the end of \['socket'\]"),
        (at_end, "request_headers_sent", "request_headers_sent is told after request_finish"),
    ],
)
async def test_broken_rules(spoil: Any, name: str, said: str) -> None:
    """Each broken rule is named, with the events of the request."""
    recorder = await recorded()
    spoil(recorder, name)
    with pytest.raises(AssertionError, match=said) as caught:
        recorder.check()
    assert "its events are" in str(caught.value)


async def test_lost_connection_id() -> None:
    """The events of an attempt always have the same connection, once there is one."""
    recorder = await recorded()
    recorder._connections[-1] = 999_999
    with pytest.raises(AssertionError, match="request_finish tells connection 999999"):
        recorder.check()


async def test_attempts_run_forwards() -> None:
    """An event of an earlier attempt must not follow one of a later attempt."""
    recorder = EventRecorder()
    redirect = response_bytes(302, b"", ("Location", "/there"))
    async with ScriptedServer(responding(redirect, HELLO)) as server:
        async with httptrace.ClientSession(observers=[recorder]) as session:
            async with session.get(server.url) as response:
                await response.read()
    recorder.check()
    recorder.events.insert(-1, recorder.of("request_headers_sent")[0])
    recorder._connections.insert(-1, recorder.events[-2].connection_id)
    with pytest.raises(AssertionError, match="of attempt 1 comes after attempt 2"):
        recorder.check()


async def test_exception_after_the_end() -> None:
    """After `request_end`, a request has no `request_exception`."""
    recorder = await recorded()
    finish = recorder.of("request_finish")[0]
    exception = event_of(httptrace.TraceRequestExceptionParams, record_of(finish), finish.time_ns)
    recorder.events.insert(recorder.events.index(finish), exception)
    recorder._connections.insert(0, recorder._connections[-1])
    with pytest.raises(AssertionError, match="has request_exception after request_end"):
        recorder.check()


async def test_many_requests_are_checked_in_linear_time() -> None:
    """Checking eight times as many requests reads eight times as many events, not sixty-four."""
    read = 0

    class Source:
        def __init__(self, source: Any, request_id: int) -> None:
            self._source, self._request_id = source, request_id

        @property
        def request_id(self) -> int:
            nonlocal read
            read += 1
            return self._request_id

        def __getattr__(self, name: str) -> Any:
            return getattr(self._source, name)

    one = await recorded()
    request = [event for event in one.events if event.request_id == one.requests[0]]

    def checked(count: int) -> int:
        nonlocal read
        recorder = EventRecorder()
        for number in range(count):
            source: Any = Source(record_of(request[0]), 1000 + number)
            for event in request:
                recorder.on_event(event_of(type(event), source, event.time_ns, *event._fact[3]))
        read = 0
        recorder.check()
        return read

    assert checked(160) == 8 * checked(20) > 0


async def test_request_under_way() -> None:
    """A request that has not ended breaks a rule: it must end before the check."""
    recorder = EventRecorder()
    async with ScriptedServer(HELLO[:-3]) as server:
        async with httptrace.ClientSession(observers=[recorder]) as session:
            async with session.get(server.url):
                with pytest.raises(AssertionError, match="finished 0 times"):
                    recorder.check()
    recorder.check()


def test_names_are_sorted_and_there() -> None:
    """`httptrace.testing` has a sorted `__all__`."""
    import httptrace.testing as testing

    assert list(testing.__all__) == sorted(testing.__all__)
    assert all(hasattr(testing, name) for name in testing.__all__)


def test_import_is_light() -> None:
    """Importing it imports neither cryptography nor pytest: certificates are a separate module."""
    code = "import httptrace.testing, sys; print({'cryptography', 'pytest'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "set()\n"
