"""A test server on real sockets whose scripts send any bytes with any timing.

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send_slowly(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        peer.reset()

    async with ScriptedServer(script) as server:
        ...  # point a client at server.url

It needs an event loop with `add_reader`: asyncio's selector loop or uvloop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl as ssl_module
from collections import defaultdict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self

from .changes import Changes
from .peer import ClientGone, Peer
from .received import ReceivedRequest

__all__ = ["Script", "ScriptedServer", "hang", "per_request", "responding", "response_bytes"]

Script = Callable[[Peer], Awaitable[None]]
"""`async def script(peer)`: serves one connection, which is closed when the script returns."""


async def hang(peer: Peer) -> None:
    """Script: accept the connection, read everything, and never respond."""
    await peer.hang()


def per_request(handler: Callable[[Peer, ReceivedRequest], Awaitable[None]]) -> Script:
    """Make a script that calls `handler(peer, request)` for each request on the connection."""

    async def script(peer: Peer) -> None:
        while True:
            await handler(peer, await peer.request())

    return script


def responding(*responses: bytes) -> Script:
    """Make a script that sends the first response to the first request, and so on.

    The last response is sent to all further requests. The client ends the connection.
    """
    if not responses:
        raise ValueError("responding() needs at least one response")

    async def answer(peer: Peer, request: ReceivedRequest) -> None:
        await peer.send(responses[min(len(peer.requests), len(responses)) - 1])

    return per_request(answer)


def response_bytes(
    status: int = 200,
    body: bytes = b"",
    *headers: tuple[str, str],
    length: bool = True,
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of a response; `length=False` omits Content-Length."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    lines = [f"{version} {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class ScriptedServer:
    """A server on loopback (TCP, TLS or a Unix socket) that runs a script for each connection.

    The first script serves the first connection, the second script the second one, and so on; the
    last script serves all further connections. Bytes given instead of a script stand for
    `responding(those_bytes)`. When a script returns, its connection is closed. If the client closes
    the connection first, the script ends with `ClientGone`, which is ignored. Any other exception
    resets the connection and is raised again at the end of the `async with` block. There all
    scripts are cancelled and all sockets closed.

    - `host`, `port`: where to listen; by default a free port. `unix_path`: a Unix socket instead.
    - `ssl`: a server-side context; the handshake is done before the script starts. If it fails,
      the connection is closed and the error is stored in the peer's `tls_error`. For a later
      upgrade, omit this and use `Peer.start_tls`.
    - `receive_buffer`: how many bytes the kernel accepts from the client while the script does not
      read (`Peer.pause_reading`).

    `connections` and `requests` are all that were received, in order. `events` are named asyncio
    events, created on first use, for synchronization between test and scripts.
    """

    def __init__(
        self,
        *scripts: Script | bytes,
        host: str = "127.0.0.1",
        port: int = 0,
        unix_path: str | os.PathLike[str] | None = None,
        ssl: ssl_module.SSLContext | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        if not scripts:
            raise ValueError("ScriptedServer needs at least one script")
        self._scripts = [responding(s) if isinstance(s, bytes) else s for s in scripts]
        self.host = host
        self.port = port
        self.unix_path = os.fspath(unix_path) if unix_path is not None else None
        self._ssl = ssl
        self._receive_buffer = receive_buffer
        self.connections: list[Peer] = []
        self.requests: list[ReceivedRequest] = []
        self.events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._changes = Changes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []
        self._listener: socket.socket | None = None

    def __repr__(self) -> str:
        return f"<ScriptedServer {self.unix_path or self.url}, {len(self.connections)} connections>"

    @property
    def url(self) -> str:
        """The URL of the server without a slash at the end: `http://127.0.0.1:41234`."""
        scheme = "https" if self._ssl is not None else "http"
        if self.unix_path is not None:
            return f"{scheme}://localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """The number of connections that are open on both sides."""
        return sum(peer.ended is None for peer in self.connections)

    # Waiting for what the client does

    async def connected(self, count: int = 1, *, timeout: float = 5.0) -> Peer:
        """Wait until `count` connections in total were accepted, and return the last of them.

        Raises AssertionError after `timeout` seconds.
        """
        await self._until(lambda: len(self.connections) >= count, f"{count} connections", timeout)
        return self.connections[count - 1]

    async def received(self, count: int = 1, *, timeout: float = 5.0) -> ReceivedRequest:
        """Wait until the heads of `count` requests in total were received; return the last request.

        Raises AssertionError after `timeout` seconds.
        """
        await self._until(lambda: len(self.requests) >= count, f"{count} requests", timeout)
        return self.requests[count - 1]

    async def no_connections(self, *, timeout: float = 5.0) -> None:
        """Wait until no connection is open (`open_connections`).

        Raises AssertionError after `timeout` seconds; its text names the open connections.
        """
        await self._until(lambda: not self.open_connections, "no open connection", timeout)

    async def finished(self, *, timeout: float = 5.0) -> None:
        """Wait until all started scripts have ended.

        Raises AssertionError after `timeout` seconds.
        """
        await self._until(lambda: not self._tasks, "all scripts to end", timeout)

    async def _until(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._changes.until(condition)
        except TimeoutError:
            raise AssertionError(
                f"waited {timeout:g} s for {what}; {len(self.requests)} requests came"
                f" and these connections: {self.connections}"
            ) from None

    # What the peers tell

    def request_received(self, request: ReceivedRequest) -> None:
        """Called by a connection when the head of a request is complete."""
        self.requests.append(request)
        self._changes.notify()

    def connection_ended(self) -> None:
        """Called by a connection when it ends."""
        self._changes.notify()

    # Life

    async def __aenter__(self) -> Self:
        self._listener = self._unix_listener() if self.unix_path else self._tcp_listener()
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)
        return self

    def _tcp_listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        try:
            if self._receive_buffer is not None:  # Accepted sockets inherit it.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        return listener

    def _unix_listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(self.unix_path or "")
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
        return listener

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except OSError:  # The client closed the connection before it was accepted.
            return
        index = len(self.connections)
        peer = Peer(sock, address, index, self)
        self.connections.append(peer)
        script = self._scripts[min(index, len(self._scripts) - 1)]
        task = asyncio.get_running_loop().create_task(
            self._run(peer, script), name=f"script of connection {index}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._script_ended)
        self._changes.notify()

    async def _run(self, peer: Peer, script: Script) -> None:
        try:
            if self._ssl is not None:
                await peer.start_tls(self._ssl)
            await script(peer)
        except ClientGone:
            pass
        except Exception as error:
            self._failures.append(error)
            peer.reset()
        finally:
            peer.close()

    def _script_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changes.notify()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_listening()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for peer in self.connections:  # A task cancelled before its first step closes nothing.
            peer.close()
        if self._failures and (exc is None or isinstance(exc, Exception)):
            raise self._failure()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if self.unix_path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.unix_path)

    def _failure(self) -> Exception:
        """The exception that a script raised; several as an ExceptionGroup."""
        if len(self._failures) == 1:
            return self._failures[0]
        return ExceptionGroup("several scripts failed", self._failures)
