"""Decoders of the content codings, each on top of a library and with bounded output.

An engine decodes one stream, member or frame. `decode(data, limit)` returns about `limit` bytes at
most; `rest` is the part of `data` that was not used; `more` is true while `decode(b"", limit)` can
return further output; `ended` is true once the stream is complete, and `rest` then follows it.

The optional libraries are imported when the first body needs them, not with this package.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from .zlib_backend import zlib_backend

__all__ = ["GZIP_WBITS", "Engine", "MissingLibrary", "available", "engine", "library"]

GZIP_WBITS = 16 + zlib.MAX_WBITS
# RFC 9659 section 3: a decoder must support windows of 8 MB, and content must not use larger ones.
ZSTD_WINDOW_LOG = 23
# A zstd block of four bytes can decode to 128 KiB, so 64 bytes decode to 2 MiB at most.
ZSTANDARD_SLICE = 64


class MissingLibrary(Exception):
    """The library of a coding is not installed; the text names the library."""


class Engine(Protocol):
    """Decodes one stream, member or frame."""

    rest: bytes
    more: bool
    ended: bool

    @property
    def errors(self) -> type[Exception]:
        """The exception that `decode` raises for malformed bytes."""
        ...

    def decode(self, data: bytes, limit: int) -> bytes:
        """Decode `data`; return about `limit` bytes at most."""
        ...


class Zlib:
    """gzip (RFC 1952), zlib (RFC 1950) or raw deflate (RFC 1951), depending on `wbits`."""

    __slots__ = ("_object", "ended", "errors", "more", "rest")

    def __init__(self, wbits: int) -> None:
        backend = zlib_backend()
        self._object = backend.decompressobj(wbits)
        self.errors: type[Exception] = backend.error
        self.rest = b""
        self.more = self.ended = False

    def decode(self, data: bytes, limit: int) -> bytes:
        inner = self._object
        out: bytes = inner.decompress(data, limit)
        if inner.eof:
            self.ended, self.more, self.rest = True, False, inner.unused_data
        else:
            # zlib may have used all input and still hold output back.
            self.rest, self.more = inner.unconsumed_tail, len(out) >= limit
        return out


class Deflate:
    """``deflate``: zlib (RFC 9110 section 8.4.1.2), or raw deflate, as some servers send it."""

    __slots__ = ("_head", "_inner", "ended", "errors", "more", "rest")

    def __init__(self) -> None:
        self.errors: type[Exception] = zlib_backend().error
        self._head = b""
        self._inner: Zlib | None = None
        self.rest = b""
        self.more = self.ended = False

    def decode(self, data: bytes, limit: int) -> bytes:
        inner = self._inner
        if inner is None:
            data = self._head + data
            if len(data) < 2:
                self._head = data
                return b""
            inner = self._inner = Zlib(_deflate_wbits(data))
        out = inner.decode(data, limit)
        self.rest, self.more, self.ended = inner.rest, inner.more, inner.ended
        return out


def _deflate_wbits(head: bytes) -> int:
    # RFC 1950 section 2.2: method 8 in the low bits, and both bytes divisible by 31.
    wrapped = head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS


class Brotli:
    """br (RFC 7932) by brotli or brotlicffi 1.2 or newer: older ones cannot bound their output."""

    __slots__ = ("_object", "ended", "errors", "more", "rest")

    def __init__(self) -> None:
        brotli = library("br")
        self._object = brotli.Decompressor()
        self.errors: type[Exception] = brotli.error
        self.rest = b""
        self.more = self.ended = False

    def decode(self, data: bytes, limit: int) -> bytes:
        inner = self._object
        out: bytes = inner.process(data, output_buffer_limit=limit)
        self.ended = inner.is_finished()
        # brotli may accept more input and still hold output back.
        self.more = not self.ended and (len(out) >= limit or not inner.can_accept_more_data())
        return out


class Zstd:
    """zstd (RFC 8878) by compression.zstd of Python 3.14 or by backports.zstd."""

    __slots__ = ("_object", "ended", "errors", "more", "rest")

    def __init__(self) -> None:
        zstd = library("zstd")
        options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG}
        self._object = zstd.ZstdDecompressor(options=options)
        self.errors: type[Exception] = zstd.ZstdError
        self.rest = b""
        self.more = self.ended = False

    def decode(self, data: bytes, limit: int) -> bytes:
        inner = self._object
        out: bytes = inner.decompress(data, limit)
        self.ended, self.rest = inner.eof, inner.unused_data
        self.more = not inner.eof and not inner.needs_input
        return out


class Zstandard:
    """zstd by the zstandard package, which gets small slices so that its output is bounded."""

    __slots__ = ("_kept", "_object", "ended", "errors", "more", "rest")

    def __init__(self) -> None:
        zstandard = library("zstd")
        inner = zstandard.ZstdDecompressor(max_window_size=1 << ZSTD_WINDOW_LOG)
        self._object = inner.decompressobj()
        self._kept = b""
        self.errors: type[Exception] = zstandard.ZstdError
        self.rest = b""
        self.more = self.ended = False

    def decode(self, data: bytes, limit: int) -> bytes:
        inner, out, at = self._object, self._kept, 0
        while at < len(data) and len(out) < limit and not inner.eof:
            out += inner.decompress(data[at : at + ZSTANDARD_SLICE])
            at += ZSTANDARD_SLICE
        self._kept = out[limit:]
        self.more = bool(self._kept)
        self.ended = inner.eof and not self.more
        self.rest = (inner.unused_data if at and inner.eof else b"") + data[at:]
        return out[:limit]


_CODINGS: dict[str, tuple[Callable[[], Engine], str]] = {
    "gzip": (lambda: Zlib(GZIP_WBITS), ""),
    "deflate": (Deflate, ""),
    "br": (Brotli, "brotli 1.2 or newer"),
    "zstd": (lambda: Zstandard() if _is_zstandard() else Zstd(), "backports.zstd"),
}


def engine(coding: str) -> Engine:
    """A new engine for `coding`. MissingLibrary if its library is not installed."""
    return _CODINGS[coding][0]()


def available(coding: str) -> bool:
    """Whether the library of `coding` is installed; if it is, that is imported."""
    return coding not in ("br", "zstd") or _find(coding) is not None


def library(coding: str) -> Any:
    """The library of `coding`. MissingLibrary if it is not installed."""
    found = _find(coding)
    if found is None:
        raise MissingLibrary(f"{_CODINGS[coding][1]} is not installed")
    return found


@cache
def _find(coding: str) -> Any:
    names = ("brotli", "brotlicffi") if coding == "br" else _zstd_names()
    return next((module for module in map(_import, names) if module is not None), None)


def _zstd_names() -> tuple[str, ...]:
    others = ("backports.zstd", "zstandard")
    return ("compression.zstd", *others) if sys.version_info >= (3, 14) else others


def _import(name: str) -> Any:
    try:
        module = import_module(name)
    except ImportError:
        return None
    unbounded = name.startswith("brotli") and not hasattr(
        module.Decompressor, "can_accept_more_data"
    )
    return None if unbounded else module


def _is_zstandard() -> bool:
    return bool(library("zstd").__name__ == "zstandard")
