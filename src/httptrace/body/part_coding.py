"""Decodes a part: its Content-Transfer-Encoding (RFC 2045), then its Content-Encoding."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from .content_coding import Decoder, codings_of, decoder_for
from .part_source import MultipartError

__all__ = ["PartDecoder", "base64_characters"]

_PLAIN = ("", "binary", "8bit", "7bit")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOREIGN = bytes(set(range(256)).difference(_ALPHABET))
_SOFT_BREAK_OR_BYTE = re.compile(rb"=(?:[0-9A-Fa-f]|[ \t]*\r?)?\Z")


class PartDecoder:
    """Decodes a part piece by piece; each decoded piece has about `step` bytes at most.

    Raises RuntimeError for an encoding that is not supported.
    """

    def __init__(self, transfer: str, content: str, step: int) -> None:
        if transfer not in (*_PLAIN, "base64", "quoted-printable"):
            raise RuntimeError(f"unknown content transfer encoding: {transfer}")
        if not {"gzip", "deflate"}.issuperset(codings_of(content)):
            raise RuntimeError(f"unknown content encoding: {content}")
        self._transfer = transfer
        self._decoder: Decoder | None = decoder_for(content)
        self._step = step
        self._left = b""
        self._padded = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode `data`."""
        if self._transfer == "base64":
            data = self._from_base64(data)
        elif self._transfer == "quoted-printable":
            data = self._from_quoted_printable(data)
        return self._uncompress(data)

    def finish(self) -> Iterator[bytes]:
        """Decode the rest. MultipartError or ClientPayloadError if the part is incomplete."""
        left, self._left = self._left, b""
        if left:
            base64 = self._transfer == "base64"
            yield from self._uncompress(_base64(left) if base64 else binascii.a2b_qp(left))
        if self._decoder is not None:
            self._decoder.finish()

    def _from_base64(self, data: bytes) -> bytes:
        if self._padded:  # padding ends base64
            return b""
        data = self._left + base64_characters(data)
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


def base64_characters(data: bytes) -> bytes:
    """The bytes of the base64 alphabet in `data`; others are ignored (RFC 2045 section 6.8)."""
    return data.translate(None, _FOREIGN)


def _base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error as error:
        raise MultipartError(f"The part is not valid base64: {error}") from error
