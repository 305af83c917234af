"""Server-sent events are read, and the connection is made again from the last one."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from ecosystem.client import client as http
from ecosystem.serving import serve

REQUIREMENTS = ["aiohttp-sse-client2"]
WAY = "session"


async def test_events_are_read() -> None:
    """Each connection gives one."""
    from aiohttp_sse_client2.client import EventSource

    asked: list[str | None] = []

    async def one_event(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Last-Event-Id"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: %d\ndata: a\ndata: b\n\n" % len(asked))
        return response

    again = timedelta(milliseconds=1)
    async with serve({"/": one_event}) as url, http.ClientSession() as session:
        async with EventSource(url, session=session, reconnection_time=again) as source:
            events = [await anext(source) for _ in range(2)]
    assert [(event.last_event_id, event.data) for event in events] == [("1", "a\nb"), ("2", "a\nb")]
    assert asked == [None, "1"]
