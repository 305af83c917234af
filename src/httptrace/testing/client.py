"""`TestClient`: a session for tests of an application, which is served on a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ..cookies.jar import CookieJar
from ..session.session import ClientSession, core_of
from .app_server import TestServer

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    from yarl import URL

    from ..call.call import Call
    from ..cookies.jar import AbstractCookieJar
    from ..response.response import ClientResponse
    from ..ws.connect import Opening

__all__ = ["TestClient"]


class TestClient:
    """Requests to one server, by path; use it with ``async with`` (aiohttp's ``TestClient``).

    :param app_or_server: an aiohttp.web or ASGI application, a `TestServer`, or a server from
        ``aiohttp.test_utils``.
    :param cookie_jar: by default a `CookieJar` that accepts cookies from IP addresses.
    :param loop: as in `ClientSession`.
    :param session_options: further parameters of the session: `TestClient(app, observers=[…])`.

    A request on a reused connection that the server has closed fails, instead of being sent again,
    so that the test sees what the server did.

    It can replace aiohttp's own in pytest-aiohttp's fixture ``aiohttp_client_cls``.
    """

    __test__ = False  # pytest collects classes named Test...

    def __init__(
        self,
        app_or_server: Any,
        *,
        cookie_jar: AbstractCookieJar | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        **session_options: Any,
    ) -> None:
        is_server = hasattr(app_or_server, "start_server")
        self.server = app_or_server if is_server else TestServer(app_or_server)
        jar = CookieJar(unsafe=True) if cookie_jar is None else cookie_jar
        self.session = ClientSession(cookie_jar=jar, loop=loop, **session_options)
        core_of(self.session).retry_connection = False

    @property
    def app(self) -> Any:
        """The application, if the server knows it."""
        return getattr(self.server, "app", None)

    @property
    def scheme(self) -> str:
        """``"http"`` or ``"https"``."""
        return str(self.server.scheme)

    @property
    def host(self) -> str:
        """The address at which the server listens."""
        return str(self.server.host)

    @property
    def port(self) -> int:
        """The port at which the server listens."""
        return int(self.server.port)

    def make_url(self, path: str | URL) -> URL:
        """The URL of a path on the server."""
        url: URL = self.server.make_url(path)
        return url

    async def start_server(self, **kwargs: Any) -> None:
        """Start the server; the arguments are passed to it."""
        await self.server.start_server(**kwargs)

    async def close(self) -> None:
        """Close the session and stop the server."""
        try:
            await self.session.close()
        finally:
            await self.server.close()

    # --- requests --------------------------------------------------------------------------------

    def request(self, method: str, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """Make a request: await it, or use it with ``async with``."""
        return self.session.request(method, self.make_url(path), **kwargs)

    def get(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """GET a path."""
        return self.session.get(self.make_url(path), **kwargs)

    def options(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """OPTIONS of a path."""
        return self.session.options(self.make_url(path), **kwargs)

    def head(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """HEAD of a path."""
        return self.session.head(self.make_url(path), **kwargs)

    def post(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """POST to a path."""
        return self.session.post(self.make_url(path), **kwargs)

    def put(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """PUT to a path."""
        return self.session.put(self.make_url(path), **kwargs)

    def patch(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """PATCH a path."""
        return self.session.patch(self.make_url(path), **kwargs)

    def delete(self, path: str | URL, **kwargs: Any) -> Call[ClientResponse]:
        """DELETE a path."""
        return self.session.delete(self.make_url(path), **kwargs)

    def ws_connect(self, path: str | URL, **kwargs: Any) -> Opening:
        """Open a WebSocket at a path."""
        return self.session.ws_connect(self.make_url(path), **kwargs)

    # --- its life --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start_server()
        except BaseException:
            await self.session.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
