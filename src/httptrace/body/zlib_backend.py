"""The library for gzip and deflate: zlib, or another one with zlib's interface."""

from __future__ import annotations

import zlib
from typing import Any

__all__ = ["set_zlib_backend", "zlib_backend"]

_REQUIRED = ("compressobj", "decompressobj", "error")
_backend: Any = zlib


def zlib_backend() -> Any:
    """The current library."""
    return _backend


def set_zlib_backend(new_zlib_backend: Any) -> None:
    """Set the library that encodes and decodes gzip and deflate in the whole process.

    It must have zlib's interface, as ``zlib_ng.zlib_ng`` and ``isal.isal_zlib`` have. Bodies that
    are being read or sent keep the library that they began with.

    Raises
    ------
    TypeError
        If a part of the interface is missing.
    """
    global _backend
    missing = [name for name in _REQUIRED if not hasattr(new_zlib_backend, name)]
    if missing:
        raise TypeError(f"{new_zlib_backend!r} is not a zlib: it has no {', '.join(missing)}")
    _backend = new_zlib_backend
