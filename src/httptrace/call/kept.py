"""What kept events keep: they refer to exchanges, which must not keep what is heavy.

Facts stand in place of a connection once the call has ended. Bytes of a body that nobody has read
are dropped when the program has dropped the response and its stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from ..trace.record import TlsFacts
    from ..trace.tcp_info import TcpInfo
    from .connection import Connection

SHORT = 4096
"""A body of so many bytes may be kept: events are about as large."""


class ConnectionFacts:
    """What an exchange tells about a connection that it no longer uses."""

    __slots__ = ("address", "closed", "facts", "id", "kernel", "opened_ns", "tls", "transport")

    def __init__(self, connection: Connection) -> None:
        self.id = connection.id
        self.address: str | None = connection.address
        self.tls: TlsFacts | None = connection.tls
        self.kernel: TcpInfo | None = connection.kernel
        self.opened_ns = connection.opened_ns
        self.closed = True
        self.transport = None
        self.facts = self

    def resume_reading(self) -> None:
        """Do nothing: nothing is to be read any more."""

    def unsent(self) -> int:
        """The number of bytes in the transport's write buffer: 0."""
        return 0


def facts_of(connection: Connection) -> ConnectionFacts:
    """The facts of a connection. It keeps them for its next exchanges."""
    connection.facts = facts = ConnectionFacts(connection)
    return facts


class UnreadBody:
    """Drops the unread bytes of a body once the response and its stream are gone."""

    __slots__ = ("_response", "_streams")

    def __init__(self, chunks: list[bytes], response: Any) -> None:
        streams: list[ref[Any]] = []
        self._streams = streams
        self._response = ref(response, lambda _: _drop(chunks, streams))

    def read_by(self, stream: Any) -> None:
        """The body has a stream, which the program may keep longer than the response."""
        self._streams.append(ref(stream))


def _drop(chunks: list[bytes], streams: list[ref[Any]]) -> None:
    stream = streams[0]() if streams else None
    if stream is None:
        chunks.clear()
    else:
        streams[0] = ref(stream, lambda _: chunks.clear())
