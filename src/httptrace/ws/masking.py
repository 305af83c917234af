"""Masking (RFC 6455 §5.3): each frame of a client is XORed with four random bytes.

CPython has no XOR for bytes. Short payloads are XORed as large integers; in longer ones every
fourth byte is translated by a table, which is two to four times as fast there. If the package
websockets is installed, its C function is used, which takes a tenth of the time.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TABLES = [bytes(value ^ key for value in range(256)) for key in range(256)]
_SHORT = 128


def mask_by_tables(data: bytes, key: bytes) -> bytes | bytearray:
    """XOR `data` with the four bytes of `key`, repeated."""
    size = len(data)
    if size < _SHORT:
        keys = int.from_bytes((key * (size // 4 + 1))[:size], "little")
        return (int.from_bytes(data, "little") ^ keys).to_bytes(size, "little")
    out = bytearray(data)
    first, second, third, fourth = key
    out[::4] = out[::4].translate(_TABLES[first])
    out[1::4] = out[1::4].translate(_TABLES[second])
    out[2::4] = out[2::4].translate(_TABLES[third])
    out[3::4] = out[3::4].translate(_TABLES[fourth])
    return out


def _c_function() -> Callable[[bytes, bytes], bytes] | None:
    """Load the function of websockets without importing the whole package, which takes time."""
    package = find_spec("websockets")
    if package is None:
        return None
    spec = PathFinder.find_spec("websockets.speedups", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        return None
    try:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    function: Callable[[bytes, bytes], bytes] | None = getattr(module, "apply_mask", None)
    return function


mask: Callable[[bytes, bytes], bytes | bytearray] = _c_function() or mask_by_tables
