"""`TraceConfig` as aiohttp documents it, with every signal that is declared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import httptrace
from httptrace.testing import EventRecorder, Peer, response_bytes
from httptrace.trace.events import EVENTS

from .conftest import MakeSession
from .sequences import ANSWERED, BODY, CLOSED, END, FAILED, FINISH, FRESH, HEAD, SENT, START
from .test_exchanges import HELLO, fetch

SIGNALS = [event.signal for event in EVENTS]


def listening(hear: Callable[[str, Any, Any, Any], Any], **options: Any) -> httptrace.TraceConfig:
    """A TraceConfig of which every signal calls `hear` with its name."""
    config = httptrace.TraceConfig(**options)

    def callback(name: str) -> Any:
        async def heard(session: Any, context: Any, params: Any) -> None:
            hear(name, session, context, params)

        return heard

    for event in EVENTS:
        getattr(config, event.signal).append(callback(event.name))
    return config


async def test_every_signal_has_its_class() -> None:
    """Each declared moment is a signal of its own, under aiohttp's name where it has one."""
    config = httptrace.TraceConfig()
    for event in EVENTS:
        assert isinstance(getattr(config, event.signal), httptrace.Signal)
    assert len({id(getattr(config, signal)) for signal in SIGNALS}) == len(EVENTS)


async def test_hears_what_observers_see(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """Coroutine callbacks hear the same moments in the same order as observers."""
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
    """Two requests at once do not share a context; without trace_request_ctx it holds None."""
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
    """The factory makes the context, and is called with trace_request_ctx by name."""

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
    """Configs hear in the order in which they were given, callbacks in that of appending."""
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
    """A plain function does as well as a coroutine function, and so does any awaitable."""
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
    """Callbacks are fixed once a session has the config."""
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
    """What is no TraceConfig is refused before anything is sent."""
    with pytest.raises(TypeError, match="TraceConfig"):
        httptrace.ClientSession(trace_configs=wrong)


async def test_headers_can_be_changed_at_the_start(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """on_request_start may add, change and remove headers; they are sent so, and only then."""

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
    """A header that a listener has added stays for the hops of the same origin."""

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
    """A listener cannot smuggle a line break into the head: the request fails unsent."""

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


# --- listeners that raise -------------------------------------------------------------------------


class Broken(Exception):
    """What the listeners of these tests raise."""


@pytest.mark.parametrize("name", [*START, *FRESH, *SENT, *HEAD, *END])
async def test_raising_before_the_response(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """A callback that raises fails the request; everybody else still hears of everything."""

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    after: list[str] = []
    server = await scripted(HELLO)
    session = make_session(
        trace_configs=[listening(hear), listening(lambda n, *_: after.append(n))]
    )
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    names = recorder.names()
    assert names[-2:] == FAILED
    assert after == names
    exception = recorder.of("request_exception")[0].exception
    assert isinstance(exception, Broken)
    finish = recorder.of("request_finish")[0]
    assert (finish.outcome, finish.exception) == ("failed", exception)
    assert session.connector is not None
    stats = session.connector.stats()
    assert stats.open == stats.idle
    httptrace.uninstall(recorder)
    silent = make_session()
    assert await fetch(silent, "GET", server.url) == b"hello"


@pytest.mark.parametrize("name", [*BODY, "connection_released"])
async def test_raising_in_the_body(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """A callback that raises while the body is read fails whoever reads, and ends the request."""

    async def parted(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces([HELLO[:-5], HELLO[-5:]])

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    server = await scripted(parted)
    session = make_session(trace_configs=[listening(hear)])
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    names = recorder.names()
    assert [n for n in names if n not in CLOSED] == [*START, *FRESH, *SENT, *ANSWERED]
    assert names[-1] == "request_finish"


@pytest.mark.parametrize("name", ["request_finish"])
async def test_raising_at_the_end(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder, name: str
) -> None:
    """A callback that raises at the very end is heard of, and changes nothing that was."""

    def hear(told: str, *_: Any) -> None:
        if told == name:
            raise Broken(told)

    server = await scripted(HELLO)
    session = make_session(trace_configs=[listening(hear)])
    with pytest.raises(Broken, match=name):
        await fetch(session, "GET", server.url)
    assert recorder.names() == [*START, *FRESH, *SENT, *ANSWERED]


async def test_raising_in_the_queue_gives_the_place_back(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A callback that raises at a queue's start or end leaves no place taken."""

    async def gate(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.events["gate"].wait()
            await peer.send(HELLO)

    for name in ("connection_queued_start", "connection_queued_end"):

        def hear(told: str, *_: Any, wrong: str = name) -> None:
            if told == wrong:
                raise Broken(told)

        server = await scripted(gate)
        connector = httptrace.TCPConnector(limit=1)
        session = make_session(connector=connector, trace_configs=[listening(hear)])
        first = asyncio.create_task(fetch(session, "GET", server.url))
        await server.received()
        second = asyncio.create_task(fetch(session, "GET", server.url))
        await asyncio.sleep(0.01)
        server.events["gate"].set()
        results = await asyncio.gather(first, second, return_exceptions=True)
        assert results[0] == b"hello"
        assert isinstance(results[1], Broken)
        stats = connector.stats()
        assert (stats.waiting, stats.open - stats.idle) == (0, 0)
        assert await fetch(session, "GET", server.url) == b"hello"


async def test_raising_from_where_nobody_waits(
    make_session: MakeSession,
    scripted: Any,
    recorder: EventRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After `release()` nobody can be told but the log: the error is there, once."""

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.hang()

    def hear(told: str, *_: Any) -> None:
        if told == "request_finish":
            raise Broken(told)

    server = await scripted(half)
    session = make_session(trace_configs=[listening(hear)])
    response = await session.get(server.url)
    response.release()
    await session.close()
    records = [record for record in caplog.records if record.name == "httptrace"]
    assert len(records) == 1
    assert records[0].exc_info is not None and records[0].exc_info[0] is Broken


# --- listeners that take their time ---------------------------------------------------------------


async def test_slow_listener_delays_its_own_request_only(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """While one request's callback waits, others on the same connector come and go."""
    gate = asyncio.Event()
    entered = asyncio.Event()

    async def wait(session: Any, context: Any, params: Any) -> None:
        if context.trace_request_ctx == "slow":
            entered.set()
            await gate.wait()

    for signal in SIGNALS:
        if signal.startswith(("on_dns", "on_tls", "on_proxy", "on_websocket", "on_cache")):
            continue
        config = httptrace.TraceConfig()
        getattr(config, signal).append(wait)
        server = await scripted(HELLO)
        session = make_session(trace_configs=[config])
        slow = asyncio.create_task(fetch(session, "GET", server.url, trace_request_ctx="slow"))
        waiting = asyncio.create_task(entered.wait())
        await asyncio.wait([slow, waiting], return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(5):
            for _ in range(3):
                assert await fetch(session, "GET", server.url) == b"hello"
        waiting.cancel()
        gate.set()
        assert await slow == b"hello"
        gate.clear()
        entered.clear()


async def test_async_listeners_of_a_release_are_waited_for(
    make_session: MakeSession, scripted: Any
) -> None:
    """`release()` and `close()` are synchronous; closing the session waits for their callbacks."""
    heard: list[str] = []

    async def finish(session: Any, context: Any, params: Any) -> None:
        await asyncio.sleep(0.01)
        heard.append(params.outcome)

    config = httptrace.TraceConfig()
    config.on_request_finish.append(finish)

    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.send(HELLO[:-3])
        await peer.hang()

    server = await scripted(half)
    session = make_session(trace_configs=[config])
    for way in ("release", "close"):
        response = await session.get(server.url)
        getattr(response, way)()
    assert heard == []
    await session.close()
    assert heard == ["dropped", "dropped"]


async def test_listener_that_reads_the_body(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """on_request_end may read the response; the caller reads it again."""
    bodies: list[bytes] = []

    async def end(session: Any, context: Any, params: Any) -> None:
        bodies.append(await params.response.read())

    config = httptrace.TraceConfig()
    config.on_request_end.append(end)

    async def parted(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send_pieces([HELLO[:-5], HELLO[-5:]])

    server = await scripted(parted)
    session = make_session(trace_configs=[config])
    assert await fetch(session, "GET", server.url) == b"hello"
    assert bodies == [b"hello"]
    assert recorder.names() == [
        *START,
        *FRESH,
        *SENT,
        *HEAD,
        *END,
        *BODY,
        "connection_released",
        *FINISH,
    ]


async def test_listener_that_makes_a_request(
    make_session: MakeSession, scripted: Any, recorder: EventRecorder
) -> None:
    """A callback may use the session: its request is one of its own."""
    server = await scripted(HELLO)

    async def start(session: Any, context: Any, params: Any) -> None:
        if context.trace_request_ctx != "inner":
            await fetch(session, "GET", server.url + "/inner", trace_request_ctx="inner")

    config = httptrace.TraceConfig()
    config.on_request_start.append(start)
    session = make_session(trace_configs=[config])
    assert await fetch(session, "GET", server.url + "/outer") == b"hello"
    assert [request.path for request in server.requests] == ["/inner", "/outer"]
    assert len(recorder.requests) == 2
