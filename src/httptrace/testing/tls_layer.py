"""TLS for scripts of test servers, without the event loop's own TLS.

That performs the handshake, the closing alert and the end of the socket by itself. Here the script
controls them: it can start TLS late, cut a record, or close without a close_notify.
"""

from __future__ import annotations

import contextlib
import ssl

__all__ = ["TLSLayer"]


class TLSLayer:
    """The server side of a TLS connection, without I/O: bytes in, bytes out."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def feed(self, data: bytes | bytearray) -> None:
        """Add ciphertext that was received from the client."""
        self._incoming.write(data)

    def outgoing(self) -> bytes:
        """Return the ciphertext to send."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Continue the handshake with the received bytes; returns whether it is complete."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypt(self) -> tuple[bytes, bool]:
        """Return the decrypted bytes, and whether the client has sent its close_notify."""
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
        """Return the TLS records for this plaintext."""
        self.object.write(data)
        return self._outgoing.read()

    def close_notify(self) -> bytes:
        """Return the closing alert of the server (RFC 8446 §6.1)."""
        with contextlib.suppress(ssl.SSLError):  # unwrap() wants to wait for the client's alert.
            self.object.unwrap()
        return self._outgoing.read()
