"""Connections over a named pipe of Windows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from ..errors import ClientConnectionError
from .counters import DialCounters
from .dialer import refuse_proxy
from .limit import Limit
from .sockets import reason

if TYPE_CHECKING:
    from ..trace.record import Record
    from .carriers import Stream
    from .key import ConnectionKey
    from .streams import ProtocolFactory


class PipeDialer:
    """Makes connections to one named pipe; the loop must be a proactor."""

    def __init__(self, path: str) -> None:
        if not isinstance(path, str) or not path:
            raise TypeError(f"path must name a pipe, not {path!r}")
        self.counters = DialCounters()
        self.path = path
        self._closed = False

    async def connect(
        self,
        key: ConnectionKey,
        record: Record,
        protocol_factory: ProtocolFactory,
        *,
        sock_connect: float | None,
        dns: float | None = None,
        tls: float | None = None,
    ) -> Stream:
        """A new connection to the pipe; raises as `Dialer.connect` does. It has no TLS."""
        if self._closed:
            raise ClientConnectionError("Connector is closed")
        refuse_proxy(key)
        if key.is_ssl:
            raise key.failure(OSError(None, "there is no TLS over a named pipe: use http"))
        loop: Any = asyncio.get_running_loop()
        async with Limit(key, record, sock_connect):
            record.enter("connect")
            try:
                stream = await loop.create_pipe_connection(protocol_factory, self.path)
            except OSError as exc:
                text = f"{self.path}: {reason(exc)}"
                raise key.failure(OSError(exc.errno, text)) from exc
        record.address = self.path
        return cast("Stream", stream)

    async def close(self) -> None:
        """Make no more connections."""
        self._closed = True
