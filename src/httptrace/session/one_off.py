"""`request`: a one-off request, with a session of its own."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from ..version import HttpVersion11
from .session import ClientSession

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType
    from typing import Unpack

    from yarl import URL

    from ..pool.connector import BaseConnector
    from ..request.options import RequestOptions
    from ..response.response import ClientResponse
    from ..version import HttpVersion


class OneOffRequest:
    """The result of `request`: await it, or use it with ``async with``."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, ClientResponse], session: ClientSession
    ) -> None:
        self._coroutine = coroutine
        self._session = session
        self._response: ClientResponse | None = None

    def __await__(self) -> Generator[Any, Any, ClientResponse]:
        return self._run().__await__()

    async def _run(self) -> ClientResponse:
        try:
            self._response = await self._coroutine
            await self._response.read()  # the session is closed next, so the body must be read now
        finally:
            await self._session.close()
        return self._response

    async def __aenter__(self) -> ClientResponse:
        try:
            self._response = await self._coroutine
        except BaseException:
            await self._session.close()
            raise
        return self._response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._response is not None:
            await self._response.__aexit__(exc_type, exc, traceback)
        await self._session.close()


def request(
    method: str,
    url: str | URL,
    *,
    version: HttpVersion = HttpVersion11,
    connector: BaseConnector | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
    **kwargs: Unpack[RequestOptions],
) -> OneOffRequest:
    """Make one request without a session (aiohttp's documentation, "Basic API").

    Use it as ``async with httptrace.request("GET", url) as response``, or await it: that reads the
    body and returns the response.

    Parameters
    ----------
    method, url
        The method (RFC 9110 §9) and an absolute URL.
    version
        `HttpVersion11` or `HttpVersion10`.
    connector
        Keeps the connections, and stays open; a new one is made and closed if none is given.
    loop
        The event loop; the running one if none is given.
    **kwargs
        As for `ClientSession.get`, which also tells what is raised.
    """
    session = ClientSession(
        loop=loop, version=version, connector=connector, connector_owner=connector is None
    )

    async def run() -> ClientResponse:
        return await session.request(method, url, **kwargs)

    return OneOffRequest(run(), session)
