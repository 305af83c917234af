"""The cache in a session: what it answers, what it asks, what it stores."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from tests.client.conftest import MakeSession, Serve
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import MemoryCacheStore
from httptrace.testing import EventRecorder, Peer
from httptrace.testing.scripted import responding

from .conftest import Clock, got, made


async def test_hit(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory, clock: Clock
) -> None:
    """A fresh response answers the second request: real, with its age, and nothing is sent."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60", X_Kept="yes"))
    session = make_session(middlewares=[cache])
    assert await got(session.get(server.url)) == (200, b"one", "miss")
    clock.now += 7
    async with session.get(server.url) as response:
        assert (response.status, await response.text()) == (200, "one")
        assert response.from_cache
        assert response.headers["Age"] == "7"
        assert response.headers["X-Kept"] == "yes"
        assert response.cache == httptrace.CacheFacts(
            "hit", "it is fresh for 53 s more by max-age=60", 7.0
        )
    (hop,) = response.timeline.hops
    assert hop.cache == response.cache
    assert (hop.bytes_sent, hop.connection_id, hop.body_received) == (0, None, 3)
    assert "cache hit: it is fresh for 53 s more" in str(response.timeline)
    assert len(server.requests) == 1


async def test_events(
    cache: httptrace.Cache,
    make_session: MakeSession,
    scripted: ScriptedFactory,
    clock: Clock,
    recorder: EventRecorder,
) -> None:
    """Each of the four events is told with its reason, in order, before the end of the request."""
    fresh = made(200, b"one", Cache_Control="max-age=60", ETag='"a"')
    server = await scripted(responding(fresh, made(304, b"", length=False, ETag='"a"')))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    await got(session.get(server.url))
    clock.now += 61
    assert await got(session.get(server.url)) == (200, b"one", "revalidated")
    first, second, third = recorder.requests
    names = recorder.names(first)
    assert names[:2] == ["request_start", "cache_miss"]
    assert sorted(names[-4:]) == [
        *("cache_stored", "connection_released", "request_finish", "response_body_end")
    ]
    assert recorder.names(second) == ["request_start", "cache_hit", "request_end", "request_finish"]
    told = [name for name in recorder.names(third) if name.startswith("cache")]
    assert told == ["cache_revalidated"]
    assert [event.reason for event in recorder.of("cache_miss")] == [
        "nothing is stored for this URL"
    ]
    (stored,) = recorder.of("cache_stored")
    assert (stored.size, stored.reason) == (3, "it is fresh for 60 s by max-age=60")
    (revalidated,) = recorder.of("cache_revalidated")
    assert revalidated.reason == "it is stale since 1 s by max-age=60"
    assert [hop.status for hop in recorder.timelines()[2].hops] == [304, 200]


async def test_revalidation_updates(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory, clock: Clock
) -> None:
    """A 304 makes the stored response fresh again, with the new header fields."""
    first = made(200, b"one", Cache_Control="max-age=1", ETag='"a"', X_A="1", X_B="1")
    confirmed = made(304, b"", length=False, Cache_Control="max-age=60", ETag='"a"', X_A="2")
    server = await scripted(responding(first, confirmed))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    clock.now += 5
    async with session.get(server.url) as response:
        assert (response.headers["X-A"], response.headers["X-B"]) == ("2", "1")
        assert "If-None-Match" not in response.request_info.headers
    assert server.requests[1].header("If-None-Match") == '"a"'
    clock.now += 30
    assert await got(session.get(server.url)) == (200, b"one", "hit")


async def test_encoded_body(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A body is stored as it was received, and decoded for each reader."""
    packed = gzip.compress(b"text " * 1000)
    server = await scripted(made(200, packed, Cache_Control="max-age=9", Content_Encoding="gzip"))
    session = make_session(middlewares=[cache])
    for state in ("miss", "hit", "hit"):
        assert await got(session.get(server.url)) == (200, b"text " * 1000, state)


@pytest.mark.parametrize("size", [64 << 10, 3 << 20])
async def test_streams(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory, size: int
) -> None:
    """Long bodies are stored while they are read, and read again piece by piece."""
    body = bytes(range(256)) * (size // 256)
    server = await scripted(made(200, body, Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    for state in ("miss", "hit"):
        async with session.get(server.url) as response:
            pieces = [piece async for piece in response.content.iter_chunked(50_000)]
            assert b"".join(pieces) == body
            assert response.cache is not None
            assert response.cache.state == state
    status, part, state = await got(session.get(server.url, headers={"Range": "bytes=70-65000"}))
    assert (status, part, state) == (206, body[70:65001], "hit")


async def test_dropped_stream(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A stored body that is left in the middle, or whose read is cancelled, leaves nothing open."""
    body = b"x" * (2 << 20)
    server = await scripted(made(200, body, Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    async with session.get(server.url) as response:
        assert len(await response.content.read(10)) == 10
    async with session.get(server.url) as response:
        reading = asyncio.create_task(response.content.read(10))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        rest = await response.content.read()
        assert len(rest) == len(body) - 10 * (not reading.cancelled())
    assert await got(session.get(server.url)) == (200, body, "hit")


async def test_incomplete_is_not_stored(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A body that ends before its Content-Length is an error for its reader, and not stored."""

    async def short(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            made(200, b"12345", length=False, Content_Length="9", Cache_Control="max-age=9")
        )

    server = await scripted(short, made(200, b"whole", Cache_Control="max-age=9"))
    session = make_session(middlewares=[cache])
    with pytest.raises(httptrace.ClientPayloadError):
        await got(session.get(server.url))
    assert await got(session.get(server.url)) == (200, b"whole", "miss")
    assert await got(session.get(server.url)) == (200, b"whole", "hit")


async def test_cancelled_read_is_not_stored(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A response that its reader leaves or cancels in the middle is not stored."""

    async def hangs(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            made(200, b"12345", length=False, Content_Length="9", Cache_Control="max-age=9")
        )
        await peer.until_closed()

    server = await scripted(hangs, hangs, made(200, b"whole", Cache_Control="max-age=9"))
    session = make_session(middlewares=[cache])
    async with session.get(server.url) as response:
        assert await response.content.readany() == b"12345"
    response = await session.get(server.url)
    reading = asyncio.create_task(response.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await got(session.get(server.url)) == (200, b"whole", "miss")


@pytest.mark.parametrize("announced", [True, False])
async def test_too_large(
    make_session: MakeSession, scripted: ScriptedFactory, announced: bool
) -> None:
    """A response that is larger than the store is passed through, announced or not."""
    store = MemoryCacheStore(100_000)
    body = b"x" * 300_000
    whole = made(200, body, length=announced, Cache_Control="max-age=9")

    async def closes(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole)

    server = await scripted(closes, closes)
    session = make_session(middlewares=[httptrace.Cache(store)])
    for _ in range(2):
        assert await got(session.get(server.url)) == (200, body, "miss")
    assert (len(store), store.stored_bytes) == (0, 0)


async def test_least_recently_used_goes(make_session: MakeSession, serve: Serve) -> None:
    """The store keeps its limit; what was not used for the longest time goes first."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 10_000, headers={"Cache-Control": "max-age=60"})

    origin = await serve({"/{name}": answer})
    store = MemoryCacheStore(35_000)
    session = make_session(origin, middlewares=[httptrace.Cache(store)])
    states = [
        (await got(session.get(path)))[2] for path in ("/a", "/b", "/c", "/a", "/d", "/a", "/b")
    ]
    assert states == ["miss", "miss", "miss", "hit", "miss", "hit", "miss"]
    assert store.stored_bytes <= 35_000


async def test_vary(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Responses are kept for each value of the fields in Vary; with ``*`` they are not kept."""
    german = made(200, b"de", Cache_Control="max-age=60", Vary="X-Language")
    english = made(200, b"en", Cache_Control="max-age=60", Vary="X-Language")
    server = await scripted(responding(german, english))
    session = make_session(middlewares=[cache])
    languages = ("de", "en", "de", "en")
    found = [await got(session.get(server.url, headers={"X-Language": one})) for one in languages]
    assert [one[1:] for one in found] == [
        *((b"de", "miss"), (b"en", "miss"), (b"de", "hit"), (b"en", "hit"))
    ]
    star = await scripted(made(200, b"one", Cache_Control="max-age=60", Vary="*"))
    assert [(await got(session.get(star.url)))[2] for _ in range(2)] == ["miss", "miss"]


async def test_authorization(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A response to one user's credentials is not given to another one's."""
    server = await scripted(
        responding(*[made(200, b"%d" % n, Cache_Control="max-age=60") for n in (1, 2)])
    )
    session = make_session(middlewares=[cache])
    found = [
        (await got(session.get(server.url, headers={"Authorization": who})))[1:]
        for who in ("alice", "bob", "alice", "bob")
    ]
    assert found == [(b"1", "miss"), (b"2", "miss"), (b"1", "hit"), (b"2", "hit")]


async def test_only_if_cached(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A request with only-if-cached gets 504 if nothing is stored, and is never sent."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    asking = {"Cache-Control": "only-if-cached"}
    assert await got(session.get(server.url, headers=asking)) == (504, b"", "refused")
    assert server.requests == []
    await got(session.get(server.url))
    assert await got(session.get(server.url, headers=asking)) == (200, b"one", "hit")


async def test_unsafe_method_invalidates(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """After a successful POST the origin is asked again."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    await got(session.post(server.url, data=b"change"))
    assert (await got(session.get(server.url)))[2] == "miss"


async def test_stale_while_revalidate(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory, clock: Clock
) -> None:
    """A stale response answers at once, and is renewed in the background once."""
    lasting = "max-age=10, stale-while-revalidate=60"
    server = await scripted(
        responding(
            made(200, b"old", Cache_Control=lasting), made(200, b"new", Cache_Control=lasting)
        )
    )
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    clock.now += 30
    assert await got(session.get(server.url)) == (200, b"old", "stale")
    assert await got(session.get(server.url)) == (200, b"old", "stale")
    while cache._refreshed:  # what runs in the background
        await asyncio.sleep(0)
    assert await got(session.get(server.url)) == (200, b"new", "hit")
    assert len(server.requests) == 2


@pytest.mark.parametrize("ends", ["503", "closes"])
async def test_stale_if_error(
    cache: httptrace.Cache,
    make_session: MakeSession,
    scripted: ScriptedFactory,
    clock: Clock,
    ends: str,
) -> None:
    """A stale response is used when the origin fails, within stale-if-error alone."""

    async def fails(peer: Peer) -> None:
        await peer.request()
        if ends == "503":
            await peer.send(made(503, b"busy"))

    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            made(200, b"old", Cache_Control="max-age=10, stale-if-error=60", Connection="close")
        )

    server = await scripted(once, fails)
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    clock.now += 30
    assert await got(session.get(server.url)) == (200, b"old", "stale")
    clock.now += 60
    if ends == "503":
        assert await got(session.get(server.url)) == (503, b"busy", "miss")
    else:
        with pytest.raises(httptrace.ServerDisconnectedError):
            await got(session.get(server.url))


async def test_parts(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """Parts with one strong entity tag are combined, and become the whole."""
    lasting = {"Cache_Control": "max-age=60", "ETag": '"a"'}
    server = await scripted(
        responding(
            made(206, b"01234", Content_Range="bytes 0-4/10", **lasting),
            made(206, b"56789", Content_Range="bytes 5-9/10", **lasting),
        )
    )
    session = make_session(middlewares=[cache])

    async def part(wanted: str) -> tuple[int, bytes, str]:
        return await got(session.get(server.url, headers={"Range": f"bytes={wanted}"}))

    assert await part("0-4") == (206, b"01234", "miss")
    assert await part("1-2") == (206, b"12", "hit")
    assert await part("5-9") == (206, b"56789", "miss")
    assert await part("3-6") == (206, b"3456", "hit")
    assert await got(session.get(server.url)) == (200, b"0123456789", "hit")


async def test_head(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """HEAD is answered from a stored response to GET, without its body."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    async with session.head(server.url) as response:
        assert (await response.read(), response.headers["Content-Length"]) == (b"", "3")
        assert response.from_cache


async def test_redirect(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A stored redirect is followed, and its target comes from the cache too."""
    moved = made(301, b"moved", Location="/there", Cache_Control="max-age=60")
    server = await scripted(responding(moved, made(200, b"one", Cache_Control="max-age=60")))
    session = make_session(middlewares=[cache])
    for state in ("miss", "hit"):
        assert await got(session.get(server.url)) == (200, b"one", state)
    assert len(server.requests) == 2


async def test_bad_arguments() -> None:
    """Each argument that cannot be used is told with what would be right."""
    with pytest.raises(TypeError, match="store must be a MemoryCacheStore, a SqliteCacheStore"):
        httptrace.Cache("cache.db")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="clock must be callable"):
        httptrace.Cache(clock=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_bytes must be above 0"):
        MemoryCacheStore(0)


class Hanging:
    """The reader of a body whose second piece never comes."""

    def __init__(self) -> None:
        self.pieces = [b"first"]
        self.closed = False

    async def next(self) -> bytes:
        """The first piece, then nothing."""
        if self.pieces:
            return self.pieces.pop()
        await asyncio.Event().wait()
        raise AssertionError

    def close(self) -> None:
        """Note it."""
        self.closed = True


class HangingStore(MemoryCacheStore):
    """A store whose bodies have to be read, and hang."""

    reader: Hanging | None = None

    async def read(self, entry: Any) -> Any:
        """The reader that hangs."""
        self.reader = Hanging()
        return self.reader


@pytest.mark.parametrize("limit", ["total", "sock_read"])
async def test_timeouts_hold(
    make_session: MakeSession, scripted: ScriptedFactory, limit: str
) -> None:
    """The timeouts of a request also hold while a stored body is read."""
    store = HangingStore()
    server = await scripted(made(200, b"first and second", Cache_Control="max-age=60"))
    session = make_session(middlewares=[httptrace.Cache(store)])
    await got(session.get(server.url))
    ((entry,),) = store._entries.values()
    entry.body = None
    timeout = httptrace.ClientTimeout(**{limit: 0.1})
    async with session.get(server.url, timeout=timeout) as response:
        assert await response.content.readany() == b"first"
        with pytest.raises(asyncio.TimeoutError) as caught:
            await response.content.readany()
    assert getattr(caught.value, "timeout", None) == limit
    assert store.reader is not None
    while not store.reader.closed:
        await asyncio.sleep(0)


async def test_request_with_body(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A GET with a body is passed through: the URL alone does not tell what it asks for."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60"))
    session = make_session(middlewares=[cache])
    for _ in range(2):
        async with session.get(server.url, data=b"query") as response:
            assert await response.read() == b"one"
            assert response.cache is not None
            assert response.cache.reason == "requests with a body are not answered from a cache"


async def test_condition_of_the_caller(
    cache: httptrace.Cache, make_session: MakeSession, scripted: ScriptedFactory
) -> None:
    """A caller that has the stored response gets 304 without a body; another one gets it."""
    server = await scripted(made(200, b"one", Cache_Control="max-age=60", ETag='"a"'))
    session = make_session(middlewares=[cache])
    await got(session.get(server.url))
    known, unknown = {"If-None-Match": 'W/"b", W/"a"'}, {"If-None-Match": '"b"'}
    assert await got(session.get(server.url, headers=known)) == (304, b"", "hit")
    assert await got(session.get(server.url, headers=unknown)) == (200, b"one", "hit")
