"""What type checkers see of a response: its properties, its body, its errors."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any, assert_type

from multidict import CIMultiDictProxy
from yarl import URL

import httptrace


async def a_response_shows_its_head(response: httptrace.ClientResponse) -> None:
    """Status line, headers, cookies, and URLs."""
    assert_type(response.status, int)
    assert_type(response.reason, str)
    assert_type(response.ok, bool)
    assert_type(response.version, httptrace.HttpVersion)
    assert_type(response.url, URL)
    assert_type(response.headers, CIMultiDictProxy[str])
    assert_type(response.headers["Content-Type"], str)
    assert_type(response.cookies, SimpleCookie)
    assert_type(response.content_type, str)
    assert_type(response.charset, str | None)
    assert_type(response.request_info, httptrace.RequestInfo)
    assert_type(response.history, tuple[httptrace.ClientResponse, ...])
    assert_type(response.timeline, httptrace.Timeline)
    assert_type(response.server_timing, tuple[httptrace.ServerTiming, ...])


async def a_response_gives_its_body(response: httptrace.ClientResponse) -> None:
    """Read whole."""
    assert_type(await response.read(), bytes)
    assert_type(await response.text(), str)
    assert_type(await response.json(), Any)


async def a_response_streams_its_body(response: httptrace.ClientResponse) -> None:
    """Read in pieces, by line, by part and by event."""
    assert_type(response.content, httptrace.StreamReader)
    assert_type(await response.content.read(10), bytes)
    assert_type(await response.content.readline(), bytes)
    async for line in response.content:
        assert_type(line, bytes)
    async for piece in response.content.iter_chunked(1024):
        assert_type(piece, bytes)
    async for data in response.content.iter_any():
        assert_type(data, bytes)
    async for chunk, ends in response.content.iter_chunks():
        assert_type(chunk, bytes)
        assert_type(ends, bool)
    async for event in response.sse():
        assert_type(event, httptrace.ServerSentEvent)


async def a_multipart_response_gives_its_parts(response: httptrace.ClientResponse) -> None:
    """A part is a body part or a nested multipart."""
    async for part in httptrace.MultipartReader.from_response(response):
        assert_type(part, httptrace.MultipartReader | httptrace.BodyPartReader)
        if isinstance(part, httptrace.BodyPartReader):
            assert_type(await part.text(), str)
            assert_type(part.filename, str | None)


async def errors_show_the_request(session: httptrace.ClientSession) -> None:
    """The attributes of the exceptions that programs catch most."""
    try:
        (await session.get("http://localhost")).raise_for_status()
    except httptrace.ClientResponseError as error:
        assert_type(error.status, int)
        assert_type(error.message, str)
        assert_type(error.timeline, httptrace.Timeline | None)
        assert_type(error.request_info, httptrace.RequestInfo)
        assert_type(error.history, tuple[httptrace.ClientResponse, ...])
    except httptrace.ClientConnectorError as error:
        assert_type(error.host, str)
        assert_type(error.port, int | None)
        assert_type(error.os_error, OSError)
    except httptrace.ServerTimeoutError as error:
        assert_type(error.phase, str | None)
        assert_type(error.limit, float | None)
