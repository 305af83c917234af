"""`Peer`: one connection of a `ScriptedServer`, from the server's side."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, Protocol

from .changes import Changes
from .received import MalformedRequest, ReceivedRequest, parse_head, parse_headers
from .tls_layer import TLSLayer

__all__ = ["ClientGone", "Ending", "Peer", "PeerListener"]

Ending = Literal["eof", "reset", "closed"]

# SO_LINGER on, with zero seconds: close() then sends RST and no FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

# Iterations of the event loop between two pieces. A client in the same loop can read the first
# piece in the next iteration, but its callback runs after ours there.
_TURNS_BETWEEN_PIECES = 3


class ClientGone(ConnectionError):
    """The client closed or reset the connection while the script was reading or writing.

    A script need not catch it: that ends the script without an error. `received` has the bytes of
    the incomplete message.
    """

    def __init__(self, message: str, received: bytes = b"") -> None:
        super().__init__(message)
        self.received = received


class PeerListener(Protocol):
    """What a connection notifies: the server that it belongs to."""

    events: defaultdict[str, asyncio.Event]

    def request_received(self, request: ReceivedRequest) -> None:
        """The head of a request is complete."""

    def connection_ended(self) -> None:
        """The client or the server closed the connection."""


class Peer:
    """A connection to a client, for a script: read what the client sends, send any bytes.

    `index` numbers the server's connections from 0, `address` is the client's address, `requests`
    are those received on this connection. `ended` is "eof" or "reset" if the client ended the
    connection, "closed" if the server did, and None while it is open. `events` are the server's
    named events, for synchronization with the test.
    """

    def __init__(
        self, sock: socket.socket, address: object, index: int, owner: PeerListener
    ) -> None:
        self.index = index
        self.address = address
        self.events = owner.events
        self.requests: list[ReceivedRequest] = []
        self.ended: Ending | None = None
        self.bytes_received = 0
        self.bytes_sent = 0
        self.tls_error: Exception | None = None
        self._owner = owner
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._inbox = bytearray()
        self._tls: TLSLayer | None = None
        self._secured = False
        self._changes = Changes()
        self._reading = False
        self._prepare()

    def __repr__(self) -> str:
        return f"<Peer {self.index} {self.ended or 'open'}, {len(self.requests)} requests>"

    def _prepare(self) -> None:
        self._sock.setblocking(False)
        if self._sock.family != getattr(socket, "AF_UNIX", None):
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.resume_reading()

    # Reading

    async def request(self) -> ReceivedRequest:
        """Read a complete request, whose body has a Content-Length or is chunked.

        Raises ClientGone if the client closes the connection before the request is complete, and
        MalformedRequest for anything that is not HTTP/1.1. For a request that expects a 100, use
        `read_head`, `send` and `read_body` instead.
        """
        request = await self.read_head()
        await self.read_body(request)
        return request

    async def read_head(self) -> ReceivedRequest:
        """Read a request line and headers; read the body with `read_body` afterwards."""
        request = parse_head(await self.read_until(b"\r\n\r\n"), self.index)
        self.requests.append(request)
        self._owner.request_received(request)
        return request

    async def read_body(self, request: ReceivedRequest) -> bytes:
        """Read the body of this request, store it in the request and return it."""
        if request.is_chunked:
            await self._read_chunks(request)
        elif length := request.content_length:
            request.body = await self.read(length)
            request.raw += request.body
        return request.body

    async def _read_chunks(self, request: ReceivedRequest) -> None:
        """Read chunks and trailers (RFC 9112 §7.1)."""
        raw, body = bytearray(request.raw), bytearray()
        while size := await self._read_chunk_size(raw):
            chunk = await self.read(size + 2)
            if not chunk.endswith(b"\r\n"):
                raise MalformedRequest(f"a chunk of {size} bytes does not end in CRLF")
            raw += chunk
            body += chunk[:-2]
        trailers = bytearray()
        while (line := await self.read_until(b"\r\n")) != b"\r\n":
            trailers += line
        request.trailers = parse_headers(bytes(trailers))
        request.body, request.raw = bytes(body), bytes(raw + trailers + b"\r\n")

    async def _read_chunk_size(self, raw: bytearray) -> int:
        line = await self.read_until(b"\r\n")
        raw += line
        digits = line[:-2].partition(b";")[0]
        if not digits or digits.strip(b"0123456789abcdefABCDEF"):
            raise MalformedRequest(f"not a chunk size: {line!r}")
        return int(digits, 16)

    async def read(self, count: int) -> bytes:
        """Read exactly `count` bytes; ClientGone if the client sends fewer."""
        while len(self._inbox) < count:
            await self._more(f"{count} bytes")
        return self._take(count)

    async def read_until(self, end: bytes) -> bytes:
        """Read up to and including these bytes; ClientGone if the client does not send them."""
        searched = 0
        while (at := self._inbox.find(end, searched)) < 0:
            searched = max(0, len(self._inbox) - len(end) + 1)
            await self._more(repr(end))
        return self._take(at + len(end))

    async def receive(self) -> bytes:
        """Return the bytes received so far, or wait for the next; b"" at the end of the stream."""
        await self._changes.until(lambda: bool(self._inbox) or self.ended is not None)
        return self._take(len(self._inbox))

    async def _more(self, wanted: str) -> None:
        size = len(self._inbox)
        await self._changes.until(lambda: len(self._inbox) > size or self.ended is not None)
        if len(self._inbox) == size:
            left = self._take(size)
            raise ClientGone(f"{self.ended} while waiting for {wanted}, {size} bytes came", left)

    def _take(self, count: int) -> bytes:
        data = bytes(self._inbox[:count])
        del self._inbox[:count]
        return data

    def pause_reading(self) -> None:
        """Stop reading from the socket: the client must wait once the buffers are full.

        While paused, the end of the connection is not noticed either.
        """
        if self._reading:
            self._loop.remove_reader(self._sock)
            self._reading = False

    def resume_reading(self) -> None:
        """Read again after `pause_reading`."""
        if not self._reading and self.ended is None:
            self._loop.add_reader(self._sock, self._readable)
            self._reading = True

    def _readable(self) -> None:
        try:
            data = self._sock.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end("reset")
            return
        if not data:
            self._end("eof")
            return
        self.bytes_received += len(data)
        self._received(data)

    def _received(self, data: bytes) -> None:
        if self._tls is None:
            self._inbox += data
        else:
            self._tls.feed(data)
            if self._secured:
                self._decrypt(self._tls)
        self._changes.notify()

    def _end(self, ending: Ending) -> None:
        if self.ended is None:
            self.pause_reading()
            self.ended = ending
            self._changes.notify()
            self._owner.connection_ended()

    # Sending

    async def send(self, data: bytes) -> None:
        """Send these bytes, over TLS if it was started. Returns once the kernel has accepted them.

        Raises ClientGone if the client has closed the connection.
        """
        await self.send_raw(data if self._tls is None else self._tls.encrypt(data))

    async def send_raw(self, data: bytes) -> None:
        """Send these bytes without encryption, even if TLS was started."""
        try:
            await self._loop.sock_sendall(self._sock, data)
        except OSError as error:
            self._end("reset")
            raise ClientGone(f"cannot send to the client: {error}") from error
        self.bytes_sent += len(data)

    async def send_slowly(self, data: bytes, *, size: int = 1, pause: float = 0.0) -> None:
        """Send pieces of `size` bytes, each in its own segment, with `pause` seconds between them.

        Even without a pause the event loop runs between two pieces, so that a client in the same
        loop reads each piece separately.
        """
        await self.send_pieces((data[at : at + size] for at in range(0, len(data), size)), pause)

    async def send_pieces(self, pieces: Iterable[bytes], pause: float = 0.0) -> None:
        """Send each piece in its own segment, with `pause` seconds between them."""
        for piece in pieces:
            await self.send(piece)
            await asyncio.sleep(pause)
            for _ in range(_TURNS_BETWEEN_PIECES):
                await asyncio.sleep(0)

    # TLS

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Perform the server side of a TLS handshake; all later bytes are encrypted.

        If the handshake fails, the alert is sent, the error is stored in `tls_error`, and
        ClientGone is raised.
        """
        tls = self._tls = TLSLayer(context)
        tls.feed(self._take(len(self._inbox)))
        try:
            await self._handshake(tls)
        except (ssl.SSLError, ClientGone) as error:
            self.tls_error = error
            with contextlib.suppress(ClientGone):
                await self.send_raw(tls.outgoing())
            raise ClientGone(f"the TLS handshake failed: {error}") from error

    async def _handshake(self, tls: TLSLayer) -> None:
        seen = self.bytes_received
        while not tls.handshake():
            await self.send_raw(tls.outgoing())
            await self._more_ciphertext(seen)
            seen = self.bytes_received
        await self.send_raw(tls.outgoing())
        self._secured = True
        self._decrypt(tls)

    async def _more_ciphertext(self, seen: int) -> None:
        await self._changes.until(lambda: self.bytes_received > seen or self.ended is not None)
        if self.bytes_received == seen:
            raise ClientGone(f"{self.ended} in the TLS handshake")

    def _decrypt(self, tls: TLSLayer) -> None:
        try:
            plaintext, finished = tls.decrypt()
        except ssl.SSLError as error:
            self.tls_error = error
            self._end("reset")
            return
        self._inbox += plaintext
        if finished:
            self._end("eof")

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The SSL object (ALPN, cipher, the client's certificate); None without TLS."""
        return self._tls.object if self._tls is not None else None

    # Ending

    def half_close(self) -> None:
        """Close the server's half of the connection (FIN); the client can still send."""
        with contextlib.suppress(OSError):
            self._send_close_notify()
            self._sock.shutdown(socket.SHUT_WR)

    def close(self, *, close_notify: bool = True) -> None:
        """Close the connection with FIN; `close_notify=False` omits TLS's closing alert.

        As with any socket, the kernel sends RST instead if its receive buffer has unread bytes.
        """
        self._end("closed")
        if self._sock.fileno() >= 0:
            if close_notify:
                self._send_close_notify()
            self._sock.close()

    def reset(self) -> None:
        """Close the connection with RST: bytes that the client has not read may be lost."""
        self._end("closed")
        if self._sock.fileno() >= 0:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._sock.close()

    def _send_close_notify(self) -> None:
        """Send the alert, unless the socket's send buffer is full."""
        if self._tls is not None and self._secured:
            with contextlib.suppress(OSError):
                self._sock.send(self._tls.close_notify())

    async def until_closed(self) -> Ending:
        """Wait until the connection has ended, and return the value of `ended`.

        Bytes that arrive in the meantime are kept.
        """
        await self._changes.until(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    async def hang(self) -> None:
        """Do nothing until the server stops; the connection stays open and is still read."""
        await self._loop.create_future()
