"""The methods that an observer overrides name the events that it wants."""

from __future__ import annotations

from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.trace import declare, traces
from httptrace.trace.events import EVENTS

from .conftest import MakeSession
from .sequences import ANSWERED, FRESH, SENT, START
from .test_exchanges import HELLO, fetch

FRESH_REQUEST = [*START, *FRESH, *SENT, *ANSWERED]


def observer_of(*names: str) -> tuple[httptrace.Observer, list[str]]:
    """An observer that overrides these methods, and what they were called with."""
    called: list[str] = []

    def method(name: str) -> Any:
        def call(self: Any, event: Any) -> None:
            assert event.signal == name
            called.append(event.name)

        return call

    cls = type("Some", (httptrace.Observer,), {name: method(name) for name in names})
    return cls(), called


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the events that are created."""
    names: list[str] = []

    def make(cls: Any) -> Any:
        names.append(cls.name)
        return object.__new__(cls)

    for module in (traces, declare):
        monkeypatch.setattr(module, "new", make)
    return names


@pytest.mark.parametrize(
    "names",
    [
        ("on_request_finish",),
        ("on_request_start", "on_request_finish"),
        ("on_request_end",),
        ("on_dns_resolvehost_start", "on_socket_connect_end", "on_response_body_end"),
    ],
)
async def test_what_nobody_wants_is_not_made(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    noted: list[str],
    names: tuple[str, ...],
) -> None:
    """An observer gets the events whose methods it overrides; no others are created."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    observer, called = observer_of(*names)
    session = make_session(observers=[observer])
    await fetch(session, "GET", server.url)
    wanted = [name for name in FRESH_REQUEST if f"on_{name}" in names]
    assert called == noted == wanted


async def test_every_way_to_install(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Observers of different events get theirs, in whatever way they are installed."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    ways = [observer_of("on_request_finish", "on_response_first_byte") for _ in range(4)]
    of_process, of_session, of_request, of_block = (observer for observer, _ in ways)
    session = make_session(observers=[of_session])
    httptrace.install(of_process)
    try:
        with httptrace.observe(of_block):
            await fetch(session, "GET", server.url, observers=[of_request])
    finally:
        httptrace.uninstall(of_process)
    assert [called for _, called in ways] == [["response_first_byte", "request_finish"]] * 4


async def test_with_a_trace_config(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, noted: list[str]
) -> None:
    """Beside a TraceConfig only wanted events are created, and each listener gets its own."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    observer, called = observer_of("on_request_finish")
    config = httptrace.TraceConfig()
    told: list[str] = []
    config.on_request_start.append(lambda _s, _c, params: told.append(params.name))
    await fetch(make_session(observers=[observer], trace_configs=[config]), "GET", server.url)
    assert (told, called) == (["request_start"], ["request_finish"])
    assert noted == ["request_start", "request_finish"]


async def test_the_order_of_methods(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """For an event first `on_event` is called, then its own method, then the span's."""
    called: list[str] = []

    class Everything(httptrace.Observer):
        def on_event(self, event: httptrace.Event) -> None:
            if event.span == "request":
                called.append(f"event {event.name}")

        def on_request_start(self, event: httptrace.TraceRequestStartParams) -> None:
            called.append("own start")

        def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
            called.append("own finish")

        def on_span_start(self, span: httptrace.Span) -> None:
            if span.kind == "request":
                called.append("span start")

        def on_span_end(self, span: httptrace.Span) -> None:
            if span.kind == "request":
                called.append("span end")

    server = await scripted(HELLO)
    await fetch(make_session(observers=[Everything()]), "GET", server.url)
    assert called == [
        *["event request_start", "own start", "span start"],
        *["event request_finish", "own finish", "span end"],
    ]


async def test_spans_alone(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, noted: list[str]
) -> None:
    """An observer of spans gets the events created that open and close spans."""
    httptrace.uninstall(recorder)
    kinds: list[tuple[str, str | None]] = []

    class Ends(httptrace.Observer):
        def on_span_end(self, span: httptrace.Span) -> None:
            kinds.append((span.kind, span.parent and span.parent.kind))

    server = await scripted(HELLO)
    session = make_session(observers=[Ends()])
    for _ in range(2):
        await fetch(session, "GET", server.url)
    fresh = [("socket", "connection"), ("connection", "request"), ("request", None)]
    assert kinds == [*fresh, ("request", None)]
    spans = {event.name for event in EVENTS if event.span}
    assert noted[:6] == [name for name in FRESH_REQUEST if name in spans]


async def test_methods_assigned_to_the_observer(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A method that is assigned to an observer itself is called as well."""
    server = await scripted(HELLO)
    called: list[str] = []
    observer = httptrace.Observer()
    observer.on_request_finish = lambda event: called.append(event.name)  # type: ignore[method-assign]
    await fetch(make_session(observers=[observer]), "GET", server.url)
    assert called == ["request_finish"]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("on_request_finsh", "on_request_finish"),
        ("on_events", "on_event"),
        ("on_span_begin", "on_span"),
        ("on_dns_resolve_start", "on_dns_resolvehost_start"),
    ],
)
def test_misspelt_method(name: str, suggestion: str) -> None:
    """A method that belongs to no event is refused when the class is created, with a hint."""
    with pytest.raises(TypeError, match=rf"Wrong\.{name} .*; did you mean {suggestion}"):
        type("Wrong", (httptrace.Observer,), {name: lambda self, event: None})


def test_misspelt_method_of_another_base() -> None:
    """A base that is not an Observer is checked too."""

    class Mixin:
        def on_request_finsh(self, event: Any) -> None:
            """Never called."""

    with pytest.raises(TypeError, match="on_request_finish"):
        type("Wrong", (Mixin, httptrace.Observer), {})


@pytest.mark.parametrize("name", ["on_event", "on_request_finish", "on_span_start"])
def test_coroutine_function(name: str) -> None:
    """A coroutine function is refused when the class is created: it would not be awaited."""

    async def method(self: Any, event: Any) -> None:
        """Never awaited."""

    with pytest.raises(TypeError, match=rf"Wrong\.{name} must be a plain function"):
        type("Wrong", (httptrace.Observer,), {name: method})


async def test_overridden_by_a_base(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A method of a base or mixin counts as the class's own, and can be extended."""
    called: list[str] = []

    class Base(httptrace.Observer):
        def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
            called.append("base")

    class Derived(Base):
        def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
            super().on_request_finish(event)
            called.append("derived")

    server = await scripted(HELLO)
    await fetch(make_session(observers=[Derived(), Base()]), "GET", server.url)
    assert called == ["base", "derived", "base"]


async def test_the_end_of_each_request_alone(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """An observer of the end alone gets each end once, with its outcome and timeline."""
    httptrace.uninstall(recorder)
    ends: list[tuple[str, int, bool]] = []

    class Ends(httptrace.Observer):
        def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
            ends.append((event.outcome, len(event.timeline.hops), event.timeline.complete))

    async def script(peer: Peer) -> None:
        for answer in (response_bytes(302, b"", ("Location", "/b")), HELLO, HELLO[:-3]):
            await peer.request()
            await peer.send(answer)
        await peer.hang()

    server = await scripted(script)
    session = make_session(observers=[Ends()])
    await fetch(session, "GET", server.url)
    response = await session.get(server.url)
    response.release()
    with pytest.raises(httptrace.ClientConnectorError):
        await session.get("http://127.0.0.1:1/")
    assert ends == [("completed", 2, True), ("dropped", 1, True), ("failed", 1, True)]


async def test_requests_of_a_session_share_a_trace(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """With observers of ends alone, one object serves all requests of a session."""
    httptrace.uninstall(recorder)
    server = await scripted(HELLO)
    observer, _ = observer_of("on_request_finish")
    session = make_session(observers=[observer])
    calls = [session.get(server.url) for _ in range(2)]
    for call in calls:
        await (await call).read()
    first, second = (call.trace for call in calls)
    assert isinstance(first, traces.CallTrace) and first is second


async def test_raising_at_the_end(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An observer of ends that raises is logged once and dropped; requests go on."""
    httptrace.uninstall(recorder)

    class Raising(httptrace.Observer):
        def on_request_finish(self, event: httptrace.TraceRequestFinishParams) -> None:
            raise LookupError

    server = await scripted(HELLO)
    session = make_session(observers=[Raising()])
    for _ in range(2):
        assert await fetch(session, "GET", server.url) == b"hello"
    (record,) = caplog.records
    assert "request_finish" in record.getMessage()


def test_help_names_the_methods() -> None:
    """Each event has a method with a docstring, for `help()` and for editors."""
    for event in EVENTS:
        method = getattr(httptrace.Observer, event.signal)
        assert method.__doc__
        assert method.__annotations__["event"] == f"events.{event.__name__}"


def test_what_is_no_observer() -> None:
    """`observe` refuses what is not an Observer."""
    with pytest.raises(TypeError, match="observe"), httptrace.observe(print):  # type: ignore[arg-type]
        pass
