"""`TraceConfig`: what its callbacks get, when, and what they may change."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, response_bytes
from httptrace.trace.events import EVENTS

from .conftest import MakeSession
from .listening import SIGNALS, listening
from .sequences import ANSWERED, FAILED, FRESH, SENT, START
from .test_exchanges import HELLO, fetch


async def test_every_signal_has_its_class() -> None:
    """Each declared event is a signal, with aiohttp's name if it has one."""
    config = httptrace.TraceConfig()
    for event in EVENTS:
        assert isinstance(getattr(config, event.signal), httptrace.Signal)
    assert len({id(getattr(config, signal)) for signal in SIGNALS}) == len(EVENTS)


async def test_hears_what_observers_see(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Coroutine callbacks get the same events in the same order as observers."""
    heard: list[str] = []
    server = await scripted(HELLO)
    config = listening(lambda name, *_: heard.append(name))
    session = make_session(trace_configs=[config])
    await fetch(session, "GET", server.url)
    assert heard == recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]


async def test_arguments(make_session: MakeSession, scripted: Any) -> None:
    """Callbacks get the session, the request's context and params of the signal's class."""
    heard: list[Any] = []
    server = await scripted(HELLO)
    session = make_session(trace_configs=[listening(lambda *args: heard.append(args))])
    await fetch(session, "GET", server.url, trace_request_ctx={"user": 7})
    assert {id(given) for _name, given, _context, _params in heard} == {id(session)}
    contexts = {id(context) for _name, _session, context, _params in heard}
    assert len(contexts) == 1
    context = heard[0][2]
    assert type(context) is SimpleNamespace
    assert context.trace_request_ctx == {"user": 7}
    for name, _session, _context, params in heard:
        assert type(params).__name__ == next(e.__name__ for e in EVENTS if e.name == name)


async def test_context_is_one_for_each_request(make_session: MakeSession, scripted: Any) -> None:
    """Concurrent requests do not share a context; without trace_request_ctx it has None."""
    seen: dict[int, set[int]] = {}
    contexts: list[Any] = []

    def hear(name: str, session: Any, context: Any, params: Any) -> None:
        seen.setdefault(params.request_id, set()).add(id(context))
        contexts.append(context)

    server = await scripted(HELLO)
    session = make_session(trace_configs=[listening(hear)])
    await asyncio.gather(*(fetch(session, "GET", server.url) for _ in range(5)))
    assert len(seen) == 5
    assert all(len(ids) == 1 for ids in seen.values())
    assert len({id(context) for context in contexts}) == 5
    assert contexts[0].trace_request_ctx is None


async def test_context_factory(make_session: MakeSession, scripted: Any) -> None:
    """The factory creates the context, and is called with trace_request_ctx by name."""

    class Context:
        def __init__(self, trace_request_ctx: Any = None) -> None:
            self.given = trace_request_ctx

    contexts: list[Any] = []
    config = listening(
        lambda _name, _session, context, _params: contexts.append(context),
        trace_config_ctx_factory=Context,
    )
    server = await scripted(HELLO)
    session = make_session(trace_configs=[config])
    await fetch(session, "GET", server.url, trace_request_ctx="mine")
    assert {type(context) for context in contexts} == {Context}
    assert contexts[0].given == "mine"
    assert isinstance(config.trace_config_ctx("other"), Context)


async def test_several_configs_in_order(make_session: MakeSession, scripted: Any) -> None:
    """Configs are called in the order in which they were given, callbacks in that of appending."""
    heard: list[str] = []

    def config(name: str) -> httptrace.TraceConfig:
        made = httptrace.TraceConfig()
        for number in (1, 2):

            async def hear(*_: Any, said: str = f"{name}{number}") -> None:
                heard.append(said)

            made.on_request_start.append(hear)
            made.on_request_finish.append(hear)
        return made

    server = await scripted(HELLO)
    session = make_session(trace_configs=[config("a"), config("b")])
    await fetch(session, "GET", server.url, trace_configs=[config("c")])
    assert heard == ["a1", "a2", "b1", "b2", "c1", "c2"] * 2


async def test_plain_functions(make_session: MakeSession, scripted: Any) -> None:
    """A plain function is accepted, and a function that returns an awaitable."""
    heard: list[str] = []
    config = httptrace.TraceConfig()
    config.on_request_start.append(lambda session, context, params: heard.append("plain"))

    def future(session: Any, context: Any, params: Any) -> Any:
        heard.append("future")
        made = asyncio.get_running_loop().create_future()
        made.get_loop().call_soon(made.set_result, None)
        return made

    config.on_request_start.append(future)
    server = await scripted(HELLO)
    session = make_session(trace_configs=[config])
    await fetch(session, "GET", server.url)
    assert heard == ["plain", "future"]


async def test_frozen(make_session: MakeSession) -> None:
    """Callbacks cannot be changed once a session has the config."""
    config = httptrace.TraceConfig()

    async def callback(*_: Any) -> None: ...

    config.on_request_start.append(callback)
    assert not config.frozen and not config.on_request_start.frozen
    session = make_session(trace_configs=[config])
    assert config.frozen and config.on_request_start.frozen
    assert session.trace_configs == [config]
    for change in (
        lambda: config.on_request_start.append(callback),
        lambda: config.on_request_end.insert(0, callback),
        config.on_request_start.clear,
    ):
        with pytest.raises(RuntimeError, match="frozen"):
            change()
    make_session(trace_configs=[config])  # may be used again


@pytest.mark.parametrize("wrong", [["x"], [httptrace.TraceConfig], [object()]])
async def test_what_is_no_config(wrong: list[Any]) -> None:
    """What is not a TraceConfig is refused before anything is sent."""
    with pytest.raises(TypeError, match="TraceConfig"):
        httptrace.ClientSession(trace_configs=wrong)


async def test_headers_can_be_changed_at_the_start(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """on_request_start may add, change and remove headers; later events may not."""

    async def change(session: Any, context: Any, params: Any) -> None:
        params.headers["X-Trace"] = "7"
        params.headers["User-Agent"] = "changed"
        del params.headers["Accept"]

    config = httptrace.TraceConfig()
    config.on_request_start.append(change)
    server = await scripted(HELLO)
    session = make_session(trace_configs=[config])
    for _ in range(2):
        await fetch(session, "GET", server.url)
    plain = make_session()
    await fetch(plain, "GET", server.url)
    changed, again, untouched = server.requests
    for request in (changed, again):
        assert request.header("X-Trace") == "7"
        assert request.values("User-Agent") == ["changed"]
        assert request.header("Accept") is None
    assert untouched.header("X-Trace") is None
    assert recorder.of("request_headers_sent")[0].headers["X-Trace"] == "7"
    assert b"X-Trace: 7\r\n" in recorder.of("request_headers_sent")[0].head


async def test_changed_headers_follow_redirects(make_session: MakeSession, scripted: Any) -> None:
    """A header that a listener has added is sent with all hops to the same origin."""

    async def change(session: Any, context: Any, params: Any) -> None:
        params.headers["X-Trace"] = "7"

    config = httptrace.TraceConfig()
    config.on_request_start.append(change)
    server = await scripted(response_bytes(302, b"", ("Location", "/x")))
    session = make_session(trace_configs=[config])
    with pytest.raises(httptrace.TooManyRedirects):
        await fetch(session, "GET", server.url, max_redirects=2)
    assert [request.header("X-Trace") for request in server.requests] == ["7", "7"]


async def test_bad_header_from_a_listener(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A listener cannot inject a line break into the head: the request fails unsent."""

    async def change(session: Any, context: Any, params: Any) -> None:
        params.headers["X-Trace"] = "7\r\nX-Evil: 1"

    config = httptrace.TraceConfig()
    config.on_request_start.append(change)
    server = await scripted(HELLO)
    session = make_session(trace_configs=[config])
    with pytest.raises(ValueError, match="X-Trace"):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FAILED]
    assert server.connections == []
