"""Names of ``aiohttp.test_utils``: servers for `aiohttp.web` applications, and a client for them.

aiohttp must be installed. New tests better use `httptrace.testing`, which serves ASGI applications
too.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self
from unittest import mock

from yarl import URL

from .aiohttp_names import is_ip_address
from .testing.client import TestClient

__all__ = [
    "BaseTestServer",
    "REUSE_ADDRESS",
    "RawTestServer",
    "TestClient",
    "TestServer",
    "get_port_socket",
    "get_unused_port_socket",
    "make_mocked_coro",
    "unused_port",
]

REUSE_ADDRESS = os.name == "posix" and sys.platform != "cygwin"


def get_unused_port_socket(
    host: str, family: socket.AddressFamily = socket.AF_INET
) -> socket.socket:
    """A socket that is bound to a free port."""
    return get_port_socket(host, 0, family)


def get_port_socket(
    host: str, port: int, family: socket.AddressFamily = socket.AF_INET
) -> socket.socket:
    """A socket that is bound to a port."""
    bound = socket.socket(family, socket.SOCK_STREAM)
    if REUSE_ADDRESS:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def unused_port() -> int:
    """The number of a TCP port that was free a moment ago."""
    with get_unused_port_socket("127.0.0.1") as bound:
        return int(bound.getsockname()[1])


class BaseTestServer(ABC):
    """Serves on loopback what `_make_runner` returns; use it with ``async with``."""

    __test__ = False  # pytest collects classes named Test...

    def __init__(
        self,
        *,
        scheme: Any = "",
        loop: asyncio.AbstractEventLoop | None = None,
        host: str = "127.0.0.1",
        port: int | None = None,
        skip_url_asserts: bool = False,
        socket_factory: Callable[[str, int, socket.AddressFamily], socket.socket] = get_port_socket,
        **kwargs: Any,
    ) -> None:
        self._loop = loop
        self._root: URL | None = None
        self._closed = False
        self.runner: Any = None
        self.scheme = scheme if isinstance(scheme, str) else ""
        self.host, self.port = host, port
        self.skip_url_asserts = skip_url_asserts
        self.socket_factory = socket_factory

    @abstractmethod
    async def _make_runner(self, **kwargs: Any) -> Any:
        """The runner of ``aiohttp.web`` that serves."""

    async def start_server(
        self, loop: asyncio.AbstractEventLoop | None = None, **kwargs: Any
    ) -> None:
        """Start the server. ``ssl=`` serves over TLS; other arguments are for `_make_runner`."""
        from aiohttp.web import SockSite

        if self.started:
            return
        self._loop = loop
        ssl = kwargs.pop("ssl", None)
        self.runner = await self._make_runner(handler_cancellation=True, **kwargs)
        await self.runner.setup()
        is_v6 = is_ip_address(self.host) and ":" in self.host
        family = socket.AF_INET6 if is_v6 else socket.AF_INET
        name = f"[{self.host}]" if is_v6 else self.host
        bound = self.socket_factory(self.host, self.port or 0, family)
        self.host, self.port = bound.getsockname()[:2]
        await SockSite(self.runner, bound, ssl_context=ssl).start()
        self.scheme = self.scheme or ("https" if ssl else "http")
        self._root = URL(f"{self.scheme}://{name}:{self.port}")

    @property
    def started(self) -> bool:
        """Whether it was started."""
        return self.runner is not None

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def handler(self) -> Any:
        """The ``aiohttp.web.Server``."""
        return self.runner.server

    def make_url(self, path: str | URL) -> URL:
        """The URL of a path on this server."""
        assert self._root is not None, "the server has not been started"
        if self.skip_url_asserts:
            return URL(f"{self._root}{path}")
        assert not URL(path).absolute, "only a path can be joined with the server's URL"
        return self._root.join(URL(path))

    async def close(self) -> None:
        """Stop the server."""
        if self.started and not self._closed:
            self._closed = True
            await self.runner.cleanup()
            self._root = self.port = None

    async def __aenter__(self) -> Self:
        await self.start_server(loop=self._loop)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class TestServer(BaseTestServer):
    """Serves an ``aiohttp.web.Application``."""

    def __init__(self, app: Any, *, scheme: Any = "", **kwargs: Any) -> None:
        self.app = app
        super().__init__(scheme=scheme, **kwargs)

    async def _make_runner(self, **kwargs: Any) -> Any:
        from aiohttp.web import AppRunner

        return AppRunner(self.app, **kwargs)


class RawTestServer(BaseTestServer):
    """Serves a handler: ``async def handler(request) -> response``."""

    def __init__(self, handler: Any, *, scheme: Any = "", **kwargs: Any) -> None:
        self._handler = handler
        super().__init__(scheme=scheme, **kwargs)

    async def _make_runner(self, debug: bool = True, **kwargs: Any) -> Any:
        from aiohttp.web import Server, ServerRunner

        return ServerRunner(Server(self._handler, debug=debug, **kwargs), debug=debug, **kwargs)


_NONE: Any = object()


def make_mocked_coro(return_value: Any = _NONE, raise_exception: Any = _NONE) -> Any:
    """A mock of a coroutine function that returns `return_value`, or raises `raise_exception`."""

    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        if raise_exception is not _NONE:
            raise raise_exception
        return None if return_value is _NONE else return_value

    return mock.Mock(wraps=coroutine)
