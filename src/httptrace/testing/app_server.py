"""`TestServer`: an application of aiohttp.web or of ASGI on a real socket of this machine."""

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
    """What serves one kind of application."""

    async def start(self, listening: socket.socket) -> None:
        """Serve on this socket."""
        ...

    async def stop(self) -> None:
        """Let what is under way end, and serve no more."""
        ...


class TestServer:
    """Serves `app` on loopback, in the loop that starts it; use it with ``async with``.

    `app` is an ``aiohttp.web.Application`` or an ASGI application such as Starlette's and
    FastAPI's, which uvicorn serves, with its lifespan. With `ssl`, a server's context, it speaks
    TLS. `port` 0 takes a free one, which is known once the server has started.
    """

    __test__ = False  # pytest need not look for tests in it

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
        """Whether it serves."""
        return self._site is not None

    def make_url(self, path: str | URL = "/") -> URL:
        """The URL of a path on this server.

        Raises
        ------
        RuntimeError
            Before it has started: its port is not known.
        """
        if not self.started:
            raise RuntimeError("The server has not started: its port is not known")
        origin = URL.build(scheme=self.scheme, host=self.host, port=self.port)
        return origin.join(URL(path))

    async def start_server(self, **kwargs: Any) -> None:
        """Start to serve; does nothing if it serves already.

        Raises
        ------
        RuntimeError
            If an ASGI application fails at its startup, or uvicorn is not installed.
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
        """Serve no more."""
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
    web = sys.modules.get("aiohttp.web")  # whoever has made an Application has imported it
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
            await self._runner.cleanup()  # what has started before the failure
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
        config.ssl = ssl  # a context that is at hand; uvicorn itself asks for files
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
    """A server that leaves the signals of the process alone and tells when it is up."""

    class Server(uvicorn.Server):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(config)
            self.up = asyncio.Event()

        def capture_signals(self) -> Any:
            return contextlib.nullcontext()

        async def startup(self, sockets: Any = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # which is for a process that does nothing else
                raise RuntimeError(
                    "The ASGI application failed at its startup; the log of uvicorn tells why"
                ) from None
            self.up.set()

    return Server()
