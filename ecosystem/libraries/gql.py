"""Queries, batches and uploads over HTTP and HTTPS, and a subscription over a WebSocket."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["gql[aiohttp,websockets]", "cryptography"]
WAY = "alias"


async def graphql(request: web.Request) -> web.Response:
    """Says what came."""
    if request.content_type == "multipart/form-data":
        form = await request.post()
        file = form["0"]
        assert isinstance(file, web.FileField)
        return web.json_response({"data": {"size": len(file.file.read())}})
    query = await request.json()
    if isinstance(query, list):
        return web.json_response([{"data": {"hello": "world"}} for _ in query])
    if "broken" in query["query"]:
        return web.Response(status=500, text="no")
    return web.json_response({"data": {"hello": "world"}})


async def subscription(request: web.Request) -> web.WebSocketResponse:
    """Counts to two, by the protocol graphql-transport-ws."""
    websocket = web.WebSocketResponse(protocols=["graphql-transport-ws"])
    await websocket.prepare(request)
    async for message in websocket:
        said = json.loads(message.data)
        if said["type"] == "connection_init":
            await websocket.send_json({"type": "connection_ack"})
        elif said["type"] == "subscribe":
            for number in (1, 2):
                payload = {"data": {"number": number}}
                await websocket.send_json({"type": "next", "id": said["id"], "payload": payload})
            await websocket.send_json({"type": "complete", "id": said["id"]})
    return websocket


def hello(transport: Any) -> Any:
    """A client with this transport."""
    from gql import Client

    return Client(transport=transport, fetch_schema_from_transport=False)


async def test_queries_are_answered() -> None:
    """One alone, several at once, and one that fails."""
    from gql import GraphQLRequest, gql
    from gql.transport.aiohttp import AIOHTTPTransport
    from gql.transport.exceptions import TransportServerError

    async with serve({"/": graphql}) as url, hello(AIOHTTPTransport(url)) as session:
        assert await session.execute(gql("{hello}")) == {"hello": "world"}
        batch = [GraphQLRequest("{hello}")] * 2
        assert await session.execute_batch(batch) == [{"hello": "world"}] * 2
        try:
            await session.execute(gql("{broken}"))
        except TransportServerError as error:
            assert error.code == 500
        else:
            raise AssertionError("the error was not raised")


async def test_files_are_uploaded() -> None:
    """As multipart, by GraphQL's specification for that."""
    import tempfile

    from gql import FileVar, gql
    from gql.transport.aiohttp import AIOHTTPTransport

    with tempfile.NamedTemporaryFile() as file:
        file.write(b"content")
        file.flush()
        query = gql("mutation($file: Upload!) {size(file: $file)}")
        query.variable_values = {"file": FileVar(file.name)}
        async with serve({"/": graphql}) as url, hello(AIOHTTPTransport(url)) as session:
            assert await session.execute(query, upload_files=True) == {"size": 7}


async def test_it_closes_tls_connections() -> None:
    """It waits until the connections of its session are closed."""
    import asyncio

    from gql import gql
    from gql.transport.aiohttp import AIOHTTPTransport

    from httptrace.testing import TestServer
    from httptrace.testing.certificates import CertificateAuthority

    authority = CertificateAuthority()
    served = authority.issue("127.0.0.1").server_context()
    trusting = authority.client_context()
    app = web.Application()
    app.router.add_post("/", graphql)
    async with TestServer(app, ssl=served) as server:
        transport = AIOHTTPTransport(str(server.make_url("/")), ssl=trusting)
        async with asyncio.timeout(5), hello(transport) as session:
            assert await session.execute(gql("{hello}")) == {"hello": "world"}


async def test_a_subscription_is_heard() -> None:
    """Messages of a WebSocket, to their end."""
    from gql import gql
    from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport

    async with serve({"/": subscription}) as url:
        transport = AIOHTTPWebsocketsTransport(url.replace("http", "ws"))
        async with hello(transport) as session:
            heard = [got async for got in session.subscribe(gql("subscription {number}"))]
    assert heard == [{"number": 1}, {"number": 2}]
