"""An ASGI application that tells whether a request sees what another request wrote.

Servers run it in processes of their own. It answers each request with the values that it finds, and
then writes values of its own. Nothing here imports a server.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from httptrace.local import Local, bind, current_request_id, request
from httptrace.web import ContextMiddleware


class State(Local):
    user: str | None = None
    settings: str | None = None


state = State()
state.settings = "of the start"
named = Local()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body in pieces, as a handler that is slower than its client."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    found = {
        "id": current_request_id(),
        "user": state.user,
        "named": getattr(named, "user", None),
        "settings": state.settings,
        "fields": dict(request.fields),
    }
    who = scope["query_string"].decode()
    state.user = named.user = who
    state.settings = "of a request"
    bind(user=who)
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await asyncio.sleep(0.001)
    body = json.dumps(found).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Any, send: Any) -> None:
    """With lifespan the application sets values for all requests."""
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


app = ContextMiddleware(application)
with_names = ContextMiddleware(application, locals=(named,))
