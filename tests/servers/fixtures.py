"""Fixtures for every test that talks to a server; load with `pytest_plugins`.

`scripted` sends any bytes, `aiohttp_server` and `nginx` are real servers, `ca` and `server_ssl`
make TLS, `leak_check` looks for what a test leaves behind.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Protocol

import pytest

from httptrace.testing.certificates import CertificateAuthority
from httptrace.testing.scripted import Script, ScriptedServer

from .aiohttp_app import AiohttpServer
from .leaks import Leaks
from .nginx import Nginx, NginxMissing

# Leaks


@pytest.fixture
async def leak_check() -> AsyncIterator[Leaks]:
    """Assert after the test that it left no task running and no socket open.

    Ask for it before every other fixture, so that it looks after they have cleaned up.
    """
    leaks = Leaks()
    yield leaks
    await leaks.assert_none()


# Certificates


@pytest.fixture(scope="session")
def ca() -> CertificateAuthority:
    """A certificate authority for this run; `ca.client_context()` trusts it."""
    return CertificateAuthority()


@pytest.fixture(scope="session")
def server_ssl(ca: CertificateAuthority) -> ssl.SSLContext:
    """A server's context with a valid certificate for localhost and the loopback addresses."""
    return ca.issue().server_context()


@pytest.fixture(scope="session")
def client_ssl(ca: CertificateAuthority) -> ssl.SSLContext:
    """A client's context that trusts `ca` only."""
    return ca.client_context()


# Servers


class ScriptedFactory(Protocol):
    """`await scripted(script, ...)`, with the parameters of ScriptedServer."""

    def __call__(
        self,
        *scripts: Script | bytes,
        host: str = ...,
        port: int = ...,
        unix_path: str | os.PathLike[str] | None = ...,
        ssl: ssl.SSLContext | None = ...,
        receive_buffer: int | None = ...,
    ) -> Awaitable[ScriptedServer]: ...


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedFactory]:
    """Start scripted servers that stop with the test; an exception in a script fails the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*scripts: Script | bytes, **options: Any) -> ScriptedServer:
            return await stack.enter_async_context(ScriptedServer(*scripts, **options))

        yield start


@pytest.fixture
async def aiohttp_server() -> AsyncIterator[AiohttpServer]:
    """A real aiohttp.web application with the usual endpoints; see `aiohttp_app`."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    async with AiohttpServer() as server:
        yield server


@pytest.fixture
async def aiohttp_tls_server(server_ssl: ssl.SSLContext) -> AsyncIterator[AiohttpServer]:
    """The same application over TLS, with a certificate of `ca`."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    async with AiohttpServer(ssl=server_ssl) as server:
        yield server


@pytest.fixture(scope="session")
def nginx(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """A real nginx for the whole run (one for each worker); skips the test without nginx."""
    try:
        server = Nginx(tmp_path_factory.mktemp("nginx"), ca)
    except NginxMissing as error:
        pytest.skip(str(error))
    with server:
        yield server
