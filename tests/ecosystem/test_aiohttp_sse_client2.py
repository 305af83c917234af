"""aiohttp-sse-client2: its event source gets a session of httptrace."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from tests.ecosystem.conftest import Serve, module

from httptrace import ClientSession

sse = module("aiohttp_sse_client2.client")


async def test_events_are_read(serve: Serve, session: ClientSession) -> None:
    """Events of a stream are received one by one, with type, id and data of several lines."""

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"event: greeting\nid: 7\ndata: hello\ndata: world\n\ndata: more\n\n")
        await response.write_eof()
        return response

    url = await serve({"/": events})
    found = []
    async with sse.EventSource(url, session=session) as source:
        async for event in source:
            found.append((event.type, event.last_event_id, event.data))
            if len(found) == 2:
                break
    assert found[0] == ("greeting", "7", "hello\nworld")
    assert found[1][2] == "more"


async def test_it_connects_again_with_the_last_id(serve: Serve, session: ClientSession) -> None:
    """A stream that ends is requested again, from its last id."""
    asked: list[str | None] = []

    async def one_event(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Last-Event-Id"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: %d\ndata: event\n\n" % len(asked))
        await response.write_eof()
        return response

    url = await serve({"/": one_event})
    again = timedelta(milliseconds=1)
    async with sse.EventSource(url, session=session, reconnection_time=again) as source:
        events = [await anext(source) for _ in range(2)]
    assert [event.last_event_id for event in events] == ["1", "2"]
    assert asked == [None, "1"]
