"""Documents are indexed and searched; errors are the library's."""

from __future__ import annotations

from aiohttp import web

from ecosystem.serving import answering, serve

REQUIREMENTS = ["opensearch-py[async]"]
WAY = "alias"


async def index(request: web.Request) -> web.Response:
    """Says who asks, and that the document is kept."""
    assert request.headers["Authorization"].startswith("Basic ")
    return web.json_response({"result": "created", **await request.json()}, status=201)


async def test_documents_are_kept_and_found() -> None:
    """With credentials and compression."""
    from opensearchpy import AsyncOpenSearch, NotFoundError

    handlers = {
        "/index/_doc/none": answering({"found": False}, status=404),
        "/index/_doc/{id}": index,
        "/index/_search": answering({"hits": {"hits": [{"_id": "1"}]}}),
    }
    async with serve(handlers) as url:
        async with AsyncOpenSearch(url, http_auth=("user", "word"), http_compress=True) as client:
            made = await client.index(index="index", id="1", body={"text": "hello"})
            assert made == {"result": "created", "text": "hello"}
            found = await client.search(index="index", body={"query": {"match_all": {}}})
            assert found["hits"]["hits"] == [{"_id": "1"}]
            try:
                await client.get(index="index", id="none")
            except NotFoundError:
                return
    raise AssertionError("the error was not raised")


async def test_a_server_that_is_not_there_is_its_error() -> None:
    """The error is that of the library."""
    from opensearchpy import AsyncOpenSearch, ConnectionError

    async with AsyncOpenSearch("http://127.0.0.1:1", max_retries=0) as client:
        try:
            await client.info()
        except ConnectionError:
            return
    raise AssertionError("the error was not raised")
