"""The library behind gzip and deflate: zlib, or another one with its interface."""

from __future__ import annotations

import zlib
from typing import Any

__all__ = ["set_zlib_backend", "zlib_backend"]

_REQUIRED = ("compressobj", "decompressobj", "error")
_backend: Any = zlib


def zlib_backend() -> Any:
    """The library that is used from now on."""
    return _backend


def set_zlib_backend(new_zlib_backend: Any) -> None:
    """Encode and decode gzip and deflate with another library, in the whole process.

    It must have zlib's interface, as ``zlib_ng.zlib_ng`` and ``isal.isal_zlib`` do; streams that
    are under way keep theirs.

    Raises
    ------
    TypeError
        If it lacks what is needed.
    """
    global _backend
    missing = [name for name in _REQUIRED if not hasattr(new_zlib_backend, name)]
    if missing:
        raise TypeError(f"{new_zlib_backend!r} is no zlib: it has no {', '.join(missing)}")
    _backend = new_zlib_backend
