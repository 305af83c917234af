"""TLS by hand over a plain socket, so that a test server decides on every byte and its moment.

An event loop's own TLS takes the handshake, the closing alert and the socket's end out of a
script's hands. Here they stay in them: a script may upgrade late, cut a record in the middle or
leave without a close_notify.
"""

from __future__ import annotations

import contextlib
import ssl

__all__ = ["TLSLayer"]


class TLSLayer:
    """The server's half of one TLS connection, as pure bytes in and bytes out."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def feed(self, data: bytes | bytearray) -> None:
        """Take ciphertext that came from the client."""
        self._incoming.write(data)

    def outgoing(self) -> bytes:
        """Give the ciphertext that waits to be sent."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go as far as the bytes at hand allow; True when the handshake is complete."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypt(self) -> tuple[bytes, bool]:
        """Give the plaintext at hand, and whether the client has sent its close_notify."""
        pieces: list[bytes] = []
        try:
            while piece := self.object.read(65536):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces), False
        except ssl.SSLZeroReturnError:
            pass
        return b"".join(pieces), True

    def encrypt(self, data: bytes) -> bytes:
        """Give the records that carry this plaintext."""
        self.object.write(data)
        return self._outgoing.read()

    def close_notify(self) -> bytes:
        """Give the alert that ends the server's half (RFC 8446 §6.1)."""
        with contextlib.suppress(ssl.SSLError):  # It would wait for the client's alert.
            self.object.unwrap()
        return self._outgoing.read()
