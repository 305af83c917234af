"""Undoing the encodings of a part: Content-Transfer-Encoding (RFC 2045), then Content-Encoding."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from .content_coding import Decoder, decoder_for
from .part_source import MultipartError

__all__ = ["PartDecoder", "base64_signs"]

_PLAIN = ("", "binary", "8bit", "7bit")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOREIGN = bytes(set(range(256)).difference(_ALPHABET))
_SOFT_BREAK_OR_BYTE = re.compile(rb"=(?:[0-9A-Fa-f]|[ \t]*\r?)?\Z")


class PartDecoder:
    """Decodes a part piece by piece, to pieces of about `step` bytes at most.

    Raises RuntimeError for encodings that parts cannot have.
    """

    def __init__(self, transfer: str, content: str, step: int) -> None:
        if transfer not in (*_PLAIN, "base64", "quoted-printable"):
            raise RuntimeError(f"unknown content transfer encoding: {transfer}")
        if content not in ("", "identity", "gzip", "deflate"):
            raise RuntimeError(f"unknown content encoding: {content}")
        self._transfer = transfer
        self._decoder: Decoder | None = decoder_for(content)
        self._step = step
        self._left = b""
        self._padded = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to."""
        if self._transfer == "base64":
            data = self._from_base64(data)
        elif self._transfer == "quoted-printable":
            data = self._from_quoted_printable(data)
        return self._uncompress(data)

    def finish(self) -> Iterator[bytes]:
        """The rest. MultipartError or ClientPayloadError when the part is incomplete."""
        left, self._left = self._left, b""
        if left:
            base64 = self._transfer == "base64"
            yield from self._uncompress(_base64(left) if base64 else binascii.a2b_qp(left))
        if self._decoder is not None:
            self._decoder.finish()

    def _from_base64(self, data: bytes) -> bytes:
        if self._padded:  # which is the end
            return b""
        data = self._left + base64_signs(data)
        whole = len(data) // 4 * 4
        data, self._left = data[:whole], data[whole:]
        padding = data.find(b"=")
        if padding >= 0:
            self._padded, self._left = True, b""
            data = data[: padding // 4 * 4 + 4]
        return _base64(data)

    def _from_quoted_printable(self, data: bytes) -> bytes:
        data = self._left + data
        tail = _SOFT_BREAK_OR_BYTE.search(data, max(0, len(data) - 80))
        whole = len(data) if tail is None else tail.start()
        self._left = data[whole:]
        return binascii.a2b_qp(data[:whole])

    def _uncompress(self, data: bytes) -> Iterator[bytes]:
        decoder = self._decoder
        if decoder is None:
            if data:
                yield data
            return
        yield decoder.feed(data, self._step)
        while decoder.pending:
            yield decoder.feed(b"", self._step)


def base64_signs(data: bytes) -> bytes:
    """What counts of base64 (RFC 2045 section 6.8): line ends and whatever else there is do not."""
    return data.translate(None, _FOREIGN)


def _base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error as error:
        raise MultipartError(f"The part is not valid base64: {error}") from error
