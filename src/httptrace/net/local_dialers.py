"""Dialers that connect to one path on this machine: a Unix socket, a named pipe of Windows."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .arguments import checked_path
from .byte_streams import SocketStream
from .dialer import BaseDialer, Dial
from .happy_eyeballs import Attempt, HappyEyeballs
from .key import proxy_key
from .sockets import connect_unix, reason
from .transports import TransportOpener

if TYPE_CHECKING:
    from .byte_streams import TransportPair
    from .key import ConnectionKey
    from .tls import SslParameter
    from .transports import ProtocolFactory


class UnixDialer(BaseDialer):
    """Connects to one Unix socket; `path` may begin with NUL (Linux's abstract names).

    Raises
    ------
    TypeError, ValueError
        For a parameter that cannot be used.
    """

    def __init__(
        self, path: str, *, ssl: SslParameter = True, ssl_shutdown_timeout: float | None = None
    ) -> None:
        super().__init__()
        self.path = checked_path(path)
        self._transports = TransportOpener(ssl, ssl_shutdown_timeout, self.counters)

    async def _connect(self, dial: Dial, protocol_factory: ProtocolFactory) -> TransportPair:
        key, record = dial.key, dial.record
        _refuse_proxy(key)
        context = await self._transports.context(key, record)
        async with dial.within_sock_connect():
            record.enter("connect")
            attempt = Attempt(self.path, socket.AF_UNIX, partial(connect_unix, self.path))
            sock = await HappyEyeballs(key, record, self.counters).connect([attempt], None)
            return await self._transports.open(SocketStream(sock), context, dial, protocol_factory)


class PipeDialer(BaseDialer):
    """Connects to one named pipe, without TLS; the loop must be a proactor event loop."""

    def __init__(self, path: str) -> None:
        super().__init__()
        if not isinstance(path, str) or not path:
            raise TypeError(f"path must name a pipe, not {path!r}")
        self.path = path

    async def _connect(self, dial: Dial, protocol_factory: ProtocolFactory) -> TransportPair:
        key, record = dial.key, dial.record
        _refuse_proxy(key)
        if key.is_ssl:
            raise key.failure(OSError(None, "there is no TLS over a named pipe: use http"))
        loop: Any = asyncio.get_running_loop()
        async with dial.within_sock_connect():
            record.enter("connect")
            try:
                pair = await loop.create_pipe_connection(protocol_factory, self.path)
            except OSError as exc:
                text = f"{self.path}: {reason(exc)}"
                raise key.failure(OSError(exc.errno, text)) from exc
        record.address = self.path
        record.enter("queue")
        return cast("TransportPair", pair)


def _refuse_proxy(key: ConnectionKey) -> None:
    if key.proxy is not None:
        text = "this connector connects to one path on this machine and uses no proxy"
        raise proxy_key(key, key.ssl).failure(OSError(None, text))
