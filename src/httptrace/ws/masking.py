"""Masking (RFC 6455 §5.3): every frame of a client is XORed with four random bytes.

CPython has no XOR of bytes. For a few bytes one of large integers is quickest; for more, four
translations of every fourth byte, each in C, are two to four times as quick. Where the package
websockets is installed, its function in C does it in a tenth of that.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TABLES = [bytes(value ^ key for value in range(256)) for key in range(256)]
_FEW = 128


def mask_by_tables(data: bytes, key: bytes) -> bytes | bytearray:
    """`data` XORed with the four bytes of `key`, over and over."""
    size = len(data)
    if size < _FEW:
        keys = int.from_bytes((key * (size // 4 + 1))[:size], "little")
        return (int.from_bytes(data, "little") ^ keys).to_bytes(size, "little")
    out = bytearray(data)
    first, second, third, fourth = key
    out[::4] = out[::4].translate(_TABLES[first])
    out[1::4] = out[1::4].translate(_TABLES[second])
    out[2::4] = out[2::4].translate(_TABLES[third])
    out[3::4] = out[3::4].translate(_TABLES[fourth])
    return out


def _in_c() -> Callable[[bytes, bytes], bytes] | None:
    """The function of websockets, without the time that importing the whole package takes."""
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


mask: Callable[[bytes, bytes], bytes | bytearray] = _in_c() or mask_by_tables
