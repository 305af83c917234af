"""`TestServer`: serves an aiohttp.web or ASGI application on a real socket on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Any, Protocol, Self

from yarl import URL

if TYPE_CHECKING:
    import ssl as ssl_module
    from types import TracebackType

__all__ = ["TestServer"]


class _Site(Protocol):
    """Serves one kind of application."""

    async def start(self, listening: socket.socket) -> None:
        """Serve on this socket."""
        ...

    async def stop(self) -> None:
        """Finish the requests that are in progress, then stop."""
        ...


class TestServer:
    """Serves an application on loopback, in the running event loop; use it with ``async with``.

    :param app: an ``aiohttp.web.Application``, or an ASGI application such as Starlette's and
        FastAPI's; that is served by uvicorn, with lifespan events.
    :param host: the address to listen at.
    :param port: the port to listen at; 0 for a free one, which is known once the server has
        started.
    :param ssl: a server-side SSL context, to serve over TLS.
    """

    __test__ = False  # pytest collects classes named Test...

    def __init__(
        self,
        app: Any,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: ssl_module.SSLContext | None = None,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._ssl = ssl
        self._site: _Site | None = None

    @property
    def scheme(self) -> str:
        """``"http"`` or ``"https"``."""
        return "https" if self._ssl else "http"

    @property
    def started(self) -> bool:
        """Whether the server is running."""
        return self._site is not None

    def make_url(self, path: str | URL = "/") -> URL:
        """The URL of a path on this server.

        Raises
        ------
        RuntimeError
            The server has not been started, so its port is not known.
        """
        if not self.started:
            raise RuntimeError("The server has not been started: its port is not known")
        origin = URL.build(scheme=self.scheme, host=self.host, port=self.port)
        return origin.join(URL(path))

    async def start_server(self, **kwargs: Any) -> None:
        """Start the server; does nothing if it is running.

        Raises
        ------
        RuntimeError
            If an ASGI application fails during startup, or uvicorn is not installed.
        """
        if self.started:
            return
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.create_server((self.host, self.port), family=family)
        site = _site_for(self.app, self._ssl, kwargs)
        try:
            await site.start(listening)
        except BaseException:
            listening.close()
            raise
        self._site, self.port = site, listening.getsockname()[1]

    async def close(self) -> None:
        """Stop the server."""
        site, self._site = self._site, None
        if site is not None:
            await site.stop()

    async def __aenter__(self) -> Self:
        await self.start_server()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _site_for(app: Any, ssl: ssl_module.SSLContext | None, kwargs: dict[str, Any]) -> _Site:
    web = sys.modules.get("aiohttp.web")  # imported by the program if `app` is its Application
    if web is not None and isinstance(app, web.Application):
        return _AiohttpSite(web, app, ssl, kwargs)
    return _AsgiSite(app, ssl, kwargs)


class _AiohttpSite:
    def __init__(
        self, web: Any, app: Any, ssl: ssl_module.SSLContext | None, kwargs: dict[str, Any]
    ) -> None:
        self._web = web
        self._ssl = ssl
        self._runner = web.AppRunner(app, **{"access_log": None, "shutdown_timeout": 1.0, **kwargs})

    async def start(self, listening: socket.socket) -> None:
        try:
            await self._runner.setup()
            await self._web.SockSite(self._runner, listening, ssl_context=self._ssl).start()
        except BaseException:
            await self._runner.cleanup()  # stops the parts that had started
            raise

    async def stop(self) -> None:
        await self._runner.cleanup()


class _AsgiSite:
    def __init__(self, app: Any, ssl: ssl_module.SSLContext | None, kwargs: dict[str, Any]) -> None:
        try:
            import uvicorn
        except ImportError as exc:
            raise RuntimeError(
                "TestServer needs uvicorn for an ASGI application: pip install uvicorn"
            ) from exc
        given = {"log_config": None, "timeout_graceful_shutdown": 1, **kwargs}
        config = uvicorn.Config(app, **given)
        config.load()
        config.ssl = ssl  # uvicorn's parameters accept only files, not a context
        self._server = _quiet_server(uvicorn, config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        up = asyncio.create_task(self._server.up.wait())
        try:
            await asyncio.wait([self._serving, up], return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._serving.cancel()
            await asyncio.wait([self._serving])
            raise
        finally:
            up.cancel()
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


def _quiet_server(uvicorn: Any, config: Any) -> Any:
    """A uvicorn server that handles no signals and sets the event `up` once it has started."""

    class Server(uvicorn.Server):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(config)
            self.up = asyncio.Event()

        def capture_signals(self) -> Any:
            return contextlib.nullcontext()

        async def startup(self, sockets: Any = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # uvicorn assumes that it owns the process
                raise RuntimeError(
                    "The ASGI application failed during startup; see the log of uvicorn"
                ) from None
            self.up.set()

    return Server()
