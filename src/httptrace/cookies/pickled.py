"""Cookie files that aiohttp before 3.14 wrote: pickles, read without running what is in them."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from http.cookies import Morsel
from typing import Any

from .morsels import given_cookie
from .policy import expires_at

_ALLOWED = frozenset(
    {
        ("builtins", "dict"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("builtins", "tuple"),
        ("collections", "defaultdict"),
        ("http.cookies", "Morsel"),
        ("http.cookies", "SimpleCookie"),
    }
)
"""The classes that such a file consists of, as aiohttp allows them; none of them runs code."""


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python: that in C lets a file of some bytes allocate gigabytes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a cookie file")
        return super().find_class(module, name)


def pickled_rows(content: bytes, now: float) -> Iterator[dict[str, Any]]:
    """Convert the pickle of a mapping: cookies by domain and path, then by name.

    Lifetimes (Max-Age) begin now: the file does not have the time when it was written. Nor does it
    tell which cookies were for their host alone; as in aiohttp they are for its subdomains too.

    Raises
    ------
    Exception
        Of any class, if it is no such pickle.
    """
    for (domain, path), cookies in _Unpickler(io.BytesIO(content)).load().items():
        for name, morsel in cookies.items():
            if not isinstance(morsel, Morsel):
                raise TypeError("not a Morsel")
            given = given_cookie(name, morsel)
            yield {
                "name": given.name,
                "value": given.value,
                "coded": given.coded,
                "domain": domain,
                "path": path or "/",
                "samesite": given.samesite,
                "max_age": given.max_age,
                "host_only": False,
                "secure": given.secure,
                "httponly": given.httponly,
                "expires_at": expires_at(given, now),
            }
