"""The TLS parameters of requests and connectors: ``ssl`` and its deprecated forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TLS_PARAMETERS = frozenset({"ssl", "verify_ssl", "fingerprint", "ssl_context"})


def tls_of(options: Mapping[str, Any]) -> Any:
    """The ``ssl`` parameter, or its value by verify_ssl, fingerprint or ssl_context."""
    if TLS_PARAMETERS.isdisjoint(options):
        return True
    from .tls import Fingerprint

    verify = options.get("verify_ssl")
    given = {
        "ssl": options.get("ssl", True),
        "verify_ssl": None if verify is True else verify,  # True is the default
        "fingerprint": options.get("fingerprint"),
        "ssl_context": options.get("ssl_context"),
    }
    old = [name for name in list(given)[1:] if given[name] is not None]
    tls: Any = given["ssl"]
    if tls is None:
        tls = True
    if len(old) > 1 or (old and tls is not True):
        raise ValueError("ssl, verify_ssl, fingerprint and ssl_context exclude each other")
    if old == ["fingerprint"]:
        tls = Fingerprint(given["fingerprint"])
    elif old:
        tls = given[old[0]]
    return check_tls(tls, old[0] if old else "ssl")


def check_tls(tls: Any, name: str = "ssl") -> Any:
    """Raise TypeError unless it is a bool, an SSLContext or a Fingerprint."""
    if tls is True:
        return tls
    import ssl

    from .tls import Fingerprint

    if not isinstance(tls, bool | ssl.SSLContext | Fingerprint):
        raise TypeError(f"{name} should be SSLContext, Fingerprint, or bool, got {tls!r} instead.")
    return tls
