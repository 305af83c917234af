"""Documents are indexed, searched and written in bulk; errors and retries are the library's."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ecosystem.serving import serve

REQUIREMENTS = ["elasticsearch[async]"]
WAY = "alias"

PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
"""Without it the library takes the server for another product."""


def answer(body: object, status: int = 200) -> web.Response:
    """JSON as the server sends it."""
    return web.json_response(body, status=status, headers=PRODUCT)


async def index(request: web.Request) -> web.Response:
    """Says that the document is kept."""
    assert (await request.json()) == {"text": "hello"}
    return answer({"_id": request.match_info["id"], "result": "created"}, 201)


async def missing(request: web.Request) -> web.Response:
    """There is none."""
    return answer({"found": False}, 404)


async def search(request: web.Request) -> web.Response:
    """One hit."""
    return answer({"hits": {"total": {"value": 1}, "hits": [{"_id": "1"}]}})


async def bulk(request: web.Request) -> web.Response:
    """Counts the documents."""
    documents = (await request.text()).count("\n") // 2
    item: dict[str, Any] = {"index": {"_id": "1", "status": 201}}
    return answer({"errors": False, "items": [item] * documents})


async def test_documents_are_kept_and_found() -> None:
    """Compressed requests, and a gzip answer."""
    from elasticsearch import AsyncElasticsearch, NotFoundError
    from elasticsearch.helpers import async_bulk

    busy = iter([503])

    async def sometimes(request: web.Request) -> web.Response:
        status = next(busy, None)
        return answer({}, status) if status else await search(request)

    handlers = {
        "/index/_doc/{id}": index,
        "/index/_doc/none": missing,
        "/index/_search": sometimes,
        "/_bulk": bulk,
    }
    handlers = dict(sorted(handlers.items(), key=lambda item: "{" in item[0]))
    async with serve(handlers) as url:
        async with AsyncElasticsearch(
            url, http_compress=True, retry_on_status=[503], basic_auth=("user", "word")
        ) as client:
            made = await client.index(index="index", id="1", document={"text": "hello"})
            assert made["result"] == "created"
            found = await client.search(index="index", query={"match_all": {}})
            assert found["hits"]["total"]["value"] == 1
            actions = ({"_index": "index", "text": str(n)} for n in range(50))
            assert await async_bulk(client, actions) == (50, [])
            try:
                await client.get(index="index", id="none")
            except NotFoundError:
                return
    raise AssertionError("the error was not raised")


async def test_a_server_that_is_not_there_is_its_error() -> None:
    """The error is that of the library."""
    from elasticsearch import AsyncElasticsearch, ConnectionError

    async with AsyncElasticsearch("http://127.0.0.1:1", max_retries=0) as client:
        try:
            await client.info()
        except ConnectionError:
            return
    raise AssertionError("the error was not raised")
